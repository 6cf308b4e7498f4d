//! A worker: rooms, their participants, and everything that happens to them, without sockets or clocks.
//!
//! Bytes and the time go in, bytes and events come out. Methods come in four kinds: plain verbs for what
//! the caller wants (`join`, `set_media`, `leave`), `handle_*` for what comes in, `poll_*` for what must
//! go out, and `deadline` for when to come back. After any of the first two kinds, poll until nothing
//! comes. No locks, no waiting, no other threads; only those who have work are touched. Start at
//! [`Worker::handle_datagram`].

mod rooms;
mod turn;
mod wishes;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use str0m::Candidate;
use str0m::net::TcpType;

use crate::config::WorkerConfig;
use crate::contain::{Panicked, contained};
use crate::crossing::{Body, Crossing, Visit};
use crate::demux::{Demux, Key, Origin, Route};
use crate::egress::Lanes;
use crate::home::{Home, Topic};
use crate::id::{ParticipantId, RoomId};
use crate::load::Pressure;
use crate::message::{
    Datagram, Event, Join, JoinError, LeaveReason, MediaPath, OfferFault, RestartError, Run, Transmit,
};
use crate::offer::Offer;
use crate::outbox::Outbox;
use crate::participant::{Link, Media, Opening, Participant, Produced, Restarting};
use crate::room::Room;
use crate::settings::RoomSettings;
use crate::stats::{ParticipantStats, WorkerStats};
use crate::table::Table;
use crate::timers::Timers;

/// Rooms and their participants.
#[derive(Debug)]
pub struct Worker {
    config: WorkerConfig,
    candidates: Vec<Candidate>,
    demux: Demux,
    table: Table,
    keys: HashMap<ParticipantId, Key>,
    /// The rooms of those who are here; their homes may be elsewhere.
    rooms: HashMap<RoomId, Room>,
    /// The rooms whose home is here; their people may be elsewhere.
    homes: HashMap<RoomId, Home>,
    visits: Visit,
    timers: Timers<Timer>,
    /// Rooms in which packets wait to be handed out.
    waiting: Vec<RoomId>,
    /// Those in whose sessions something waits to be sent.
    touched: Vec<Key>,
    lanes: Lanes,
    outbox: Outbox,
    /// What other workers have yet to be told. What one turn can add is bounded by what the driver reads in
    /// one turn, and everything is fetched before the next one.
    crossings: VecDeque<(usize, Crossing)>,
    untold: VecDeque<Untold>,
    /// Whether the pressure is among the untold.
    pressure_untold: bool,
    /// Whether anything has happened that may be followed by more at once.
    lively: bool,
    born: Instant,
    now: Instant,
    stats: WorkerStats,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Timer {
    Participant(Key),
    Home(RoomId),
}

/// What the caller has yet to be told. What describes a state is looked up when it is told, so that the
/// list stays short and the news fresh however long the caller takes.
#[derive(Clone, Copy, Debug)]
enum Untold {
    Link(Key),
    Left { room: RoomId, participant: ParticipantId, reason: LeaveReason },
    Home(RoomId, Topic),
    Signal(Key),
    Pressure,
}

impl Worker {
    /// A worker without rooms.
    #[must_use]
    pub fn new(now: Instant, config: WorkerConfig) -> Worker {
        let slots = config.slots;
        Worker {
            candidates: candidates(&config),
            config,
            demux: Demux::default(),
            table: Table::default(),
            keys: HashMap::new(),
            rooms: HashMap::new(),
            homes: HashMap::new(),
            visits: Visit(0),
            timers: Timers::new(),
            waiting: Vec::new(),
            touched: Vec::new(),
            lanes: Lanes::new(slots),
            outbox: Outbox::default(),
            crossings: VecDeque::new(),
            untold: VecDeque::new(),
            pressure_untold: false,
            lively: true,
            born: now,
            now,
            stats: WorkerStats::default(),
        }
    }

