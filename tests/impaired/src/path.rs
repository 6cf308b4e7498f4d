//! One direction of one flow: decides what becomes of each packet.
//!
//! Pure: it is told the time and answers with another. Media throw dice of their own, always two for a packet, so that
//! one seed loses the same packets of a call whatever lies between them and whatever else is wrong. Must not know
//! sockets. Start at [`Path::judge`].

use std::time::{Duration, Instant};

use crate::dice::Dice;
use crate::faults::Faults;
use crate::packet::Kind;

/// Headers of IP and UDP, which a rate counts too.
const HEADERS: usize = 28;

/// When TCP sends a lost segment again: the least of Linux (`TCP_RTO_MIN`).
const AGAIN: Duration = Duration::from_millis(200);

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It arrives, then.
    Arrives(Instant),
    /// It fell, by chance.
    Lost,
    /// It found the queue before the rate full.
    Full,
}

/// What came and what fell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Count {
    /// Packets that came while the faults were on.
    pub(crate) seen: u64,
    /// How many of them fell by chance.
    pub(crate) lost: u64,
    /// In how many bursts they fell.
    pub(crate) bursts: u64,
    /// How many found the queue full.
    pub(crate) full: u64,
}

/// One kind of packet on a path.
#[derive(Clone, Debug)]
struct Lane {
    dice: Dice,
    /// In a burst.
    bad: bool,
    count: Count,
}

/// One direction of one flow.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    media: Lane,
    other: Lane,
    last: Option<Instant>,
    /// When the line is free that has a rate.
    free: Option<Instant>,
}

impl Path {
    /// A path whose chance is that of the seed and of this stream.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let lane =
            |kind| Lane { dice: Dice::new(seed, stream * 2 + kind), bad: false, count: Count::default() };
        Path { media: lane(0), other: lane(1), last: None, free: None }
    }

    /// A datagram of so many bytes comes now.
    pub(crate) fn judge(&mut self, faults: &Faults, kind: Kind, length: usize, now: Instant) -> Fate {
        let lane = match kind {
            Kind::Media => &mut self.media,
            Kind::Other => &mut self.other,
        };
        let (lost, when) = (lane.dice.throw(), lane.dice.throw());
        lane.count.seen += 1;
        if lane.falls(faults, lost) {
            return Fate::Lost;
        }
        let Some(through) = squeeze(&mut self.free, faults, length, now) else {
            lane.count.full += 1;
            return Fate::Full;
        };
        Fate::Arrives(self.on_its_way(faults, through, when, faults.reorder))
    }

    /// A piece of a stream comes now, which nothing is ever missing from: when it arrives.
    pub(crate) fn judge_piece(&mut self, faults: &Faults, length: usize, now: Instant) -> Instant {
        let (lost, when) = (self.other.dice.throw(), self.other.dice.throw());
        self.other.count.seen += 1;
        let again = if self.other.falls(faults, lost) { AGAIN } else { Duration::ZERO };
        // Whoever sends a stream waits when the queue is full.
        let endless = Faults { queue: f64::MAX, ..*faults };
        let through = squeeze(&mut self.free, &endless, length, now).unwrap_or(now);
        self.on_its_way(faults, through + again, when, false)
    }

    /// What media met here, and what others did.
    pub(crate) fn counts(&self) -> (Count, Count) {
        (self.media.count, self.other.count)
    }

    fn on_its_way(&mut self, faults: &Faults, from: Instant, dice: f64, may_overtake: bool) -> Instant {
        let ms = faults.delay + faults.jitter * (2.0 * dice - 1.0);
        let mut at = from + Duration::from_secs_f64(ms.max(0.0) / 1e3);
        if !may_overtake {
            at = at.max(self.last.unwrap_or(at));
        }
        self.last = Some(at);
        at
    }
}

impl Lane {
    fn falls(&mut self, faults: &Faults, dice: f64) -> bool {
        let before = self.bad;
        self.bad = if faults.burst > 1.0 && faults.loss < 1.0 {
            // Gilbert: the bad state loses all and the good one none. It is left so often that a burst has its mean
            // length, and entered so often that the fraction comes out.
            let leave = 1.0 / faults.burst;
            let enter = faults.loss * leave / (1.0 - faults.loss);
            if self.bad { dice >= leave } else { dice < enter }
        } else {
            dice < faults.loss
        };
        self.count.lost += u64::from(self.bad);
        self.count.bursts += u64::from(self.bad && !before);
        self.bad
    }
}

