//! How busy a worker is, and what it sheds when it is too busy.
//!
//! The time each turn took and the clock go in, a [`Pressure`] comes out. It rises step by step, fewer slots
//! first and refused joins last, and falls the same way, but more slowly: whoever sheds load looks less busy
//! and must not take that for the end of it. Knows neither rooms nor threads. Start at [`Load::worked`].
//!
//! What a turn took on the clock is more than it worked when others use its core too. That alone is no reason to shed
//! anything, as long as the worker still finds time to wait; so its CPU time counts as it is, and the clock with a
//! discount, such that only who never waits any more is busy by the clock. Whether it is calm again is judged by its own
//! CPU time: others may go on for ever, and what was shed would never come back. Only what the clock would take away
//! again at once is not given back.
//!
//! A worker may be given less than a core. Its own work is then measured by that budget; the clock knows of none.

use std::time::{Duration, Instant};

/// How much a worker has to shed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pressure {
    /// Nothing.
    #[default]
    Normal,
    /// Rooms with people on it use this many slots at most, or one: who speaks goes on until he stops.
    FewerSlots(SlotsUsed),
    /// One slot, and nobody else is let in.
    Refusing,
}

/// A number of slots. The fewer, the greater the pressure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SlotsUsed(pub u8);

/// How long a worker is watched before its share of busy time is judged.
const WINDOW: Duration = Duration::from_secs(1);

/// From this share of its budget on it has too much to do: a turn is late before it begins.
const BUSY: f32 = 0.85;

/// From this share on, with one slot left, nobody else is let in.
const OVERLOADED: f32 = 0.95;

/// What of a turn's time on the clock counts at least: by the clock a worker is busy when it waits for less than a
/// thirtieth of the time, and by the clock alone nobody is refused, since others' work may end.
const CLOCK_COUNTS: f32 = 0.88;

/// Below this share of its own work it could do more.
const CALM: f32 = 0.60;

/// Windows in a row that must be busy before the next step up.
const UP_AFTER: u32 = 2;

/// Windows in a row that must be calm before the next step down.
const DOWN_AFTER: u32 = 5;

/// How much of what a worker has it took in a window.
#[derive(Clone, Copy, Debug)]
struct Shares {
    /// Its own work, of its budget.
    own: f32,
    /// That, or what of the time it was busy by the clock, with the discount; whichever is more.
    seeming: f32,
}

/// Watches one worker.
#[derive(Debug)]
pub(crate) struct Load {
    /// All the slots there are.
    slots: u8,
    /// CPU time it may use of each second, in seconds.
    budget: f32,
    pressure: Pressure,
    window_began: Instant,
    busy: Duration,
    /// The thread's CPU time when the window began.
    worked_before: Option<Duration>,
    busy_windows: u32,
    calm_windows: u32,
}

impl Pressure {
    /// How many of so many slots may be used.
    #[must_use]
    pub fn slots_of(self, slots: u8) -> u8 {
        match self {
            Pressure::Normal => slots,
            Pressure::FewerSlots(SlotsUsed(used)) => used.min(slots),
            Pressure::Refusing => 1,
        }
    }

    /// Whether nobody else is let in.
    #[must_use]
    pub fn refuses(self) -> bool {
        self == Pressure::Refusing
    }
}

impl PartialOrd for SlotsUsed {
    fn partial_cmp(&self, other: &SlotsUsed) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SlotsUsed {
    fn cmp(&self, other: &SlotsUsed) -> std::cmp::Ordering {
        other.0.cmp(&self.0)
    }
}

impl Load {
    /// `budget` is the CPU time it may use of each second.
    pub(crate) fn new(now: Instant, slots: u8, budget: Duration) -> Load {
        Load {
            slots,
            budget: budget.as_secs_f32(),
            pressure: Pressure::Normal,
            window_began: now,
            busy: Duration::ZERO,
            worked_before: None,
            busy_windows: 0,
            calm_windows: 0,
        }
    }