    /// Lets someone into a room that is at home here, and answers his offer.
    ///
    /// # Errors
    /// See [`JoinError`]. Nothing is kept of someone who is refused.
    pub fn join(&mut self, now: Instant, join: &Join) -> Result<String, JoinError> {
        self.join_from(now, join, self.config.number)
    }

    /// Lets someone into a room whose home is worker `home`, and answers his offer. As long as anyone is in
    /// the room, on whichever worker, its home must be the same for all.
    ///
    /// # Errors
    /// See [`JoinError`]. Nothing is kept of someone who is refused.
    pub fn join_from(&mut self, now: Instant, join: &Join, home: usize) -> Result<String, JoinError> {
        self.now = now;
        self.lively = true;
        let limits = &self.config.limits;
        if join.offer.len() > limits.offer_bytes {
            return Err(JoinError::OfferTooLarge);
        }
        if self.keys.contains_key(&join.participant) {
            return Err(JoinError::AlreadyJoined);
        }
        if self.stats.pressure.refuses() {
            self.stats.joins_refused += 1;
            return Err(JoinError::Overloaded);
        }
        if self.table.len() >= limits.participants_per_worker {
            return Err(JoinError::ServerFull);
        }
        let offer = Offer::parse(&join.offer, self.config.slots).map_err(JoinError::OfferMalformed)?;
        let key = self.table.next_key();
        let opening = Opening {
            id: join.participant,
            room: join.room,
            media: Media::new(join.muted, join.deafened),
            offer,
            identity: &self.config.identity,
            credentials: self.config.identity.credentials(self.config.number, key, 0),
            candidates: &self.candidates,
            egress: self.config.egress,
            born: self.born,
            secret: self.config.identity.secret_of(self.config.number, key),
        };
        let opened = contained(|| Participant::open(now, opening)).unwrap_or_else(|Panicked| {
            self.stats.panics_contained += 1;
            Err(OfferFault::Refused)
        });
        let (participant, answer) = opened.map_err(JoinError::OfferMalformed)?;
        self.table.insert(participant);
        self.keys.insert(join.participant, key);
        self.enter_room(now, join, key, home);
        self.timers.set(Timer::Participant(key), now);
        Ok(answer)
    }

    /// Begins ICE again within somebody's session and answers his offer; media goes on meanwhile.
    ///
    /// # Errors
    /// See [`RestartError`]. Everything is as it was for someone who is refused.
    pub fn restart(&mut self, now: Instant, who: ParticipantId, offer: &str) -> Result<String, RestartError> {
        self.now = now;
        self.lively = true;
        if offer.len() > self.config.limits.offer_bytes {
            return Err(RestartError::OfferTooLarge);
        }
        let key = self.keys.get(&who).copied().ok_or(RestartError::NotHere)?;
        let offer = Offer::parse(offer, self.config.slots).map_err(RestartError::OfferMalformed)?;
        let restarting = Restarting {
            offer,
            identity: &self.config.identity,
            candidates: &self.candidates,
            worker: self.config.number,
            key,
        };
        let participant = self.table.get_mut(key).ok_or(RestartError::NotHere)?;
        let (mut produced, outbox) = (Produced::default(), &mut self.outbox);
        let mut answer = Err(RestartError::NotHere);
        let result = contained(|| answer = participant.restart(now, restarting, outbox, &mut produced));
        self.settle(now, key, result, produced);
        answer
    }

    /// Changes what someone may send and gets. Holds for every packet from now on.
    pub fn set_media(&mut self, now: Instant, who: ParticipantId, muted: bool, deafened: bool) {
        self.now = now;
        let Some(key) = self.keys.get(&who).copied() else { return };
        let Some(participant) = self.table.get_mut(key) else { return };
        participant.media = Media::new(muted, deafened);
        self.lanes.align(key, participant.lane_end(), participant.distance());
        let may_speak = participant.media.may_speak();
        if !may_speak {
            participant.track.withhold();
        }
        let (room, entered) = (participant.room, participant.link != Link::Connecting);
        if !may_speak && let Some(found) = self.rooms.get_mut(&room) {
            found.silence(who);
        }
        if entered {
            self.tell_home(now, room, Body::Muted { who, muted: !may_speak });
        }
    }

