//! Several workers and the ways between them, on the call's clock: a whole SFU without threads.
//!
//! Participants are dealt out to the workers in turn and a room's home is chosen by lot, so that as much
//! crosses as can. A crossing takes a moment, another one each time; what one worker tells another arrives
//! in the order in which it was told.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sfu::{
    Audience, Crossing, Datagram, Event, Join, JoinError, MediaPath, ParticipantId, ParticipantStats,
    Pressure, RestartError, RoomId, RoomSettings, Stats, Transmit, Worker, WorkerStats,
};

use super::net::Dice;

/// The longest that a crossing takes, ordinarily: the turn of a busy worker.
const CROSSING_MAX: Duration = Duration::from_millis(1);

/// After so long what was said to one worker is with the others.
pub const CROSSING_THERE_AND_BACK: Duration = Duration::from_millis(3);

/// An SFU without threads.
pub struct SimSfu {
    workers: Vec<Worker>,
    addresses: Vec<SocketAddr>,
    /// On each way, what is on it, and when it arrives.
    ways: BTreeMap<(usize, usize), Way>,
    dice: Dice,
    seed: u64,
    born: Instant,
    /// The longest that a crossing takes which sets out now.
    pub crossing_max: Duration,
    /// Of a thousand crossings that may be lost, this many are.
    pub loss_per_mille: u64,
    pub lost: u64,
    rooms: BTreeMap<RoomId, (usize, usize)>,
    places: BTreeMap<ParticipantId, (RoomId, usize)>,
    joined: usize,
}

#[derive(Default)]
struct Way {
    under_way: VecDeque<(Instant, Crossing)>,
    /// When the last one arrives; none may be earlier.
    last: Option<Instant>,
}

impl SimSfu {
    pub fn new(now: Instant, seed: u64, workers: Vec<(SocketAddr, Worker)>) -> SimSfu {
        let (addresses, workers) = workers.into_iter().unzip();
        SimSfu {
            workers,
            addresses,
            ways: BTreeMap::new(),
            dice: Dice::seeded(!seed),
            seed,
            born: now,
            crossing_max: CROSSING_MAX,
            loss_per_mille: 0,
            lost: 0,
            rooms: BTreeMap::new(),
            places: BTreeMap::new(),
            joined: 0,
        }
    }

    pub fn join(&mut self, now: Instant, join: &Join) -> Result<String, JoinError> {
        let count = self.workers.len();
        let worker = self.joined % count;
        let home = match self.rooms.get(&join.room) {
            Some((home, _)) => *home,
            None => self.dice.below(count as u64) as usize,
        };
        let answer = self.workers[worker].join_from(now, join, home)?;
        self.joined += 1;
        self.rooms.entry(join.room).or_insert((home, 0)).1 += 1;
        self.places.insert(join.participant, (join.room, worker));
        Ok(answer)
    }

    pub fn restart(&mut self, now: Instant, who: ParticipantId, offer: &str) -> Result<String, RestartError> {
        let worker = self.worker_of(who).ok_or(RestartError::NotHere)?;
        self.workers[worker].restart(now, who, offer)
    }

    /// Which worker has someone.
    pub fn worker_of(&self, who: ParticipantId) -> Option<usize> {
        self.places.get(&who).map(|(_, worker)| *worker)
    }

    pub fn set_media(&mut self, now: Instant, who: ParticipantId, muted: bool, deafened: bool) {
        if let Some(worker) = self.worker_of(who) {
            self.workers[worker].set_media(now, who, muted, deafened);
        }
    }

    pub fn set_audience(&mut self, now: Instant, who: ParticipantId, audience: Audience) {
        if let Some(worker) = self.worker_of(who) {
            self.workers[worker].set_audience(now, who, audience);
        }
    }

    pub fn set_priority(&mut self, now: Instant, who: ParticipantId, priority: bool) {
        if let Some(worker) = self.worker_of(who) {
            self.workers[worker].set_priority(now, who, priority);
        }
    }

    pub fn leave(&mut self, now: Instant, who: ParticipantId) {
        if let Some(worker) = self.worker_of(who) {
            self.workers[worker].leave(now, who);
        }
    }

    pub fn set_room(&mut self, now: Instant, room: RoomId, settings: RoomSettings) {
        for worker in &mut self.workers {
            worker.set_room(now, room, settings);
        }
    }

