//! What it costs to forward one packet to one listener, without sockets.
//!
//! Three people speak in a room of N listeners; the thread's CPU time in the worker (from the datagrams
//! that come in to those ready to be sent) is divided by the packets sent. All sessions are real: the
//! handshakes are made with `sfu-peer` clients on a clock that only this file moves.
//!
//! `cargo bench --bench forward` prints one line per room size and way out (see `sfu::EgressPath`), with the
//! quickest and the median turn of 20 ms, allocations per packet, and how the two ways compare.
//! Figures of one machine can be compared, figures of two cannot.

#![allow(clippy::unwrap_used, clippy::print_stdout)]
// Two things the standard library cannot tell: a thread's CPU time, and its allocations.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::HashMap;
use std::hint::black_box;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sfu::{
    Datagram, EgressPath, Identity, Join, Limits, MediaPath, ParticipantId, RoomId, Timeouts, Transmit,
    Worker, WorkerConfig,
};
use sfu_peer::{Identity as PeerIdentity, Options, Peer};

const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), 5_000);
const SPEAKERS: usize = 3;
const FRAME: Duration = Duration::from_millis(20);

/// Turns measured per room; ten seconds of a call.
const TURNS: usize = 500;

/// Turns before it, in which clients still answer, so that reports have come and keys are warm.
const WARM_UP: usize = 100;

/// A packet of Opus at 40 kbit/s.
const PAYLOAD: [u8; 100] = [0x5a; 100];

fn main() {
    println!(
        "{:>10} {:>10} {:>12} {:>12} {:>12} {:>12}",
        "listeners", "egress", "packets", "min ns", "median ns", "allocations"
    );
    for listeners in [50, 200, 1_000] {
        let reference = measure_and_print(listeners, EgressPath::Reference);
        let fast = measure_and_print(listeners, EgressPath::Fast);
        println!(
            "{listeners:>10} {:>10} {:>25.3} {:>12.3}",
            "ratio",
            fast.0 / reference.0,
            fast.1 / reference.1
        );
    }
}

/// The quickest and the median turn, in nanoseconds per packet.
fn measure_and_print(listeners: usize, egress: EgressPath) -> (f64, f64) {
    let (mut turns, allocations) = measure(listeners, egress);
    turns.sort_unstable();
    let packets = SPEAKERS * (listeners + SPEAKERS - 1);
    let per_packet = |nanoseconds: u64| nanoseconds as f64 / packets as f64;
    let (min, median) = (per_packet(turns[0]), per_packet(turns[turns.len() / 2]));
    let name = format!("{egress:?}").to_lowercase();
    let allocations = allocations as f64 / (packets * TURNS) as f64;
    println!(
        "{listeners:>10} {name:>10} {:>12} {min:>12.0} {median:>12.0} {allocations:>12.3}",
        packets * TURNS
    );
    (min, median)
}

/// The worker's CPU time of each turn, in nanoseconds, and its allocations in all of them.
fn measure(listeners: usize, egress: EgressPath) -> (Vec<u64>, u64) {
    let mut room = BusyRoom::with(listeners + SPEAKERS, egress);
    for _ in 0..WARM_UP {
        for (from, bytes) in room.speak() {
            room.receive(from, &bytes);
        }
        room.settle();
    }
    // From here on nobody answers; the worker waits longer for them than this takes.
    let mut turns = Vec::with_capacity(TURNS);
    let mut allocations = 0;
    for _ in 0..TURNS {
        let datagrams = room.speak();
        let before = room.worker.stats().packets_forwarded;
        let allocated = ALLOCATIONS.get();
        let started = thread_cpu_time();
        for (from, bytes) in &datagrams {
            room.receive(*from, bytes);
        }
        while let Some(transmit) = room.worker.poll_transmit() {
            black_box(transmit);
        }
        turns.push(thread_cpu_time() - started);
        allocations += ALLOCATIONS.get() - allocated;
        let forwarded = room.worker.stats().packets_forwarded - before;
        assert_eq!(forwarded as usize, SPEAKERS * (listeners + SPEAKERS - 1), "everyone hears everyone");
        room.now += FRAME;
        room.worker.handle_timeout(room.now);
    }
    (turns, allocations)
}

