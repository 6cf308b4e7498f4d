//! What it costs to forward one packet to one listener, without sockets.
//!
//! Three people speak in a room of N listeners; the thread's CPU time in the worker (from the datagrams that come in to
//! those ready to be sent) is divided by the packets sent.
//!
//! - `cargo bench --bench forward` prints one line per room size and way out (see `sfu::EgressPath`): the quickest and
//!   the median turn of 20 ms, allocations per packet, and how the two ways compare; `--json` makes one object of it.
//! - `benches/instructions forward` counts instructions per packet, under callgrind.
//! - `--listeners N`, `--egress fast|reference` and `--turns N` choose one case.
//!
//! Times of one machine can be compared, times of two cannot. Instructions can.

#![allow(clippy::unwrap_used, clippy::print_stdout)]
// Two things the standard library cannot tell: a thread's CPU time, and its allocations.
#![allow(unsafe_code)]

mod call;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use call::{Call, FRAME, Flags, TALK, Table, min_and_median, rounded, timed};
use sfu::EgressPath;

const SPEAKERS: usize = 3;

/// Turns measured per room; ten seconds of a call.
const TURNS: usize = 500;

/// Turns before it, in which clients still answer, so that reports have come and keys are warm.
const WARM_UP: usize = 100;

const COLUMNS: [&str; 7] =
    ["listeners", "egress", "units", "min ns", "median ns", "allocations", "part of reference"];

fn main() {
    let flags = Flags::read();
    let sizes = flags.number("--listeners").map_or_else(|| vec![50, 200, 1_000], |size| vec![size]);
    let ways = match flags.value("--egress") {
        Some("fast") => vec![EgressPath::Fast],
        Some("reference") => vec![EgressPath::Reference],
        Some(other) => panic!("--egress is fast or reference, not {other}"),
        None => vec![EgressPath::Reference, EgressPath::Fast],
    };
    let turns = flags.number("--turns").unwrap_or(TURNS);
    let mut table = Table::new("forward", &COLUMNS, &flags);
    for listeners in sizes {
        let mut reference = None;
        for egress in &ways {
            let (mut nanos, allocations) = measure(listeners, *egress, turns);
            let (min, median) = min_and_median(&mut nanos);
            let a_turn = SPEAKERS * (listeners + SPEAKERS - 1);
            let per_packet = |nanos: u64| nanos as f64 / a_turn as f64;
            let ratio = reference.map(|reference: u64| rounded(min as f64 / reference as f64));
            reference = reference.or(Some(min).filter(|_| *egress == EgressPath::Reference));
            table.row(vec![
                listeners.into(),
                format!("{egress:?}").to_lowercase().into(),
                (a_turn * turns).into(),
                per_packet(min).round().into(),
                per_packet(median).round().into(),
                rounded(allocations as f64 / (a_turn * turns) as f64),
                ratio.unwrap_or(serde_json::Value::Null),
            ]);
        }
    }
    table.end(&flags);
}

/// The worker's CPU time of each turn, in nanoseconds, and its allocations in all of them.
fn measure(listeners: usize, egress: EgressPath, turns: usize) -> (Vec<u64>, u64) {
    let mut call = Call::of(listeners + SPEAKERS, SPEAKERS as u8, egress);
    let speakers = || (0..SPEAKERS).map(|n| (n, TALK));
    for _ in 0..WARM_UP.min(turns) {
        for (from, bytes) in call.speak(speakers()) {
            call.receive(from, &bytes);
        }
        call.settle();
    }
    // From here on nobody answers; the worker waits longer for them than this takes.
    let mut nanos = Vec::with_capacity(turns);
    let mut allocations = 0;
    for _ in 0..turns {
        let datagrams = call.speak(speakers());
        let before = call.worker.stats().packets_forwarded;
        let allocated = ALLOCATIONS.get();
        let ((), spent) = timed(|| {
            for (from, bytes) in &datagrams {
                call.receive(*from, bytes);
            }
            while let Some(transmit) = call.worker.poll_transmit() {
                black_box(transmit);
            }
        });
        nanos.push(spent);
        allocations += ALLOCATIONS.get() - allocated;
        let forwarded = call.worker.stats().packets_forwarded - before;
        assert_eq!(forwarded as usize, SPEAKERS * (listeners + SPEAKERS - 1), "everyone hears everyone");
        call.now += FRAME;
        call.worker.handle_timeout(call.now);
    }
    (nanos, allocations)
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
