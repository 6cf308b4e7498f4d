//! A network that loses, delays and shuffles, the same way every time it is given the same seed.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// Seeded chance (SplitMix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

/// What the network does to a datagram.
#[derive(Clone, Copy, Debug)]
pub struct Conditions {
    /// Of a thousand, this many are lost.
    pub loss_per_mille: u64,
    /// Packets of voice are lost so many in a row.
    pub burst: u64,
    pub delay: Duration,
    /// Up to this much more; what is sent later may arrive earlier.
    pub jitter: Duration,
}

/// Datagrams on their way.
#[derive(Debug)]
pub struct SimNet {
    pub conditions: Conditions,
    /// Nothing is lost that goes elsewhere.
    pub only_to: Option<SocketAddr>,
    seed: u64,
    /// One per line for what is no voice, one more for reports, and one per packet of voice; so the fate of
    /// a packet does not hang on what else is sent, which is not the same on both ways out of a worker.
    dice: HashMap<(SocketAddr, SocketAddr, bool), Dice>,
    under_way: BinaryHeap<Reverse<(Instant, u64, SimDatagram)>>,
    sent: u64,
    pub lost: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SimDatagram {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

impl Dice {
    pub fn seeded(seed: u64) -> Dice {
        Dice(seed)
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From zero to `end`, without it.
    pub fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        (!from.is_empty()).then(|| &from[self.below(from.len() as u64) as usize])
    }
}

impl Conditions {
    /// A cable.
    pub const PERFECT: Conditions =
        Conditions { loss_per_mille: 0, burst: 1, delay: Duration::from_millis(10), jitter: Duration::ZERO };

    /// A crowded wireless network far away.
    pub const BAD: Conditions = Conditions {
        loss_per_mille: 100,
        burst: 1,
        delay: Duration::from_millis(80),
        jitter: Duration::from_millis(60),
    };
}

impl SimNet {
    pub fn new(seed: u64, conditions: Conditions) -> SimNet {
        SimNet {
            conditions,
            only_to: None,
            seed,
            dice: HashMap::new(),
            under_way: BinaryHeap::new(),
            sent: 0,
            lost: 0,
        }
    }

    pub fn send(&mut self, now: Instant, datagram: SimDatagram) {
        self.sent += 1;
        let report = matches!(datagram.bytes[..], [128..=191, 192..=223, ..]);
        let line = (datagram.from, datagram.to, report);
        let seed = self.seed ^ number(line);
        let mut voice = voice(&datagram.bytes).filter(|_| !report).map(|voice| Dice::seeded(seed ^ voice));
        let dice =
            voice.as_mut().unwrap_or_else(|| self.dice.entry(line).or_insert_with(|| Dice::seeded(seed)));
        let Conditions { loss_per_mille, burst, .. } = self.conditions;
        let lost = match datagram.bytes[..] {
            // It began with this packet, or with one just before.
            [128..=191, _, s0, s1, ..] if burst > 1 && !report => (0..burst).any(|back| {
                let first = u64::from(u16::from_be_bytes([s0, s1])).wrapping_sub(back);
                Dice::seeded(seed ^ Dice::seeded(first).roll()).below(1_000 * burst) < loss_per_mille
            }),
            _ => dice.below(1_000) < loss_per_mille,
        };
        if lost && self.only_to.is_none_or(|only| only == datagram.to) {
            self.lost += 1;
            return;
        }
        let jitter = self.conditions.jitter.as_micros() as u64;
        let jitter = if jitter == 0 { 0 } else { dice.below(jitter) };
        let arrival = now + self.conditions.delay + Duration::from_micros(jitter);
        self.under_way.push(Reverse((arrival, self.sent, datagram)));
    }

    pub fn arrived(&mut self, now: Instant) -> Option<SimDatagram> {
        let Reverse((at, _, _)) = self.under_way.peek()?;
        if *at > now {
            return None;
        }
        self.under_way.pop().map(|Reverse((_, _, datagram))| datagram)
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.under_way.peek().map(|Reverse((at, _, _))| *at)
    }
}

/// A line as a number.
fn number((from, to, report): (SocketAddr, SocketAddr, bool)) -> u64 {
    let bits = |address: SocketAddr| match address.ip() {
        IpAddr::V4(ip) => u64::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip) as u64,
    };
    Dice::seeded(bits(from)).roll() ^ Dice::seeded(!bits(to)).roll().rotate_left(u32::from(report))
}

/// What can be read of a packet of voice and is the same in each telling of a story: sequence number,
/// timestamp, and who speaks.
fn voice(bytes: &[u8]) -> Option<u64> {
    let &[first @ 128..=191, _, s0, s1, t0, t1, t2, t3, _, _, _, _, ref rest @ ..] = bytes else {
        return None;
    };
    let speaker = rest.first_chunk::<4>().filter(|_| first & 0x0f > 0).copied().unwrap_or_default();
    let speaker = Dice::seeded(u64::from(u32::from_be_bytes(speaker))).roll();
    Some(Dice::seeded(u64::from_be_bytes([0, 0, s0, s1, t0, t1, t2, t3])).roll() ^ speaker)
}
