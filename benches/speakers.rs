//! What it costs to choose who is heard, per packet, in rooms of 10 to 1,000 open microphones.
//!
//! Two things are measured: the choice alone (a level goes in; does its sender hold a slot, must anybody be told, when
//! is the room to be looked at again), and all that the worker does with a packet that nobody is to hear. Either three
//! talk and the others send silence, or all talk. What does not depend on the size of the room has the same figure on
//! all lines; times grow a little with what no longer fits the caches, instructions do not.
//!
//! - `cargo bench --bench speakers` prints a line for each; `--json` makes one object of it.
//! - `benches/instructions speakers` counts instructions per packet, under callgrind.
//! - `--microphones N`, `--talking three|all`, `--part choice|packet` and `--turns N` choose one case.

#![allow(clippy::unwrap_used, clippy::print_stdout)]
// A thread's CPU time is something the standard library cannot tell.
#![allow(unsafe_code)]

mod call;

use std::collections::HashSet;
use std::time::Instant;

use call::{Call, FRAME, Flags, HUSH, TALK, Table, min_and_median, timed};
use sfu::EgressPath;
use sfu::bench::Choice;

const SLOTS: u8 = 3;
const SIZES: [usize; 5] = [10, 30, 100, 300, 1_000];

/// Turns of 20 ms that are measured; five seconds, in which nobody has had his turn in a slot.
const TURNS: usize = 250;

/// Turns before it, in which all that is to be decided at the beginning is decided.
const WARM_UP: usize = 150;

const COLUMNS: [&str; 6] = ["part", "talking", "microphones", "units", "min ns", "median ns"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Talking {
    Three,
    All,
}

fn main() {
    let flags = Flags::read();
    let sizes = flags.number("--microphones").map_or_else(|| SIZES.to_vec(), |size| vec![size]);
    let turns = flags.number("--turns").unwrap_or(TURNS);
    let chosen = |name: &str, value: &str| flags.value(name).is_none_or(|wanted| wanted == value);
    let mut table = Table::new("speakers", &COLUMNS, &flags);
    for (part, measure) in [("choice", choice as fn(usize, Talking, usize) -> Measured), ("packet", packet)] {
        for (name, talking) in [("three", Talking::Three), ("all", Talking::All)] {
            for microphones in sizes.iter().filter(|_| chosen("--part", part) && chosen("--talking", name)) {
                let Measured { mut nanos, units } = measure(*microphones, talking, turns);
                let per_turn = units as f64 / turns as f64;
                let (min, median) = min_and_median(&mut nanos);
                table.row(vec![
                    part.into(),
                    name.into(),
                    (*microphones).into(),
                    units.into(),
                    (min as f64 / per_turn).round().into(),
                    (median as f64 / per_turn).round().into(),
                ]);
            }
        }
    }
    table.end(&flags);
}

struct Measured {
    /// Of each turn.
    nanos: Vec<u64>,
    /// Packets in all turns.
    units: usize,
}

fn level(n: usize, talking: Talking) -> i8 {
    if n < usize::from(SLOTS) || talking == Talking::All { TALK } else { HUSH }
}

/// The choice alone.
fn choice(microphones: usize, talking: Talking, turns: usize) -> Measured {
    let mut now = Instant::now();
    let mut choice = Choice::new(SLOTS);
    (0..microphones).for_each(|n| choice.enter(now, n as u32));
    let mut nanos = Vec::with_capacity(turns);
    for turn in 0..WARM_UP + turns {
        let mut say_all = || {
            let heard = (0..microphones).filter(|n| choice.hear(now, *n as u32, level(*n, talking)));
            heard.count()
        };
        let heard = if turn < WARM_UP {
            say_all()
        } else {
            let (heard, spent) = timed(say_all);
            nanos.push(spent);
            heard
        };
        assert!(heard <= usize::from(SLOTS), "no more are heard than there are slots");
        now += FRAME;
        choice.expire(now);
    }
    Measured { nanos, units: microphones * turns }
}

/// A packet that nobody is to hear, all that the worker does with it.
fn packet(microphones: usize, talking: Talking, turns: usize) -> Measured {
    let mut call = Call::of(microphones, SLOTS, EgressPath::Fast);
    let mut measured = Measured { nanos: Vec::with_capacity(turns), units: 0 };
    let mut heard = HashSet::new();
    for turn in 0..WARM_UP + turns {
        let datagrams = call.speak((0..microphones).map(|n| (n, level(n, talking))));
        let (loud, quiet): (Vec<_>, Vec<_>) = datagrams.iter().partition(|(from, _)| heard.contains(from));
        heard.clear();
        for (from, bytes) in loud {
            let before = call.worker.stats().packets_forwarded;
            call.receive(*from, bytes);
            if call.worker.stats().packets_forwarded > before {
                heard.insert(*from);
            }
        }
        if turn < WARM_UP {
            for (from, bytes) in quiet {
                let before = call.worker.stats().packets_forwarded;
                call.receive(*from, bytes);
                if call.worker.stats().packets_forwarded > before {
                    heard.insert(*from);
                }
            }
        } else {
            let before = call.worker.stats().packets_forwarded;
            let ((), spent) = timed(|| quiet.iter().for_each(|(from, bytes)| call.receive(*from, bytes)));
            let forwarded = call.worker.stats().packets_forwarded - before;
            assert_eq!(forwarded, 0, "whoever is heard was heard before: nobody's turn ends here");
            measured.nanos.push(spent);
            measured.units += quiet.len();
        }
        call.skip();
    }
    measured
}