/// A worker with one room, and its clients.
struct BusyRoom {
    now: Instant,
    worker: Worker,
    peers: Vec<Peer>,
    by_address: HashMap<SocketAddr, usize>,
}

impl BusyRoom {
    fn with(people: usize, egress: EgressPath) -> BusyRoom {
        let now = Instant::now();
        let hour = Duration::from_secs(3_600);
        let config = WorkerConfig {
            number: 0,
            slots: SPEAKERS as u8,
            addresses: vec![SERVER],
            udp: true,
            tcp: false,
            limits: Limits { participants_per_room: people, ..Limits::default() },
            timeouts: Timeouts { interrupted: hour, silence: hour, connect: hour, ..Timeouts::default() },
            egress,
            identity: Identity::generate([1; 32]).unwrap(),
        };
        let mut room =
            BusyRoom { now, worker: Worker::new(now, config), peers: Vec::new(), by_address: HashMap::new() };
        let identity = PeerIdentity::generate().unwrap();
        for n in 0..people {
            room.join(n, identity.clone());
        }
        while !room.peers.iter().all(Peer::is_connected) {
            room.settle();
        }
        room
    }

    fn join(&mut self, n: usize, identity: PeerIdentity) {
        let [.., a, b] = (n as u32).to_be_bytes();
        let address = SocketAddr::from(([192, 0, a, b], 40_000));
        let (mut peer, offer) = Peer::new(self.now, address, SPEAKERS, Options::new(identity)).unwrap();
        let participant = ParticipantId(n as u32 + 1);
        let join = Join { room: RoomId(1), participant, offer, muted: false, deafened: false };
        let answer = self.worker.join(self.now, &join).unwrap();
        peer.accept_answer(self.now, &answer).unwrap();
        self.by_address.insert(address, n);
        self.peers.push(peer);
        for _ in 0..3 {
            self.settle();
        }
    }

    /// The speakers say 20 ms of something; returned instead of delivered.
    fn speak(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut datagrams = Vec::with_capacity(SPEAKERS);
        for peer in self.peers.iter_mut().take(SPEAKERS) {
            peer.send_opus(self.now, &PAYLOAD, -20);
            while let Some(transmit) = peer.poll_transmit() {
                datagrams.push((peer.local(), transmit.contents));
            }
        }
        datagrams
    }

    fn receive(&mut self, from: SocketAddr, bytes: &[u8]) {
        self.worker.handle_datagram(self.now, datagram(from, bytes));
    }

    /// Everything under way arrives, and the clock moves on.
    fn settle(&mut self) {
        self.now += FRAME;
        for peer in &mut self.peers {
            peer.handle_timeout(self.now);
            while let Some(transmit) = peer.poll_transmit() {
                self.worker.handle_datagram(self.now, datagram(peer.local(), &transmit.contents));
            }
        }
        self.worker.handle_timeout(self.now);
        while let Some(Transmit { remote, contents, .. }) = self.worker.poll_transmit() {
            let peer = &mut self.peers[self.by_address[&remote]];
            peer.handle_datagram(self.now, SERVER, contents);
            while peer.poll_event().is_some() {}
        }
        while self.worker.poll_event().is_some() {}
    }
}

fn datagram(remote: SocketAddr, contents: &[u8]) -> Datagram<'_> {
    Datagram { path: MediaPath::Udp, remote, local: SERVER, contents }
}

fn thread_cpu_time() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the answer, and the clock exists on every Linux.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(result, 0, "the clock can be read");
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, with a counter.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: everything is done by the system's allocator, which is given what was given to us.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above; the block came from the same allocator.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }
}
