//! What a packet costs on its way in, past the session and through it.
//!
//! Somebody alone in his room talks, so that his packets are read, authenticated, opened, given their numbers and handed
//! to nobody; or he is one of a few who hold no slot and are silent, so that most are dropped unopened; or somebody
//! writes under his address packets with a wrong seal.
//!
//! - `cargo bench --bench intake` prints one line for each; `--json` makes one object of it.
//! - `--path fast|reference`, `--packet opened|unheard|forged` and `--turns N` choose one case.

#![allow(clippy::unwrap_used, clippy::print_stdout)]
// A thread's CPU time is something the standard library cannot tell.
#![allow(unsafe_code)]

mod call;

use call::{Call, Flags, HUSH, TALK, Table, min_and_median, timed};
use sfu::EgressPath;

/// Talkers, each alone in his room: as many as one turn of the clock has packets.
const PEOPLE: usize = 50;

/// Turns of 20 ms that are measured.
const TURNS: usize = 250;

/// Turns before it; after them, silence is known to be silence.
const WARM_UP: usize = 150;

const COLUMNS: [&str; 5] = ["path", "packet", "units", "min ns", "median ns"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Packet {
    Opened,
    Unheard,
    Forged,
}

fn main() {
    let flags = Flags::read();
    let turns = flags.number("--turns").unwrap_or(TURNS);
    let chosen = |name: &str, value: &str| flags.value(name).is_none_or(|wanted| wanted == value);
    let mut table = Table::new("intake", &COLUMNS, &flags);
    for (path_name, path) in [("fast", EgressPath::Fast), ("reference", EgressPath::Reference)] {
        for (name, packet) in
            [("opened", Packet::Opened), ("unheard", Packet::Unheard), ("forged", Packet::Forged)]
        {
            if !chosen("--path", path_name) || !chosen("--packet", name) {
                continue;
            }
            let mut nanos = measure(path, packet, turns);
            let (min, median) = min_and_median(&mut nanos);
            let each = |spent: u64| (spent as f64 / PEOPLE as f64).round().into();
            table.row(vec![path_name.into(), name.into(), (PEOPLE * turns).into(), each(min), each(median)]);
        }
    }
    table.end(&flags);
}

/// The CPU time of each turn.
fn measure(path: EgressPath, packet: Packet, turns: usize) -> Vec<u64> {
    // One room in which somebody else holds the only slot, or a room for each.
    let slots = 1;
    let mut call = if packet == Packet::Unheard {
        Call::of(PEOPLE + 1, slots, path)
    } else {
        Call::alone(PEOPLE, slots, path)
    };
    let first = usize::from(packet == Packet::Unheard);
    let mut nanos = Vec::with_capacity(turns);
    for turn in 0..WARM_UP + turns {
        let level = if packet == Packet::Unheard { HUSH } else { TALK };
        let mut datagrams = call.speak((0..first).map(|n| (n, TALK)));
        datagrams.drain(..).for_each(|(from, bytes)| call.receive(from, &bytes));
        let mut datagrams = call.speak((first..first + PEOPLE).map(|n| (n, level)));
        // What a session has to say besides is not what is measured.
        datagrams.retain(
            |(_, bytes)| matches!(bytes[..], [128..=191, second, ..] if !(192..=223).contains(&second)),
        );
        if packet == Packet::Forged {
            datagrams.iter_mut().filter_map(|(_, bytes)| bytes.last_mut()).for_each(|last| *last ^= 1);
        }
        let ((), spent) = timed(|| datagrams.iter().for_each(|(from, bytes)| call.receive(*from, bytes)));
        if turn >= WARM_UP {
            nanos.push(spent);
        }
        call.skip();
    }
    nanos
}