    pub fn workers(&self) -> u8 {
        self.workers.len() as u8
    }

    /// A worker finds that it has too much to do, or not any more.
    pub fn set_pressure(&mut self, now: Instant, worker: usize, pressure: Pressure) {
        self.workers[worker].set_pressure(now, pressure);
    }

    pub fn close(&mut self, now: Instant) {
        for worker in &mut self.workers {
            worker.close(now);
        }
    }

    /// The address of the worker that has someone.
    pub fn address_of(&self, who: ParticipantId) -> SocketAddr {
        self.addresses[self.worker_of(who).unwrap()]
    }

    /// The first worker's address.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    pub fn has_address(&self, address: SocketAddr) -> bool {
        self.addresses.contains(&address)
    }

    pub fn handle_datagram(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, contents: &[u8]) {
        let worker = self.addresses.iter().position(|address| *address == to).unwrap();
        let datagram = Datagram { path: MediaPath::Udp, remote: from, local: to, contents };
        self.workers[worker].handle_datagram(now, datagram);
    }

    /// What has arrived is taken, and what is due is done.
    pub fn handle_timeout(&mut self, now: Instant) {
        for ((from, to), way) in &mut self.ways {
            while way.under_way.front().is_some_and(|(at, _)| *at <= now) {
                let (_, crossing) = way.under_way.pop_front().unwrap();
                self.workers[*to].handle_crossing(now, *from, crossing);
            }
        }
        for worker in &mut self.workers {
            worker.handle_timeout(now);
        }
    }

    /// What the workers have for each other sets out.
    pub fn cross(&mut self, now: Instant) {
        for (from, worker) in self.workers.iter_mut().enumerate() {
            while let Some((to, crossing)) = worker.poll_crossing() {
                assert_ne!(from, to, "nobody tells himself anything");
                if crossing.is_media() && self.dice.below(1_000) < self.loss_per_mille {
                    self.lost += 1;
                    continue;
                }
                // Follows from when and where alone, and not from what else crosses, which is not quite the
                // same on both ways out of a worker.
                let at = now.saturating_duration_since(self.born).as_micros() as u64;
                let mut dice = Dice::seeded(self.seed ^ at << 8 ^ (from << 4 | to) as u64);
                let delay = self.crossing_max * dice.below(1_000) as u32 / 1_000;
                let way = self.ways.entry((from, to)).or_default();
                let arrival = way.last.max(Some(now + delay)).unwrap();
                way.last = Some(arrival);
                way.under_way.push_back((arrival, crossing));
            }
        }
    }

    pub fn poll_transmit(&mut self) -> Option<Transmit<'_>> {
        self.workers.iter_mut().find_map(Worker::poll_transmit)
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.workers.iter_mut().find_map(Worker::poll_event)?;
        if let Event::Left { participant, .. } = &event
            && let Some((room, _)) = self.places.remove(participant)
        {
            let (_, people) = self.rooms.get_mut(&room).unwrap();
            *people -= 1;
            if *people == 0 {
                self.rooms.remove(&room);
            }
        }
        Some(event)
    }

    pub fn deadline(&mut self) -> Option<Instant> {
        let crossings = self.ways.values().filter_map(|way| Some(way.under_way.front()?.0)).min();
        let workers = self.workers.iter_mut().filter_map(Worker::deadline).min();
        [crossings, workers].into_iter().flatten().min()
    }

    /// All workers together.
    pub fn stats(&self) -> WorkerStats {
        let workers = self.workers.iter().map(Worker::stats).collect();
        Stats { workers, participants: Vec::new() }.total()
    }

    pub fn participant_stats(&self) -> Vec<ParticipantStats> {
        self.workers.iter().flat_map(Worker::participant_stats).collect()
    }

    pub fn break_session(&mut self, who: ParticipantId) {
        let worker = self.worker_of(who).unwrap();
        self.workers[worker].break_session(who);
    }

    pub fn session_has_path(&self, who: ParticipantId) -> bool {
        self.workers[self.worker_of(who).unwrap()].session_has_path(who)
    }

    pub fn footprint(&self) -> [usize; 4] {
        let add = |sum: [usize; 4], one: [usize; 4]| std::array::from_fn(|n| sum[n] + one[n]);
        self.workers.iter().map(Worker::footprint).fold([0; 4], add)
    }
}
