//! How a participant's sound travels, in both directions: figures, and one level for those who only want to know whether
//! it is good.
//!
//! Arithmetic over what reports say; sampled whenever reports are due. Knows no rooms and no packets. Start at
//! [`Quality::sampled`].

use std::time::Duration;

/// How somebody's sound travels, as far as is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quality {
    /// In one word; `None` before anything is known.
    pub signal: Option<Signal>,
    /// How long a packet takes there and back.
    pub round_trip: Option<Duration>,
    /// What comes from him.
    pub up: Direction,
    /// What goes to him, in the slot where it is worst.
    pub down: Direction,
    /// Whether the last sample was better than what is told.
    better: bool,
}

/// One direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Direction {
    /// Of a thousand packets, so many were lost lately; `None` while there are none.
    pub lost_per_mille: Option<u16>,
    /// How unevenly they arrive.
    pub jitter: Option<Duration>,
    /// Thousands of bits of audio in a second, lately.
    pub kilobits_per_second: u32,
}

/// How good it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// Words are missing.
    Bad,
    /// It is an effort.
    Poor,
    /// It can be heard that it is not good.
    Fair,
    /// Good.
    Good,
    /// As good as it gets.
    VeryGood,
}

/// From where on a signal is worse: share lost per mille, round trip and jitter in milliseconds.
const LIMITS: [(Signal, u16, u128, u128); 4] = [
    (Signal::VeryGood, 10, 120, 30),
    (Signal::Good, 30, 250, 60),
    (Signal::Fair, 80, 400, 100),
    (Signal::Poor, 200, 800, 200),
];

impl Signal {
    /// From 0 (bad) to 4 (very good).
    #[must_use]
    pub fn bars(self) -> u8 {
        match self {
            Signal::Bad => 0,
            Signal::Poor => 1,
            Signal::Fair => 2,
            Signal::Good => 3,
            Signal::VeryGood => 4,
        }
    }

    fn of(lost: u16, round_trip: Duration, jitter: Duration) -> Signal {
        let fits = |(_, most_lost, longest, most_uneven): &&(Signal, u16, u128, u128)| {
            lost < *most_lost && round_trip.as_millis() < *longest && jitter.as_millis() < *most_uneven
        };
        LIMITS.iter().find(fits).map_or(Signal::Bad, |(signal, ..)| *signal)
    }
}

impl Quality {
    /// What is known after a sample. Of what it does not say the last is kept; it gets worse at once, and better when
    /// two samples say so, so that it does not flicker.
    pub(crate) fn sampled(self, round_trip: Option<Duration>, up: Direction, down: Direction) -> Quality {
        let mut next = Quality { round_trip: round_trip.or(self.round_trip), up, down, ..self };
        let known = round_trip.is_some() || up.lost_per_mille.is_some() || down.lost_per_mille.is_some();
        if !known {
            return next;
        }
        let lost = up.lost_per_mille.max(down.lost_per_mille).unwrap_or(0);
        let jitter = up.jitter.max(down.jitter).unwrap_or_default();
        let signal = Signal::of(lost, next.round_trip.unwrap_or_default(), jitter);
        next.better = self.signal.is_some_and(|told| signal > told);
        if !next.better || self.better {
            next.signal = Some(signal);
            next.better = false;
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lossy(per_mille: u16) -> Direction {
        Direction { lost_per_mille: Some(per_mille), ..Direction::default() }
    }

    fn after(samples: &[u16]) -> Option<Signal> {
        let mut quality = Quality::default();
        for lost in samples {
            quality = quality.sampled(None, lossy(*lost), Direction::default());
        }
        quality.signal
    }

    #[test]
    fn it_gets_worse_at_once_and_better_when_it_lasts() {
        assert_eq!(after(&[0]), Some(Signal::VeryGood));
        assert_eq!(after(&[0, 100]), Some(Signal::Poor));
        assert_eq!(after(&[0, 100, 0]), Some(Signal::Poor));
        assert_eq!(after(&[0, 100, 0, 0]), Some(Signal::VeryGood));
        assert_eq!(after(&[0, 100, 0, 100, 0]), Some(Signal::Poor));
        assert_eq!(after(&[500]), Some(Signal::Bad));
    }

    #[test]
    fn silence_says_nothing() {
        assert_eq!(Quality::default().sampled(None, Direction::default(), Direction::default()).signal, None);
        let known =
            Quality::default().sampled(Some(Duration::from_millis(300)), lossy(0), Direction::default());
        assert_eq!(known.signal, Some(Signal::Fair), "far away");
        let later = known.sampled(None, Direction::default(), Direction::default());
        assert_eq!((later.signal, later.round_trip), (known.signal, known.round_trip));
    }

    #[test]
    fn the_worse_direction_counts() {
        let quality = Quality::default().sampled(None, lossy(5), lossy(60));
        assert_eq!(quality.signal.map(Signal::bars), Some(2));
        let uneven = Direction { jitter: Some(Duration::from_millis(150)), ..lossy(0) };
        assert_eq!(Quality::default().sampled(None, uneven, lossy(0)).signal, Some(Signal::Poor));
    }
}