    /// A turn that ended now took this long on the clock. `worked`, all CPU time of the thread, is asked once a window;
    /// where it cannot be told the clock counts alone, and all of it. Returns the pressure if that changes it.
    pub(crate) fn worked(
        &mut self,
        now: Instant,
        busy: Duration,
        worked: impl FnOnce() -> Option<Duration>,
    ) -> Option<Pressure> {
        self.busy += busy;
        let watched = now.saturating_duration_since(self.window_began);
        if watched < WINDOW {
            return None;
        }
        let of_window = |time: Duration| time.as_secs_f32() / watched.as_secs_f32();
        let by_clock = of_window(self.busy);
        let worked = worked();
        let own = match worked.zip(self.worked_before) {
            Some((after, before)) => of_window(after.saturating_sub(before)),
            None => by_clock,
        } / self.budget;
        let shares = Shares { own, seeming: own.max(by_clock * CLOCK_COUNTS) };
        self.worked_before = worked;
        self.window_began = now;
        self.busy = Duration::ZERO;
        let next = self.judge(shares);
        (next != self.pressure).then(|| {
            self.pressure = next;
            next
        })
    }

    /// What one more window like this makes of the pressure.
    fn judge(&mut self, shares: Shares) -> Pressure {
        let (down, up) = (self.next_down(), self.next_up());
        let busy = shares.seeming > self.limit_at(self.pressure);
        // A step down that the next two windows like this would take back is none.
        let calm = shares.own < CALM && shares.seeming <= self.limit_at(down);
        self.busy_windows = if busy { self.busy_windows + 1 } else { 0 };
        self.calm_windows = if calm { self.calm_windows + 1 } else { 0 };
        if self.busy_windows >= UP_AFTER {
            self.busy_windows = 0;
            return up;
        }
        if self.calm_windows >= DOWN_AFTER {
            self.calm_windows = 0;
            return down;
        }
        self.pressure
    }

    /// The share from which on a worker under this pressure takes the next step up.
    fn limit_at(&self, pressure: Pressure) -> f32 {
        if pressure.slots_of(self.slots) <= 1 { OVERLOADED } else { BUSY }
    }

    fn next_up(&self) -> Pressure {
        match self.pressure.slots_of(self.slots) {
            0 | 1 => Pressure::Refusing,
            used => Pressure::FewerSlots(SlotsUsed(used / 2)),
        }
    }