    /// Says what is wanted of a room, of which all workers with people of it must be told; one that nobody here
    /// is in is not remembered.
    pub fn set_room(&mut self, now: Instant, room: RoomId, settings: RoomSettings) {
        self.now = now;
        let wish = settings.slots_used();
        let changed = |found: &mut Room| std::mem::replace(&mut found.wish, wish) != wish;
        if self.rooms.get_mut(&room).is_some_and(changed) {
            self.tell_limit(now, room);
        }
    }

    /// Lets someone go.
    pub fn leave(&mut self, now: Instant, who: ParticipantId) {
        self.now = now;
        if let Some(key) = self.keys.get(&who).copied() {
            self.remove(now, key, LeaveReason::Asked);
        }
    }

    /// Sheds this much load from now on.
    pub fn set_pressure(&mut self, now: Instant, pressure: Pressure) {
        self.now = now;
        let slots = self.config.slots;
        let before = std::mem::replace(&mut self.stats.pressure, pressure);
        if before.slots_of(slots) != pressure.slots_of(slots) {
            self.limit_slots(now);
        }
        if !std::mem::replace(&mut self.pressure_untold, true) {
            self.untold.push_back(Untold::Pressure);
        }
    }

    /// Lets everyone go; to be called once, before the end.
    pub fn close(&mut self, now: Instant) {
        self.now = now;
        let everyone: Vec<Key> = self.table.iter().map(|(key, _)| key).collect();
        for key in everyone {
            self.remove(now, key, LeaveReason::Asked);
        }
    }

    /// Takes what came from the network.
    pub fn handle_datagram(&mut self, now: Instant, datagram: Datagram<'_>) {
        self.now = now;
        self.stats.datagrams_in += 1;
        self.stats.bytes_in += datagram.contents.len() as u64;
        let (key, nominates) = match self.demux.route(datagram.origin(), datagram.contents) {
            Route::Binding { to, nominates } => (to, nominates),
            Route::Session(key) => (key, false),
            Route::Stray(key) => return self.take_stray(now, key, &datagram),
            Route::Unknown => {
                self.stats.dropped.unknown += 1;
                return;
            }
            Route::Malformed => {
                self.stats.dropped.malformed += 1;
                return;
            }
        };
        // A living participant's address is not for others, whatever they can prove about themselves.
        let owner = self.demux.owner(datagram.origin()).filter(|owner| *owner != key);
        let taken = owner.and_then(|owner| self.table.get(owner));
        let taken = taken.is_some_and(|owner| owner.reach.uses(now, datagram.origin()));
        let Some(participant) = self.table.get_mut(key).filter(|_| !taken) else {
            self.stats.dropped.unknown += 1;
            return;
        };
        self.lively |= participant.link == Link::Connecting;
        let mut produced = Produced::default();
        let outbox = &mut self.outbox;
        let result = contained(|| participant.receive(now, &datagram, nominates, outbox, &mut produced));
        self.settle(now, key, result, produced);
    }

    /// Somebody's voice from where nobody is: of use if it proves to be his, who has moved then.
    fn take_stray(&mut self, now: Instant, key: Key, datagram: &Datagram<'_>) {
        let Some(participant) = self.table.get_mut(key) else {
            self.stats.dropped.unknown += 1;
            return;
        };
        let mut produced = Produced::default();
        let result = contained(|| participant.receive_stray(now, datagram, &mut produced));
        self.settle(now, key, result, produced);
    }

