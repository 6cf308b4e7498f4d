//! The whole network: its faults in both directions, whether they are on, and every flow through it.
//!
//! Pure, as [`Path`] is. A flow is what a client sends from one of its ports. Flows are counted as their first media
//! come, and that number chooses their chance: it does not matter how many sockets a browser tries before. Must not
//! know sockets. Start at [`Network::judge`].

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::faults::Faults;
use crate::packet::Kind;
use crate::path::{Count, Fate, Path};

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From a client to the server.
    Up,
    /// From the server to a client.
    Down,
}

/// One flow; numbers are never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Flow(u64);

/// What becomes of a packet in the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It arrives, then.
    Arrives(Instant),
    /// It does not.
    Gone,
}

/// What happened in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Figures {
    /// Packets of RTP, while the faults were on.
    pub(crate) media: Count,
    /// All others, and pieces of streams.
    pub(crate) other: Count,
    /// Datagrams that came into a blackout.
    pub(crate) dark: u64,
}

/// The streams of chance of a flow whose media have not come yet.
const NOBODYS: u64 = u64::MAX / 8;

#[derive(Debug)]
struct Paths {
    up: Path,
    down: Path,
    has_media: bool,
}

/// A network with faults.
#[derive(Debug)]
pub(crate) struct Network {
    seed: u64,
    up: Faults,
    down: Faults,
    armed: bool,
    dark_until: Option<Instant>,
    flows: HashMap<Flow, Paths>,
    opened: u64,
    /// Flows that had media since the faults were armed.
    with_media: u64,
    /// Of flows that are gone, and what has no flow.
    figures: [Figures; 2],
}

impl Network {
    /// A network that has no faults yet.
    pub(crate) fn new(seed: u64) -> Self {
        Network {
            seed,
            up: Faults::default(),
            down: Faults::default(),
            armed: false,
            dark_until: None,
            flows: HashMap::new(),
            opened: 0,
            with_media: 0,
            figures: [Figures::default(); 2],
        }
    }

    /// A client begins to send.
    pub(crate) fn open(&mut self) -> Flow {
        let flow = Flow(self.opened);
        self.opened += 1;
        self.flows.insert(flow, nobodys(self.seed));
        flow
    }

    /// A client is gone.
    pub(crate) fn close(&mut self, flow: Flow) {
        if let Some(paths) = self.flows.remove(&flow) {
            self.figures = with(self.figures, &paths);
        }
    }

    /// The faults are on from now. Chance begins anew: the same packets fall as after the last time.
    pub(crate) fn arm(&mut self, up: Faults, down: Faults) {
        (self.up, self.down, self.armed, self.with_media) = (up, down, true, 0);
        self.figures = self.figures();
        self.flows.values_mut().for_each(|paths| *paths = nobodys(self.seed));
    }

    /// Every packet passes at once again; a blackout goes on.
    pub(crate) fn disarm(&mut self) {
        self.armed = false;
    }

    /// Nothing passes for so long, from now.
    pub(crate) fn black_out(&mut self, time: Duration, now: Instant) {
        self.dark_until = Some(now + time);
    }

    /// Until when nothing passes.
    pub(crate) fn dark_until(&self, now: Instant) -> Option<Instant> {
        self.dark_until.filter(|end| now < *end)
    }

    /// A datagram comes.
    pub(crate) fn judge(
        &mut self,
        flow: Flow,
        direction: Direction,
        datagram: &[u8],
        now: Instant,
    ) -> Verdict {
        if self.dark_until(now).is_some() {
            self.figures[direction as usize].dark += 1;
            return Verdict::Gone;
        }
        let kind = Kind::of(datagram);
        let Some((path, faults)) = self.path(flow, direction, kind) else { return Verdict::Arrives(now) };
        match path.judge(&faults, kind, datagram.len(), now) {
            Fate::Arrives(at) => Verdict::Arrives(at),
            Fate::Lost | Fate::Full => Verdict::Gone,
        }
    }

    /// A piece of a stream comes: when it arrives. Into the dark goes nothing, but nothing is missing afterwards.
    pub(crate) fn judge_piece(
        &mut self,
        flow: Flow,
        direction: Direction,
        length: usize,
        now: Instant,
    ) -> Instant {
        let from = self.dark_until(now).unwrap_or(now);
        match self.path(flow, direction, Kind::Other) {
            Some((path, faults)) => path.judge_piece(&faults, length, from),
            None => from,
        }
    }

    /// What happened, towards the server and back.
    pub(crate) fn figures(&self) -> [Figures; 2] {
        self.flows.values().fold(self.figures, with)
    }

    /// Nothing while there are no faults.
    fn path(&mut self, flow: Flow, direction: Direction, kind: Kind) -> Option<(&mut Path, Faults)> {
        let paths = self.flows.get_mut(&flow).filter(|_| self.armed)?;
        if kind == Kind::Media && !paths.has_media {
            let (was_up, was_down) = (paths.up.counts(), paths.down.counts());
            *paths = Paths {
                up: Path::new(self.seed, self.with_media * 2),
                down: Path::new(self.seed, self.with_media * 2 + 1),
                has_media: true,
            };
            self.figures[0].other = sum(self.figures[0].other, was_up.1);
            self.figures[1].other = sum(self.figures[1].other, was_down.1);
            self.with_media += 1;
        }
        Some(match direction {
            Direction::Up => (&mut paths.up, self.up),
            Direction::Down => (&mut paths.down, self.down),
        })
    }
}