/// Through a line with a rate: when the packet has left it, or nothing when too much waits already.
fn squeeze(free: &mut Option<Instant>, faults: &Faults, length: usize, now: Instant) -> Option<Instant> {
    let Some(rate) = faults.rate else { return Some(now) };
    let begins = free.unwrap_or(now).max(now);
    if (begins - now).as_secs_f64() * 1e3 > faults.queue {
        return None;
    }
    let ends = begins + Duration::from_secs_f64((length + HEADERS) as f64 * 8.0 / (rate * 1e3));
    *free = Some(ends);
    Some(ends)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PACKET: usize = 100;

    /// One packet of media every 20 ms: which fell, and how long each other one took, in milliseconds.
    fn call(faults: &Faults, seed: u64, packets: u64) -> Vec<Option<f64>> {
        let (start, mut path) = (Instant::now(), Path::new(seed, 0));
        (0..packets)
            .map(|number| {
                let now = start + Duration::from_millis(20 * number);
                match path.judge(faults, Kind::Media, PACKET, now) {
                    Fate::Arrives(at) => Some((at - now).as_secs_f64() * 1e3),
                    Fate::Lost | Fate::Full => None,
                }
            })
            .collect()
    }

    fn lost(took: &[Option<f64>]) -> f64 {
        took.iter().filter(|one| one.is_none()).count() as f64 / took.len() as f64
    }

    #[test]
    fn without_faults_everything_arrives_at_once() {
        assert!(call(&Faults::default(), 1, 1000).iter().all(|took| *took == Some(0.0)));
    }

    #[test]
    fn all_may_be_lost() {
        for burst in [1.0, 3.0] {
            assert_eq!(lost(&call(&Faults { loss: 1.0, burst, ..Faults::default() }, 1, 100)), 1.0);
        }
    }

    #[test]
    fn a_lost_piece_of_a_stream_comes_late_and_all_behind_it_waits() {
        let faults = Faults { loss: 0.1, ..Faults::default() };
        let (start, mut path) = (Instant::now(), Path::new(5, 0));
        let at: Vec<Instant> = (0..1000)
            .map(|n| path.judge_piece(&faults, PACKET, start + Duration::from_millis(10 * n)))
            .collect();
        assert!(at.is_sorted(), "a stream has an order");
        let late = at
            .iter()
            .zip(0..)
            .filter(|(at, n)| **at - (start + Duration::from_millis(10 * n)) >= AGAIN)
            .count();
        assert_eq!(late as u64, path.counts().1.lost);
        assert!((60..140).contains(&late), "{late}");
    }

    proptest! {
        #[test]
        fn as_much_is_lost_as_was_said(seed: u64, loss in 0.0..0.5) {
            let faults = Faults { loss, ..Faults::default() };
            let found = lost(&call(&faults, seed, 20_000));
            // Six standard deviations of chance.
            prop_assert!((found - loss).abs() < 6.0 * (loss * (1.0 - loss) / 20_000.0).sqrt() + 1e-9, "{found}");
        }

        #[test]
        fn bursts_are_as_long_as_was_said_and_lose_no_more(seed: u64, loss in 0.05..0.3, burst in 2.0..6.0) {
            let faults = Faults { loss, burst, ..Faults::default() };
            let took = call(&faults, seed, 50_000);
            let found = lost(&took);
            let bursts = took.windows(2).filter(|pair| pair[0].is_some() && pair[1].is_none()).count();
            let mean = found * took.len() as f64 / bursts as f64;
            prop_assert!((found / loss - 1.0).abs() < 0.25, "{found} of {loss}");
            prop_assert!((mean / burst - 1.0).abs() < 0.25, "{mean} of {burst}");
        }

        #[test]
        fn a_seed_loses_the_same_media_whatever_lies_between(seed: u64, between in prop::collection::vec(0_usize..4, 500), delay in 0.0..50.0) {
            let faults = Faults { loss: 0.1, burst: 3.0, ..Faults::default() };
            let alone: Vec<bool> = call(&faults, seed, 500).iter().map(Option::is_none).collect();
            let more = Faults { delay, jitter: delay, rate: Some(1e6), ..faults };
            let (start, mut path) = (Instant::now(), Path::new(seed, 0));
            let among: Vec<bool> = (0..).zip(&between).map(|(number, others)| {
                let now = start + Duration::from_millis(7 * number);
                for _ in 0..*others {
                    path.judge(&more, Kind::Other, PACKET, now);
                }
                path.judge(&more, Kind::Media, PACKET, now) == Fate::Lost
            }).collect();
            prop_assert_eq!(alone, among);
        }

        #[test]
        fn a_packet_is_on_its_way_as_long_as_was_said(seed: u64, delay in 0.0..300.0, jitter in 0.0..100.0) {
            let faults = Faults { delay, jitter, ..Faults::default() };
            for took in call(&faults, seed, 2_000) {
                let took = took.unwrap();
                prop_assert!((delay - jitter - 0.001..=delay + jitter + 0.001).contains(&took), "{took}");
            }
        }

        #[test]
        fn packets_overtake_each_other_only_where_they_may(seed: u64) {
            let order = |reorder| {
                let faults = Faults { delay: 50.0, jitter: 50.0, reorder, ..Faults::default() };
                let took = call(&faults, seed, 2_000);
                let at: Vec<f64> = (0..).zip(took).map(|(number, took)| 20.0 * f64::from(number) + took.unwrap()).collect();
                at.is_sorted_by(|one, next| *next > one - 0.001)
            };
            prop_assert!(order(false));
            prop_assert!(!order(true));
        }

        #[test]
        fn no_more_gets_through_than_the_rate_and_nothing_waits_longer_than_the_queue(seed: u64, rate in 16.0..48.0, queue in 50.0..400.0) {
            // 128 bytes every 20 ms are 51.2 kilobits a second.
            let faults = Faults { rate: Some(rate), queue, ..Faults::default() };
            let took = call(&faults, seed, 3_000);
            let one = (PACKET + HEADERS) as f64 * 8.0 / rate;
            let through = took.iter().flatten().count() as f64 * one;
            prop_assert!(through <= 3_000.0 * 20.0 + queue + 2.0 * one, "{through} ms of line time in a minute");
            prop_assert!(through >= 3_000.0 * 20.0 * 0.98, "the line is used: {through}");
            for took in took.into_iter().flatten() {
                prop_assert!(took <= queue + one + 0.001, "{took}");
            }
        }
    }
}