    /// A TCP connection is gone, and its address with it.
    pub fn handle_tcp_closed(&mut self, now: Instant, remote: SocketAddr) {
        self.now = now;
        let origin = Origin { path: MediaPath::Tcp, source: remote };
        if let Some(owner) = self.demux.owner(origin) {
            self.demux.forget(origin, owner);
            if let Some(participant) = self.table.get_mut(owner) {
                participant.reach.lose(origin);
                self.align(owner);
            }
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        while let Some(timer) = self.timers.pop(now) {
            match timer {
                Timer::Participant(key) => self.participant_due(now, key),
                Timer::Home(room) => {
                    if let Some(home) = self.homes.get_mut(&room) {
                        home.expire(now);
                        self.after_home(now, room);
                    }
                }
            }
        }
    }

    /// The next thing to send. Everything that came before in this turn is on its way together, so that a
    /// listener is gone to once for all of it.
    pub fn poll_transmit(&mut self) -> Option<Transmit<'_>> {
        self.fill_outbox()?;
        let transmit = self.outbox.pop()?;
        self.stats.datagrams_out += 1;
        self.stats.bytes_out += transmit.contents.len() as u64;
        Some(transmit)
    }

    /// The same, several at a time where they go to the same place. The two may be mixed.
    pub fn poll_run(&mut self) -> Option<Run<'_>> {
        self.fill_outbox()?;
        let run = self.outbox.pop_run()?;
        self.stats.datagrams_out +=
            run.segment.map_or(1, |len| run.contents.len().div_ceil(len.get())) as u64;
        self.stats.bytes_out += run.contents.len() as u64;
        Some(run)
    }

    /// Hands out and drives until there is something to send; `None` when there is nothing.
    fn fill_outbox(&mut self) -> Option<()> {
        while self.outbox.is_empty() {
            if let Some(room) = self.waiting.pop() {
                self.hand_out(self.now, room);
            } else {
                let key = self.touched.pop()?;
                self.drive(self.now, key);
            }
        }
        Some(())
    }

    /// Takes what worker `from` has to tell. All that it tells must come in the order in which
    /// [`Worker::poll_crossing`] gave it out there; only what [`Crossing::is_media`] may be left out.
    pub fn handle_crossing(&mut self, now: Instant, from: usize, crossing: Crossing) {
        self.now = now;
        self.stats.crossings_in += 1;
        self.lively = true;
        self.take_crossing(now, from, crossing);
    }

    /// The next thing to tell another worker, and which one.
    pub fn poll_crossing(&mut self) -> Option<(usize, Crossing)> {
        let next = self.crossings.pop_front()?;
        self.stats.crossings_out += 1;
        Some(next)
    }

    /// The next thing the caller should know.
    pub fn poll_event(&mut self) -> Option<Event> {
        loop {
            let event = match self.untold.pop_front()? {
                Untold::Left { room, participant, reason } => Some(Event::Left { room, participant, reason }),
                Untold::Pressure => {
                    self.pressure_untold = false;
                    let (worker, pressure) = (self.config.number, self.stats.pressure);
                    Some(Event::Pressure { worker, pressure })
                }
                Untold::Signal(key) => self.table.get_mut(key).and_then(signal_event),
                Untold::Link(key) => self.table.get_mut(key).and_then(link_event),
                Untold::Home(room, topic) => self.homes.get_mut(&room).map(|home| home.tell(topic)),
            };
            if event.is_some() {
                return event;
            }
        }
    }

    /// Whether [`Worker::poll_event`] would return something.
    #[must_use]
    pub fn has_events(&self) -> bool {
        !self.untold.is_empty()
    }

    /// Whether somebody has come, is coming, or has talked since this was asked last. If not, who waits a moment before
    /// he reads what has come makes nobody wait.
    pub fn take_lively(&mut self) -> bool {
        std::mem::replace(&mut self.lively, false)
    }

    /// When [`Worker::handle_timeout`] must be called at the latest.
    pub fn deadline(&mut self) -> Option<Instant> {
        self.timers.deadline()
    }