fn nobodys(seed: u64) -> Paths {
    Paths { up: Path::new(seed, NOBODYS), down: Path::new(seed, NOBODYS + 1), has_media: false }
}

fn with([up, down]: [Figures; 2], paths: &Paths) -> [Figures; 2] {
    let and = |all: Figures, (media, other): (Count, Count)| Figures {
        media: sum(all.media, media),
        other: sum(all.other, other),
        dark: all.dark,
    };
    [and(up, paths.up.counts()), and(down, paths.down.counts())]
}

fn sum(one: Count, other: Count) -> Count {
    Count {
        seen: one.seen + other.seen,
        lost: one.lost + other.lost,
        bursts: one.bursts + other.bursts,
        full: one.full + other.full,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEDIA: [u8; 100] = {
        let mut datagram = [0; 100];
        datagram[0] = 0x80;
        datagram[1] = 111;
        datagram
    };
    const STUN: [u8; 100] = [0; 100];

    fn ms(time: u64) -> Duration {
        Duration::from_millis(time)
    }

    /// Which of a thousand packets of media get through.
    fn through(network: &mut Network, flow: Flow, direction: Direction, now: Instant) -> Vec<bool> {
        (0..1000).map(|_| network.judge(flow, direction, &MEDIA, now) != Verdict::Gone).collect()
    }

    #[test]
    fn each_direction_has_its_own_faults_and_they_can_be_switched() {
        let (mut network, now) = (Network::new(3), Instant::now());
        let flow = network.open();
        assert!(through(&mut network, flow, Direction::Up, now).iter().all(|passed| *passed));
        network.arm(Faults { loss: 0.5, ..Faults::default() }, Faults::default());
        let first = through(&mut network, flow, Direction::Up, now);
        assert!(first.iter().filter(|passed| **passed).count() < 600);
        assert!(through(&mut network, flow, Direction::Down, now).iter().all(|passed| *passed));
        network.disarm();
        assert!(through(&mut network, flow, Direction::Up, now).iter().all(|passed| *passed));
        network.arm(Faults { loss: 0.5, ..Faults::default() }, Faults::default());
        assert_eq!(
            through(&mut network, flow, Direction::Up, now),
            first,
            "the same packets after each arming"
        );
        let [up, down] = network.figures();
        assert_eq!((up.media.seen, down.media.seen, down.media.lost), (2000, 1000, 0));
        assert_eq!(up.media.lost, 2 * first.iter().filter(|passed| !**passed).count() as u64);
    }

    #[test]
    fn chance_does_not_depend_on_what_was_tried_before() {
        let now = Instant::now();
        let fell = |before: usize, checks: usize| {
            let mut network = Network::new(9);
            network.arm(Faults::default(), Faults { loss: 0.2, ..Faults::default() });
            for _ in 0..before {
                let tried = network.open();
                network.judge(tried, Direction::Up, &STUN, now);
            }
            let flow = network.open();
            for _ in 0..checks {
                network.judge(flow, Direction::Down, &STUN, now);
            }
            through(&mut network, flow, Direction::Down, now)
        };
        assert_eq!(fell(0, 0), fell(3, 50));
    }

    #[test]
    fn two_clients_do_not_lose_the_same() {
        let (mut network, now) = (Network::new(9), Instant::now());
        network.arm(Faults { loss: 0.5, ..Faults::default() }, Faults::default());
        let (ana, ben) = (network.open(), network.open());
        let anas = through(&mut network, ana, Direction::Up, now);
        assert_ne!(anas, through(&mut network, ben, Direction::Up, now));
    }

    #[test]
    fn nothing_passes_in_a_blackout_and_everything_after_it() {
        let (mut network, now) = (Network::new(1), Instant::now());
        let flow = network.open();
        network.black_out(ms(5000), now);
        for direction in [Direction::Up, Direction::Down] {
            for datagram in [MEDIA, STUN] {
                assert_eq!(network.judge(flow, direction, &datagram, now + ms(4999)), Verdict::Gone);
                let after = now + ms(5000);
                assert_eq!(network.judge(flow, direction, &datagram, after), Verdict::Arrives(after));
            }
        }
        assert_eq!(network.judge_piece(flow, Direction::Up, 9, now), now + ms(5000), "a stream waits");
        assert_eq!(network.figures().map(|figures| figures.dark), [2, 2]);
    }

    #[test]
    fn who_is_gone_is_still_counted() {
        let (mut network, now) = (Network::new(1), Instant::now());
        network.arm(Faults::default(), Faults::default());
        let flow = network.open();
        through(&mut network, flow, Direction::Up, now);
        network.close(flow);
        assert_eq!(network.figures()[0].media.seen, 1000);
    }
}
