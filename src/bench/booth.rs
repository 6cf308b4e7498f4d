//! A thread in which many people sit: it says what is due, and looks into every socket in turn.
//!
//! Everybody is looked after every 20 ms at the latest, a part of them each millisecond, whether something came or not:
//! for many listeners that is cheaper than being woken for every packet, and the kernel has noted when it came. Talk
//! goes out when it is due. Start at [`Booth::open`].

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use super::Error;
use super::inbox::Inbox;
use super::seat::{Microphone, Seat, Tally, next_word};
use super::words::{FRAME, Wall, Words};

/// How often some of the sockets are looked into.
const STEP: Duration = Duration::from_millis(1);

/// What falls due within this time is done together: a thread that woke up for each of a thousand open microphones
/// would do little else. What is said is dated when it goes out.
const NAP: Duration = Duration::from_micros(250);

/// Steps in which all are.
const STEPS: usize = 20;

/// Who was kept waiting for this long says no more what should have been said: a microphone's buffer is full, too.
const STALE: Duration = Duration::from_millis(500);

/// What is going on.
#[derive(Clone, Copy, Debug)]
pub enum Phase {
    /// People come in.
    Arriving,
    /// Who has something to say says it; what is sent in this time is measured.
    Talking(Window),
    /// Nobody talks; what comes from this address is counted and thrown away.
    Floor(SocketAddr),
    /// Everybody goes.
    Over,
}

/// The measured time.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// From here on.
    pub from: Instant,
    /// Until just before here.
    pub until: Instant,
}

/// The way into a booth, and what comes out of it at the end.
pub struct Door {
    seats: Sender<Seat>,
    tallies: oneshot::Receiver<Vec<Tally>>,
}

/// The people of one thread.
pub struct Booth {
    waiting: Receiver<Seat>,
    phase: watch::Receiver<Phase>,
    wall: Wall,
    words: Words,
    talking: bool,
    seats: Vec<Seat>,
    /// When who talks next.
    talk: BinaryHeap<Reverse<(Instant, usize)>>,
    /// Whose connection needs something next. What is no longer true is skipped.
    upkeep: BinaryHeap<Reverse<(Instant, usize)>>,
    /// Who is looked after next.
    cursor: usize,
    look_at: Instant,
    /// Of a datagram in which somebody was heard, the newest.
    datagram_len: Arc<AtomicUsize>,
}

impl Door {
    /// Where somebody gets a seat.
    pub fn seats(&self) -> Sender<Seat> {
        self.seats.clone()
    }

    /// What everybody counted, when all is over.
    pub async fn tallies(self) -> Result<Vec<Tally>, Error> {
        self.tallies.await.map_err(|_| Error::Broken)
    }
}

impl Booth {
    /// Starts a thread that ends when all is over.
    pub fn open(
        len: usize,
        wall: Wall,
        phase: watch::Receiver<Phase>,
        datagram_len: Arc<AtomicUsize>,
    ) -> Result<Door, Error> {
        let (seats, waiting) = channel();
        let (sender, tallies) = oneshot::channel();
        let mut booth = Self {
            waiting,
            phase,
            wall,
            words: Words { len, ..Words::default() },
            talking: false,
            seats: Vec::new(),
            talk: BinaryHeap::new(),
            upkeep: BinaryHeap::new(),
            cursor: 0,
            look_at: Instant::now(),
            datagram_len,
        };
        let run = move || {
            let mut inbox = Inbox::default();
            while booth.turn(&mut inbox) {}
            let now = Instant::now();
            let tallies = booth.seats.into_iter().map(|seat| seat.go(now)).collect();
            // Nobody waits any more when the measurement was given up.
            let _ = sender.send(tallies);
        };
        std::thread::Builder::new().name("people".to_owned()).spawn(run).map_err(Error::Socket)?;
        Ok(Door { seats, tallies })
    }