    /// Whether an address on this path belongs to a participant.
    #[must_use]
    pub fn knows(&self, path: MediaPath, remote: SocketAddr) -> bool {
        self.demux.owner(Origin { path, source: remote }).is_some()
    }

    /// Whether bytes may come first on a TCP connection.
    #[must_use]
    pub fn may_begin(&self, contents: &[u8]) -> bool {
        self.demux.may_begin(contents)
    }

    /// What has been counted.
    #[must_use]
    pub fn stats(&self) -> WorkerStats {
        WorkerStats { participants: self.table.len() as u64, rooms: self.homes.len() as u64, ..self.stats }
    }

    /// What is known of each participant.
    #[must_use]
    pub fn participant_stats(&self) -> Vec<ParticipantStats> {
        self.stats_of(None)
    }

    /// The same of one room only.
    #[must_use]
    pub fn stats_of(&self, room: Option<RoomId>) -> Vec<ParticipantStats> {
        if room.is_some_and(|room| !self.rooms.contains_key(&room)) {
            return Vec::new();
        }
        let stats = |(key, participant): (Key, &Participant)| ParticipantStats {
            participant: participant.id,
            room: participant.room,
            path: participant.media_path(),
            packets_in: participant.packets_in,
            packets_out: participant.packets_out + self.lanes.packets(key),
            egress: participant.egress_path(),
            reception: participant.reception(),
            quality: participant.quality,
        };
        let wanted =
            |(_, participant): &(Key, &Participant)| room.is_none_or(|room| participant.room == room);
        self.table.iter().filter(wanted).map(stats).collect()
    }

    /// For tests: the participant's session panics when it is next touched.
    #[doc(hidden)]
    pub fn break_session(&mut self, who: ParticipantId) {
        if let Some(participant) = self.keys.get(&who).and_then(|key| self.table.get_mut(*key)) {
            participant.fault = true;
        }
    }

    /// For tests: whether the participant's session takes its path for good.
    #[doc(hidden)]
    #[must_use]
    pub fn session_has_path(&self, who: ParticipantId) -> bool {
        let participant = self.keys.get(&who).and_then(|key| self.table.get(*key));
        participant.is_some_and(Participant::session_has_path)
    }

    /// For tests: addresses, keys, participants, and halves of rooms that are kept.
    #[doc(hidden)]
    #[must_use]
    pub fn footprint(&self) -> [usize; 4] {
        [self.demux.len(), self.keys.len(), self.table.len(), self.rooms.len() + self.homes.len()]
    }
}

/// What to say of how someone's sound travels, if the caller does not know it yet.
fn signal_event(participant: &mut Participant) -> Option<Event> {
    participant.announcing_signal = false;
    let signal = participant.quality.signal.filter(|signal| participant.announced_signal != Some(*signal))?;
    participant.announced_signal = Some(signal);
    Some(Event::Signal { room: participant.room, participant: participant.id, signal })
}

/// What to say of someone's link, if the caller does not know it yet.
fn link_event(participant: &mut Participant) -> Option<Event> {
    participant.announcing = false;
    if participant.announced == participant.link {
        return None;
    }
    participant.announced = participant.link;
    let (room, participant_id) = (participant.room, participant.id);
    match participant.link {
        Link::Connecting => None,
        Link::Connected => {
            let path = participant.media_path().unwrap_or(MediaPath::Udp);
            Some(Event::Connected { room, participant: participant_id, path })
        }
        Link::Interrupted => Some(Event::Interrupted { room, participant: participant_id }),
    }
}

/// All ways to reach this worker. An address the library cannot use is left out.
fn candidates(config: &WorkerConfig) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for address in &config.addresses {
        if config.udp {
            candidates.extend(Candidate::builder().udp().host(*address).build().ok());
        }
        if config.tcp {
            candidates
                .extend(Candidate::builder().tcp().host(*address).tcptype(TcpType::Passive).build().ok());
        }
    }
    candidates
}
