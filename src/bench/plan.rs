//! Who comes, and does what.

use std::time::Duration;

use super::seat::Microphone;
use super::words::Part;

/// How many people do what, and how they come in.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Rooms.
    pub rooms: u16,
    /// People in each, before it is measured.
    pub people: u16,
    /// How many of them talk.
    pub talkers: u16,
    /// What the others do.
    pub others: Microphone,
    /// Bytes of a talker's packet's payload.
    pub payload: u16,
    /// People who come in at the same time.
    pub joins_at_once: u16,
    /// People who come in while it is measured.
    pub late: u16,
    /// The time over which they do.
    pub over: Duration,
    /// Whether the talkers of a room send at the same moment.
    pub together: bool,
    /// Whether those who only listen will be cut off, see [`super::sink`].
    pub sink: bool,
}

impl Plan {
    /// All who are there before it is measured.
    pub fn all(self) -> usize {
        usize::from(self.rooms) * usize::from(self.people)
    }

    /// And those who come later.
    pub fn everybody(self) -> usize {
        self.all() + usize::from(self.late)
    }

    /// The room of a person: they fill the rooms in turn.
    pub fn room(self, number: usize) -> usize {
        number % usize::from(self.rooms)
    }

    /// As how many-th this person came into the room. Those who come first talk.
    pub fn place(self, number: usize) -> usize {
        number / usize::from(self.rooms)
    }

    /// When in the 20 ms of a packet this person talks: spread by a step that is no part of them.
    pub fn offset(self, number: usize) -> Duration {
        let step = if self.together { self.room(number) } else { number };
        Duration::from_micros(step as u64 * 7_919 % 20_000)
    }

    /// How long after the beginning of the measured time somebody comes who comes late.
    pub fn delay(self, number: usize) -> Duration {
        let turn = number.saturating_sub(self.all()) as f64;
        self.over.mul_f64(turn / f64::from(self.late.max(1)))
    }

    /// What a person is to do.
    pub fn part(self, number: usize) -> Part {
        let late = number >= self.all();
        let talks = !late && self.place(number) < usize::from(self.talkers);
        Part {
            number,
            rooms: self.rooms.into(),
            talkers: self.talkers.into(),
            microphone: if talks { Microphone::Talking } else { self.others },
            offset: self.offset(number),
            late,
        }
    }
}

#[cfg(test)]
impl Plan {
    /// One room of five, of whom one talks.
    pub(super) const SMALL: Plan = Plan {
        rooms: 1,
        people: 5,
        talkers: 1,
        others: Microphone::Quiet,
        payload: 100,
        joins_at_once: 4,
        late: 0,
        over: Duration::ZERO,
        together: false,
        sink: false,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_each_room_talk_and_those_who_come_late_do_not() {
        let plan = Plan { rooms: 2, people: 3, talkers: 2, late: 4, others: Microphone::Open, ..Plan::SMALL };
        assert_eq!((plan.all(), plan.everybody()), (6, 10));
        let talking: Vec<usize> =
            (0..10).filter(|number| plan.part(*number).microphone == Microphone::Talking).collect();
        assert_eq!(talking, [0, 1, 2, 3]);
        assert_eq!((0..10).filter(|number| plan.part(*number).late).count(), 4);
        assert_eq!(plan.part(9).microphone, Microphone::Open);
    }

    #[test]
    fn those_who_come_late_come_evenly() {
        let plan = Plan { late: 4, over: Duration::from_secs(2), ..Plan::SMALL };
        let delays: Vec<u128> = (5..9).map(|number| plan.delay(number).as_millis()).collect();
        assert_eq!(delays, [0, 500, 1_000, 1_500]);
    }
}
