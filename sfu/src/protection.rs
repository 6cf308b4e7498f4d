//! How many packets back a listener's packets repeat, by what he says he loses.
//!
//! A copy of the packet before brings back what is lost alone, and costs as much again; on a good line it is worth
//! nothing. So it is given to whom it helps: at once when something is lost, and taken back when nothing has been for a
//! while. Numbers in, numbers out. Start at [`Protection::heard`].

/// The most packets that one repeats: a burst of three is brought back whole.
pub(crate) const DISTANCE_MAX: u8 = 3;

/// From which loss on, of 256, packets repeat so many before them: two in a hundred, six, nine. With one copy a random
/// loss of ten in a hundred becomes one, but three in a row become two: bursts are why it is three so soon.
const FROM: [u8; DISTANCE_MAX as usize] = [5, 15, 23];

/// Reports without such a loss after which there is one copy less: about five seconds each.
const CALM_REPORTS: u8 = 3;

/// The same for one who has just come: nothing was known of his line then.
const FIRST_CALM_REPORTS: u8 = 2;

/// What is decided for one listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Protection {
    distance: u8,
    /// Reports still to come before there is one copy less, as long as they are good.
    calm: u8,
}

impl Protection {
    /// Of somebody of whose line nothing is known: one copy, until he says that he loses nothing.
    pub(crate) fn new() -> Protection {
        Protection { distance: 1, calm: FIRST_CALM_REPORTS }
    }

    /// How many packets back his packets repeat.
    pub(crate) fn distance(self) -> u8 {
        self.distance
    }

    /// He has reported that of 256 packets this many were lost.
    pub(crate) fn heard(&mut self, fraction_lost: u8) {
        let wanted = FROM.iter().filter(|from| fraction_lost >= **from).count() as u8;
        // What was lost in spite of the copies is as much as without them: RED hides no loss from who counts packets.
        let keeps = FROM.get(usize::from(self.distance.wrapping_sub(1))).map_or(0, |from| from / 2);
        if wanted >= self.distance.max(1) || (self.distance > 0 && fraction_lost > keeps) {
            *self = Protection { distance: self.distance.max(wanted), calm: CALM_REPORTS };
            return;
        }
        if self.distance == 0 {
            return;
        }
        self.calm = self.calm.saturating_sub(1);
        if self.calm == 0 {
            *self = Protection { distance: self.distance - 1, calm: CALM_REPORTS };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(reports: &[u8]) -> u8 {
        let mut protection = Protection::new();
        reports.iter().for_each(|report| protection.heard(*report));
        protection.distance()
    }

    #[test]
    fn a_clean_line_gets_no_copies_after_its_first_reports() {
        assert_eq!((after(&[]), after(&[0]), after(&[0, 0])), (1, 1, 0));
        assert_eq!(after(&[0; 50]), 0);
        assert_eq!(after(&[2; 50]), 0, "one in a hundred is not worth twice as much of everything");
    }

    #[test]
    fn copies_come_at_once_and_go_one_by_one() {
        let clean = [0; 4];
        let lossy = |loss: u8| [&clean[..], &[loss]].concat();
        assert_eq!([5, 15, 26, 77].map(|loss| after(&lossy(loss))), [1, 2, 3, 3]);
        let calms = |reports: usize| after(&[&lossy(26)[..], &vec![0; reports]].concat());
        assert_eq!([2, 3, 5, 6, 8, 9].map(calms), [3, 2, 2, 1, 1, 0]);
    }

    #[test]
    fn a_line_between_two_thresholds_does_not_swing() {
        let mut protection = Protection::new();
        let mut seen = Vec::new();
        for n in 0..100 {
            protection.heard(if n % 2 == 0 { 24 } else { 14 });
            seen.push(protection.distance());
        }
        assert_eq!(seen, [3; 100]);
    }
}