    /// The same steps backwards.
    fn next_down(&self) -> Pressure {
        let steps = std::iter::successors(Some(self.slots), |used| (*used > 1).then_some(*used / 2));
        match self.pressure {
            Pressure::Normal => Pressure::Normal,
            Pressure::Refusing if self.slots <= 1 => Pressure::Normal,
            Pressure::Refusing => Pressure::FewerSlots(SlotsUsed(1)),
            Pressure::FewerSlots(SlotsUsed(now)) => {
                let before = steps.filter(|used| *used > now).last().unwrap_or(self.slots);
                match before == self.slots {
                    true => Pressure::Normal,
                    false => Pressure::FewerSlots(SlotsUsed(before)),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A worker on a clock, whose turns take as long as they are told to.
    struct Scene {
        now: Instant,
        load: Load,
        /// CPU time so far, and what others leave of a turn, in per cent.
        worked: Duration,
        left: u32,
    }

    impl Scene {
        fn of(slots: u8) -> Scene {
            let now = Instant::now();
            Scene { now, load: Load::new(now, slots, SECOND), worked: Duration::ZERO, left: 100 }
        }

        /// Turns of 20 ms, of which this much per cent is work.
        fn run(&mut self, time: Duration, percent: u32) -> Vec<Pressure> {
            let turn = Duration::from_millis(20);
            let end = self.now + time;
            let mut changes = Vec::new();
            while self.now < end {
                self.now += turn;
                let busy = turn * percent / 100;
                self.worked += busy * self.left / 100;
                let worked = self.worked;
                changes.extend(self.load.worked(self.now, busy, || Some(worked)));
            }
            changes
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    fn fewer(slots: u8) -> Pressure {
        Pressure::FewerSlots(SlotsUsed(slots))
    }

    #[test]
    fn slots_go_first_and_joins_are_refused_last() {
        let mut scene = Scene::of(8);
        assert_eq!(scene.run(7 * SECOND, 90), [fewer(4), fewer(2), fewer(1)]);
        assert_eq!(scene.run(20 * SECOND, 90), [], "busy, but not past bearing");
        assert_eq!(scene.run(10 * SECOND, 98), [Pressure::Refusing]);
    }

    #[test]
    fn it_comes_back_step_by_step_and_slowly() {
        let mut scene = Scene::of(8);
        scene.run(10 * SECOND, 99);
        assert_eq!(scene.load.pressure, Pressure::Refusing);
        assert_eq!(scene.run(4 * SECOND, 10), []);
        assert_eq!(scene.run(17 * SECOND, 10), [fewer(1), fewer(2), fewer(4), Pressure::Normal]);
        assert_eq!(scene.run(60 * SECOND, 10), []);
    }

    #[test]
    fn a_moment_of_work_is_no_overload() {
        let mut scene = Scene::of(8);
        for _ in 0..20 {
            assert_eq!(scene.run(SECOND, 100), []);
            assert_eq!(scene.run(SECOND, 70), []);
        }
    }

    #[test]
    fn what_others_take_is_not_shed_for_until_no_time_is_left() {
        let mut scene = Scene::of(8);
        scene.left = 55;
        assert_eq!(scene.run(20 * SECOND, 94), [], "it keeps up");
        let shed = scene.run(20 * SECOND, 100);
        assert_eq!(shed, [fewer(4), fewer(2), fewer(1)], "it does not, and nobody is refused for it");
    }

    #[test]
    fn beside_busy_neighbours_everything_comes_back_as_well() {
        let mut scene = Scene::of(8);
        scene.run(10 * SECOND, 99);
        assert_eq!(scene.load.pressure, Pressure::Refusing);
        // Little of its own, on a core of which it gets half: a turn is as long as if it were busy.
        scene.left = 50;
        assert_eq!(scene.run(21 * SECOND, 90), [fewer(1), fewer(2), fewer(4), Pressure::Normal]);
        assert_eq!(scene.run(60 * SECOND, 90), []);
    }

    #[test]
    fn what_others_take_keeps_nobody_out_and_is_no_reason_to_flutter() {
        let mut scene = Scene::of(8);
        scene.run(10 * SECOND, 99);
        assert_eq!(scene.load.pressure, Pressure::Refusing);
        // Calm, and yet it never gets to wait: with one slot more it would be too late again.
        scene.left = 30;
        assert_eq!(scene.run(60 * SECOND, 100), [fewer(1)]);
        assert_eq!(scene.run(16 * SECOND, 95), [fewer(2), fewer(4), Pressure::Normal]);
    }

    #[test]
    fn who_has_a_tenth_of_a_core_sheds_and_recovers_at_a_tenth_of_the_work() {
        let mut scene = Scene::of(2);
        scene.load = Load::new(scene.now, 2, SECOND / 10);
        assert_eq!(scene.run(20 * SECOND, 8), []);
        assert_eq!(scene.run(20 * SECOND, 9), [fewer(1)]);
        assert_eq!(scene.run(20 * SECOND, 50), [Pressure::Refusing]);
        assert_eq!(scene.run(20 * SECOND, 7), []);
        assert_eq!(scene.run(20 * SECOND, 5), [fewer(1), Pressure::Normal]);
    }

    #[test]
    fn without_cpu_time_the_clock_counts() {
        let mut scene = Scene::of(2);
        let mut changes = Vec::new();
        for _ in 0..300 {
            scene.now += Duration::from_millis(20);
            changes.extend(scene.load.worked(scene.now, Duration::from_millis(18), || None));
        }
        assert_eq!(changes, [fewer(1)]);
    }

    #[test]
    fn with_one_slot_there_is_none_to_give() {
        let mut scene = Scene::of(1);
        assert_eq!(scene.run(10 * SECOND, 90), []);
        assert_eq!(scene.run(10 * SECOND, 98), [Pressure::Refusing]);
        assert_eq!(scene.run(10 * SECOND, 5), [Pressure::Normal]);
    }

    #[test]
    fn who_sleeps_between_turns_is_calm() {
        let mut scene = Scene::of(4);
        scene.run(8 * SECOND, 99);
        for _ in 0..20 {
            scene.now += SECOND;
            scene.load.worked(scene.now, Duration::from_micros(50), || None);
        }
        assert_eq!(scene.load.pressure, Pressure::Normal);
    }

    proptest! {
        /// Whatever the load, steps are not taken faster than allowed, nor more than one at a time, and calm
        /// always brings everything back.
        #[test]
        fn it_never_flutters(slots in 1u8..=16, shares in prop::collection::vec(0u32..=100, 1..100)) {
            let mut scene = Scene::of(slots);
            let mut last = scene.now;
            for share in shares {
                let before = scene.load.pressure;
                for after in scene.run(SECOND, share) {
                    prop_assert!(scene.now - last >= 2 * SECOND - Duration::from_millis(40));
                    last = scene.now;
                    let (before, after) = (before.slots_of(slots), after.slots_of(slots));
                    prop_assert!(after.max(before) <= 2 * after.min(before) + 1);
                }
            }
            scene.run(60 * SECOND, 0);
            prop_assert_eq!(scene.load.pressure, Pressure::Normal);
        }
    }
}
