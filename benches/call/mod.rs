//! What all benches of the worker share: a call without sockets, the thread's clock, flags, lines of a table.
//!
//! All sessions are real: handshakes are made with `sfu-peer` clients on a clock that only this file moves. What is
//! measured goes through [`counted`], which is never inlined, so that callgrind can be told to count nothing else.
//! Start at [`Call::of`].

#![allow(dead_code, reason = "each bench uses its part of it")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sfu::{
    Datagram, EgressPath, Identity, Join, Limits, MediaPath, ParticipantId, RoomId, Timeouts, Transmit,
    Worker, WorkerConfig,
};
use sfu_peer::{Identity as PeerIdentity, Options, Peer};

/// Where the worker is.
pub(crate) const SERVER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), 5_000);

/// The time one packet holds.
pub(crate) const FRAME: Duration = Duration::from_millis(20);

/// How far the clock goes between two steps of somebody who joins; ICE paces its checks in steps of 50 ms.
const STEP: Duration = Duration::from_millis(5);

/// A packet of Opus at 40 kbit/s.
pub(crate) const PAYLOAD: [u8; 100] = [0x5a; 100];

/// Talks clearly, and is silent (RFC 6464).
pub(crate) const TALK: i8 = -20;
pub(crate) const HUSH: i8 = -90;

/// What is measured: `cargo bench` measures its time, `benches/instructions` its instructions.
#[inline(never)]
pub(crate) fn counted<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// The same, with the CPU time of this thread in it.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let started = cpu_time();
    let result = counted(work);
    (result, cpu_time() - started)
}

/// The same, or neither.
fn timed_if<T>(measured: bool, work: impl FnOnce() -> T) -> (T, u64) {
    if measured { timed(work) } else { (work(), 0) }
}

/// CPU time of this thread in nanoseconds.
pub(crate) fn cpu_time() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the answer, and the clock exists on every Linux.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(result, 0, "the clock can be read");
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// What a bench was told: `--name value` and `--name`.
pub(crate) struct Flags(Vec<String>);

impl Flags {
    /// From the command line. What cargo adds (`--bench`) is left out.
    pub(crate) fn read() -> Flags {
        Flags(std::env::args().skip(1).filter(|flag| flag != "--bench").collect())
    }

    /// Whether a flag is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|flag| flag == name)
    }

    /// What follows a flag.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let at = self.0.iter().position(|flag| flag == name)?;
        Some(self.0.get(at + 1).unwrap_or_else(|| panic!("{name} needs a value")))
    }

    /// A number that follows a flag.
    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.value(name)
            .map(|text| text.parse().unwrap_or_else(|_| panic!("{name} takes a number, not {text}")))
    }
}

/// The lines of a bench: a table as they come or, with `--json`, one object at the end.
pub(crate) struct Table {
    bench: &'static str,
    columns: &'static [&'static str],
    json: bool,
    rows: Vec<serde_json::Value>,
}

impl Table {
    pub(crate) fn new(bench: &'static str, columns: &'static [&'static str], flags: &Flags) -> Table {
        // `--units` is for scripts: only how often the measured thing was done.
        let json = flags.has("--json") || flags.has("--units");
        if !json {
            println!("{}", columns.iter().map(|column| format!("{column:>22}")).collect::<String>());
        }
        Table { bench, columns, json, rows: Vec::new() }
    }

    /// One line, a value for each column.
    pub(crate) fn row(&mut self, values: Vec<serde_json::Value>) {
        assert_eq!(values.len(), self.columns.len(), "a value for each column");
        if !self.json {
            println!("{}", values.iter().map(|value| format!("{:>22}", text(value))).collect::<String>());
        }
        let named = self.columns.iter().map(|column| column.replace(' ', "_")).zip(values);
        self.rows.push(serde_json::Value::Object(named.collect()));
    }

    pub(crate) fn end(self, flags: &Flags) {
        if flags.has("--units") {
            let units = self.rows.iter().filter_map(|row| row["units"].as_u64());
            println!("{}", units.sum::<u64>());
        } else if self.json {
            println!("{}", serde_json::json!({ "bench": self.bench, "rows": self.rows }));
        }
    }
}

fn text(value: &serde_json::Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    }
}

/// To three digits: no figure here is better than that.
pub(crate) fn rounded(value: f64) -> serde_json::Value {
    ((value * 1e3).round() / 1e3).into()
}

/// The smallest and the middle one of some values.
pub(crate) fn min_and_median(values: &mut [u64]) -> (u64, u64) {
    values.sort_unstable();
    (values[0], values[values.len() / 2])
}

/// A worker with one room, and its clients.
pub(crate) struct Call {
    pub(crate) now: Instant,
    pub(crate) worker: Worker,
    pub(crate) peers: Vec<Peer>,
    by_address: HashMap<SocketAddr, usize>,
    identity: PeerIdentity,
    slots: u8,
}

/// What a join cost the worker, in nanoseconds of CPU time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Admission {
    /// Reading the offer, opening a session, writing the answer.
    pub(crate) offer: u64,
    /// ICE, DTLS and keys, until both sides are connected.
    pub(crate) connect: u64,
}

impl Call {
    /// A worker and its first people, all connected.
    pub(crate) fn of(people: usize, slots: u8, egress: EgressPath) -> Call {
        let mut call = Call::empty(slots, egress);
        for _ in 0..people {
            call.admit_to(RoomId(1), false, |_| {});
        }
        call.settle();
        call
    }