    /// One round; whether there is another one.
    fn turn(&mut self, inbox: &mut Inbox) -> bool {
        self.seat_newcomers();
        if !self.heed_phase() {
            return false;
        }
        self.speak();
        self.keep_up();
        self.listen(inbox);
        let upkeep = self.upkeep.peek().map(|Reverse((at, _))| *at);
        let talk = self.talk.peek().map(|Reverse((at, _))| *at);
        let wake = [upkeep, talk].into_iter().flatten().fold(self.look_at, Instant::min);
        let now = Instant::now();
        std::thread::sleep(wake.max(now + NAP).min(self.look_at).saturating_duration_since(now));
        true
    }

    /// Whether it goes on. The other end is gone when nobody measures any more.
    fn heed_phase(&mut self) -> bool {
        match self.phase.has_changed() {
            Ok(false) => return true,
            Ok(true) => {}
            Err(_) => return false,
        }
        let phase = *self.phase.borrow_and_update();
        match phase {
            Phase::Arriving => {}
            Phase::Talking(Window { from, until }) => {
                self.words.measured = Some((self.wall.at(from), self.wall.at(until)));
                self.talking = true;
                (0..self.seats.len()).for_each(|index| self.begin_to_talk(index));
            }
            Phase::Floor(floor) => {
                self.words.floor = Some(floor);
                self.talking = false;
                self.talk.clear();
            }
            Phase::Over => return false,
        }
        true
    }

    fn begin_to_talk(&mut self, index: usize) {
        let Some(seat) = self.seats.get(index).filter(|_| self.talking) else { return };
        if seat.part().microphone != Microphone::Quiet {
            self.talk.push(Reverse((Instant::now() + seat.part().offset, index)));
        }
    }

    fn seat_newcomers(&mut self) {
        while let Ok(seat) = self.waiting.try_recv() {
            let index = self.seats.len();
            self.seats.push(seat);
            self.arm(index);
            self.begin_to_talk(index);
        }
    }

    fn speak(&mut self) {
        while let Some(Reverse((due, index))) = self.talk.peek().copied() {
            let now = Instant::now();
            if due > now {
                return;
            }
            self.talk.pop();
            if let Some(seat) = self.seats.get_mut(index) {
                seat.speak(now, &self.words);
            }
            let next = if now.saturating_duration_since(due) > STALE { now + FRAME } else { next_word(due) };
            self.talk.push(Reverse((next, index)));
        }
    }

    fn keep_up(&mut self) {
        let now = Instant::now();
        while let Some(Reverse((due, index))) =
            self.upkeep.peek().copied().filter(|Reverse((due, _))| *due <= now)
        {
            self.upkeep.pop();
            let Some(seat) = self.seats.get_mut(index).filter(|seat| seat.armed == Some(due)) else {
                continue;
            };
            seat.armed = None;
            seat.keep_up(now);
            self.arm(index);
        }
    }

    fn arm(&mut self, index: usize) {
        let Some(seat) = self.seats.get_mut(index) else { return };
        let at = seat.deadline();
        if seat.armed != Some(at) {
            seat.armed = Some(at);
            self.upkeep.push(Reverse((at, index)));
        }
    }

    /// Looks after a part of the people.
    fn listen(&mut self, inbox: &mut Inbox) {
        let now = Instant::now();
        if self.look_at > now {
            return;
        }
        // Who was kept waiting goes on from now; whatever came is there still.
        self.look_at = (self.look_at + STEP).max(now);
        for _ in 0..self.seats.len().div_ceil(STEPS) {
            self.cursor = if self.cursor + 1 < self.seats.len() { self.cursor + 1 } else { 0 };
            if let Some(seat) = self.seats.get_mut(self.cursor) {
                seat.listen(Instant::now(), inbox, &self.words);
                self.datagram_len.fetch_max(seat.datagram_len(), Ordering::Relaxed);
            }
            self.arm(self.cursor);
            self.speak();
        }
    }
}
