//! What it costs the server to let somebody in, without sockets.
//!
//! One after the other they join a worker, with and without a call of a thousand running on it in another room: its
//! three speakers go on talking between all steps, which is not measured itself. Told are the thread's CPU time for the
//! offer (read, session opened, answer written) and for the connection (ICE, DTLS, keys, first reports).
//!
//! - `cargo bench --bench join` prints one line for each call; `--json` makes one object of it.
//! - `benches/instructions join` counts instructions per join, under callgrind.
//! - `--call N` chooses the people of the call, `--joins N` how many join.

#![allow(clippy::unwrap_used, clippy::print_stdout)]
// A thread's CPU time is something the standard library cannot tell.
#![allow(unsafe_code)]

mod call;

use call::{Admission, Call, Flags, TALK, Table, min_and_median, rounded};
use sfu::{EgressPath, RoomId};

const SPEAKERS: usize = 3;

/// As many lines as a server offers by default.
const SLOTS: u8 = 8;

/// Enough for a median; each is about a millisecond.
const JOINS: usize = 200;

const COLUMNS: [&str; 6] = ["call", "units", "offer us", "connect us", "join us min", "join us median"];

fn main() {
    let flags = Flags::read();
    let calls = flags.number("--call").map_or_else(|| vec![0, 1_000], |people| vec![people]);
    let joins = flags.number("--joins").unwrap_or(JOINS);
    let mut table = Table::new("join", &COLUMNS, &flags);
    for people in calls {
        let measured = measure(people, joins);
        let mean = |part: fn(&Admission) -> u64| {
            rounded(measured.iter().map(part).sum::<u64>() as f64 / joins as f64 / 1e3)
        };
        let mut whole: Vec<u64> = measured.iter().map(|one| one.offer + one.connect).collect();
        let (min, median) = min_and_median(&mut whole);
        table.row(vec![
            people.into(),
            joins.into(),
            mean(|one| one.offer),
            mean(|one| one.connect),
            rounded(min as f64 / 1e3),
            rounded(median as f64 / 1e3),
        ]);
    }
    table.end(&flags);
}

fn measure(people: usize, joins: usize) -> Vec<Admission> {
    let mut call = Call::of(people, SLOTS, EgressPath::Fast);
    let speakers = SPEAKERS.min(people);
    let join = |_| {
        call.admit(RoomId(2), |call| {
            for (from, bytes) in call.speak((0..speakers).map(|n| (n, TALK))) {
                call.receive(from, &bytes);
            }
            // Sent to nobody: what they hear is not what is measured.
            while call.worker.poll_transmit().is_some() {}
        })
    };
    (0..joins).map(join).collect()
}