    /// A worker and people of whom each is alone in a room.
    pub(crate) fn alone(people: usize, slots: u8, egress: EgressPath) -> Call {
        let mut call = Call::empty(slots, egress);
        for n in 0..people {
            call.admit_to(RoomId(n as u64 + 1), false, |_| {});
        }
        call.settle();
        call
    }

    fn empty(slots: u8, egress: EgressPath) -> Call {
        let now = Instant::now();
        let hour = Duration::from_secs(3_600);
        let config = WorkerConfig {
            number: 0,
            slots,
            addresses: vec![SERVER],
            udp: true,
            tcp: false,
            limits: Limits { participants_per_room: usize::MAX, ..Limits::default() },
            timeouts: Timeouts { interrupted: hour, silence: hour, connect: hour, ..Timeouts::default() },
            egress,
            identity: Identity::generate([1; 32]).unwrap(),
        };
        Call {
            now,
            worker: Worker::new(now, config),
            peers: Vec::new(),
            by_address: HashMap::new(),
            identity: PeerIdentity::generate().unwrap(),
            slots,
        }
    }

    /// Lets one more in. `meanwhile` is done at every step; what it does is not measured.
    pub(crate) fn admit(&mut self, room: RoomId, meanwhile: impl FnMut(&mut Call)) -> Admission {
        self.admit_to(room, true, meanwhile)
    }

    fn admit_to(&mut self, room: RoomId, measured: bool, mut meanwhile: impl FnMut(&mut Call)) -> Admission {
        let n = self.peers.len();
        let [.., a, b] = (n as u32).to_be_bytes();
        let address = SocketAddr::from(([192, 0, a, b], 40_000));
        let options = Options::new(self.identity.clone());
        let (mut peer, offer) = Peer::new(self.now, address, self.slots.into(), options).unwrap();
        let participant = ParticipantId(n as u32 + 1);
        let join = Join { room, participant, offer, muted: false, deafened: false };
        let (now, worker) = (self.now, &mut self.worker);
        let (answer, offer) = timed_if(measured, || worker.join(now, &join).unwrap());
        peer.accept_answer(self.now, &answer).unwrap();
        self.by_address.insert(address, n);
        self.peers.push(peer);
        let mut admission = Admission { offer, connect: 0 };
        // A few steps more than until the client is connected, so that the worker has all of it too.
        let mut steps_left = 4;
        while steps_left > 0 {
            steps_left -= usize::from(self.peers[n].is_connected());
            meanwhile(self);
            self.now += STEP;
            let now = self.now;
            self.peers[n].handle_timeout(now);
            let mut datagrams = Vec::new();
            while let Some(transmit) = self.peers[n].poll_transmit() {
                datagrams.push(transmit.contents);
            }
            let worker = &mut self.worker;
            let (answers, spent) = timed_if(measured, || {
                for contents in &datagrams {
                    worker.handle_datagram(now, datagram(address, contents));
                }
                worker.handle_timeout(now);
                let mut answers = Vec::new();
                while let Some(Transmit { remote, contents, .. }) = worker.poll_transmit() {
                    answers.push((remote, contents.to_vec()));
                }
                while worker.poll_event().is_some() {}
                answers
            });
            admission.connect += spent;
            answers.iter().for_each(|(remote, contents)| self.deliver(*remote, contents));
        }
        admission
    }

    /// Some say 20 ms of something, as loud as each is told to; returned instead of delivered.
    pub(crate) fn speak(
        &mut self,
        levels: impl IntoIterator<Item = (usize, i8)>,
    ) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut datagrams = Vec::new();
        for (n, level) in levels {
            let peer = &mut self.peers[n];
            peer.send_opus(self.now, &PAYLOAD, level);
            while let Some(transmit) = peer.poll_transmit() {
                datagrams.push((peer.local(), transmit.contents));
            }
        }
        datagrams
    }

    /// The worker takes what has come.
    pub(crate) fn receive(&mut self, from: SocketAddr, bytes: &[u8]) {
        self.worker.handle_datagram(self.now, datagram(from, bytes));
    }

    /// Everything under way arrives, and the clock moves on.
    pub(crate) fn settle(&mut self) {
        self.now += FRAME;
        for peer in &mut self.peers {
            peer.handle_timeout(self.now);
            while let Some(transmit) = peer.poll_transmit() {
                self.worker.handle_datagram(self.now, datagram(peer.local(), &transmit.contents));
            }
        }
        self.worker.handle_timeout(self.now);
        let mut answers = Vec::new();
        while let Some(Transmit { remote, contents, .. }) = self.worker.poll_transmit() {
            answers.push((remote, contents.to_vec()));
        }
        answers.iter().for_each(|(remote, contents)| self.deliver(*remote, contents));
        while self.worker.poll_event().is_some() {}
    }

    /// What the worker has to send is thrown away, and the clock moves on.
    pub(crate) fn skip(&mut self) {
        while self.worker.poll_transmit().is_some() {}
        while self.worker.poll_event().is_some() {}
        self.now += FRAME;
        self.worker.handle_timeout(self.now);
    }

    fn deliver(&mut self, remote: SocketAddr, contents: &[u8]) {
        let peer = &mut self.peers[self.by_address[&remote]];
        peer.handle_datagram(self.now, SERVER, contents);
        while peer.poll_event().is_some() {}
    }
}

fn datagram(remote: SocketAddr, contents: &[u8]) -> Datagram<'_> {
    Datagram { path: MediaPath::Udp, remote, local: SERVER, contents }
}
