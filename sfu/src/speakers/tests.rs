//! Scenes in which people say things, and storms in which anything may happen.

#![allow(clippy::unwrap_used)]
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::model::Model;
use super::*;

const FRAME: Duration = Duration::from_millis(20);
const LOUD: i8 = -25;
const SOFT: i8 = -45;
const QUIET: i8 = -90;

/// A room on a clock, in which people say things.
struct Scene {
    now: Instant,
    speakers: Speakers,
}

impl Scene {
    fn with(slots: u8, people: u32) -> Scene {
        let now = Instant::now();
        let mut speakers = Speakers::new(slots);
        for who in 1..=people {
            speakers.enter(now, ParticipantId(who), false);
        }
        Scene { now, speakers }
    }

    /// Everyone listed sends a packet of his level every 20 ms for some time.
    fn run(&mut self, time: Duration, levels: &[(u32, i8)]) {
        let end = self.now + time;
        while self.now < end {
            self.now += FRAME;
            for (who, level) in levels {
                self.speakers.hear(self.now, ParticipantId(*who), *level);
            }
            self.speakers.expire(self.now);
        }
    }

    fn speaking(&self) -> Vec<u32> {
        self.speakers.speaking().map(|who| who.0).collect()
    }

    fn limit(&mut self, slots: u8) {
        self.speakers.set_limit(self.now, slots);
    }

    fn holders(&self) -> Vec<u32> {
        self.speakers.slots().iter().flatten().map(|who| who.0).collect()
    }

    fn holds(&self, who: u32) -> bool {
        self.speakers.slots().contains(&Some(ParticipantId(who)))
    }
}

#[test]
fn a_click_is_no_speech() {
    let mut scene = Scene::with(4, 1);
    scene.run(2 * FRAME, &[(1, LOUD)]);
    scene.run(FRAME, &[(1, QUIET)]);
    assert!(scene.speaking().is_empty());
}

#[test]
fn speech_outlasts_the_pause_between_words() {
    let mut scene = Scene::with(4, 1);
    scene.run(Duration::from_millis(200), &[(1, LOUD)]);
    assert_eq!(scene.speaking(), [1]);
    scene.run(Duration::from_millis(300), &[(1, QUIET)]);
    assert_eq!(scene.speaking(), [1]);
    scene.run(Duration::from_millis(120), &[(1, QUIET)]);
    assert!(scene.speaking().is_empty());
}

#[test]
fn who_falls_silent_without_a_packet_stops_speaking_too() {
    let mut scene = Scene::with(4, 1);
    scene.run(Duration::from_millis(200), &[(1, LOUD)]);
    assert_eq!(scene.speakers.deadline(), Some(scene.now + RELEASE));
    scene.run(RELEASE, &[]);
    assert!(scene.speaking().is_empty());
    assert_eq!(scene.speakers.deadline(), None);
}

#[test]
fn with_enough_slots_everyone_keeps_his() {
    let mut scene = Scene::with(4, 4);
    let before = scene.speakers.slots().to_vec();
    scene.run(Duration::from_secs(60), &[(1, LOUD), (2, SOFT), (3, LOUD)]);
    assert_eq!(scene.speakers.slots(), before);
}

#[test]
fn a_slot_that_becomes_free_goes_to_one_who_has_none() {
    let mut scene = Scene::with(2, 3);
    assert!(!scene.holds(3));
    scene.speakers.leave(scene.now, ParticipantId(1));
    assert!(scene.holds(3));
    assert_eq!(scene.speakers.slot_of(ParticipantId(3)), Some(SlotIndex(0)));
}

#[test]
fn who_speaks_takes_the_slot_of_who_does_not() {
    let mut scene = Scene::with(2, 3);
    scene.run(Duration::from_secs(5), &[(1, LOUD), (2, QUIET)]);
    scene.run(Duration::from_millis(100), &[(1, LOUD), (3, SOFT)]);
    assert!(scene.holds(1) && scene.holds(3) && !scene.holds(2));
}

#[test]
fn the_muted_yield_first_and_never_speak() {
    let mut scene = Scene::with(2, 3);
    scene.run(Duration::from_secs(1), &[(1, LOUD)]);
    scene.speakers.set_muted(ParticipantId(1), true);
    scene.run(Duration::from_millis(100), &[(1, LOUD), (3, LOUD)]);
    assert_eq!(scene.speaking(), [3]);
    assert!(!scene.holds(1) && scene.holds(2));
}

#[test]
fn a_breath_does_not_cost_the_slot() {
    let mut scene = Scene::with(1, 2);
    scene.run(Duration::from_secs(3), &[(1, LOUD)]);
    scene.run(Duration::from_millis(700), &[(1, QUIET), (2, LOUD)]);
    assert!(scene.holds(1));
}

#[test]
fn claiming_to_be_loudest_takes_no_slot_from_ordinary_speech() {
    let mut scene = Scene::with(2, 3);
    scene.run(Duration::from_secs(1), &[(1, -30), (2, -30)]);
    scene.run(Duration::from_secs(5), &[(1, -30), (2, -30), (3, 0)]);
    assert!(!scene.holds(3));
}

#[test]
fn who_always_claims_to_be_loudest_does_not_keep_a_slot() {
    let mut scene = Scene::with(1, 2);
    scene.run(Duration::from_secs(11), &[(1, 0)]);
    assert!(scene.holds(1));
    scene.run(Duration::from_millis(100), &[(1, 0), (2, -40)]);
    assert!(scene.holds(2));
    scene.run(Duration::from_secs(2), &[(1, 0), (2, -35)]);
    assert!(scene.holds(2), "and does not have it back at once");
}

#[test]
fn one_switch_does_not_set_off_another() {
    let mut scene = Scene::with(3, 4);
    let all = [(1, LOUD), (2, LOUD), (3, LOUD)];
    scene.run(Duration::from_secs(12), &all);
    let before = scene.speakers.slots().to_vec();
    scene.run(Duration::from_millis(500), &[(1, LOUD), (2, LOUD), (3, LOUD), (4, LOUD)]);
    let changed = before.iter().zip(scene.speakers.slots()).filter(|(a, b)| a != b).count();
    assert_eq!(changed, 1);
}

#[test]
fn a_lower_limit_takes_the_slots_of_the_silent_at_once() {
    let mut scene = Scene::with(4, 6);
    scene.run(Duration::from_secs(2), &[(2, LOUD), (4, LOUD)]);
    scene.limit(2);
    assert_eq!(scene.holders(), [2, 4]);
    scene.run(Duration::from_secs(2), &[(2, LOUD), (4, LOUD), (5, QUIET)]);
    assert_eq!(scene.holders(), [2, 4], "and they stay free");
}

#[test]
fn who_speaks_when_the_limit_falls_ends_his_sentence_first() {
    let mut scene = Scene::with(3, 3);
    scene.run(Duration::from_secs(2), &[(1, LOUD), (2, LOUD), (3, LOUD)]);
    scene.limit(1);
    assert_eq!(scene.holders(), [1, 2, 3]);
    scene.run(Duration::from_millis(1_180), &[(2, LOUD)]);
    assert_eq!(scene.holders(), [1, 2, 3], "a breath is no end");
    assert_eq!(scene.speakers.deadline(), Some(scene.now + FRAME));
    scene.run(FRAME, &[(2, LOUD)]);
    assert_eq!(scene.holders(), [2]);
}

#[test]
fn who_is_muted_gives_a_surplus_slot_up_at_once() {
    let mut scene = Scene::with(2, 2);
    scene.run(Duration::from_secs(1), &[(1, LOUD), (2, LOUD)]);
    scene.limit(1);
    scene.speakers.set_muted(ParticipantId(1), true);
    assert!(scene.speakers.deadline().unwrap() <= scene.now);
    scene.speakers.expire(scene.now);
    assert_eq!(scene.holders(), [2]);
}

#[test]
fn a_raised_limit_fills_the_free_slots() {
    let mut scene = Scene::with(4, 5);
    scene.limit(1);
    assert_eq!(scene.holders().len(), 1);
    scene.limit(3);
    assert_eq!(scene.holders().len(), 3);
    scene.limit(200);
    assert_eq!(scene.holders().len(), 4, "there are no more slots than there are");
}

#[test]
fn a_limit_is_no_way_to_keep_a_slot_for_ever() {
    let mut scene = Scene::with(2, 3);
    scene.run(Duration::from_secs(2), &[(1, 0), (2, 0)]);
    scene.limit(1);
    scene.run(TURN, &[(1, 0), (2, 0), (3, LOUD)]);
    assert_eq!(scene.holders(), [3]);
}

#[test]
fn a_limit_of_none_lets_nobody_be_heard() {
    let mut scene = Scene::with(2, 3);
    scene.limit(0);
    scene.run(Duration::from_secs(1), &[(1, LOUD), (2, LOUD)]);
    assert!(scene.holders().is_empty());
    assert_eq!(scene.speaking(), [1, 2]);
}

proptest! {
    /// Whatever happens, the quick one says and does what the simple one says and does.
    #[test]
    fn it_is_as_if_everybody_were_looked_at(
        slots in 1u8..5,
        steps in prop::collection::vec((0u8..14, 1u32..10, -127i8..=0, 0u64..400), 1..500)
    ) {
        let mut now = Instant::now();
        let (mut quick, mut simple) = (Speakers::new(slots), Model::new(slots));
        let mut here = BTreeSet::new();
        for (step, who, level, pause) in steps {
            // Most packets come close together, some after a pause.
            now += Duration::from_millis(if step < 8 { pause } else { pause / 20 });
            let who = ParticipantId(who);
            match step {
                0 if here.insert(who) => {
                    quick.enter(now, who, level < -100);
                    simple.enter(now, who, level < -100);
                }
                1 => {
                    here.remove(&who);
                    quick.leave(now, who);
                    simple.leave(now, who);
                }
                2 => {
                    quick.set_muted(who, level < -60);
                    simple.set_muted(who, level < -60);
                }
                3 => {
                    quick.set_limit(now, level.unsigned_abs() % 6);
                    simple.set_limit(now, level.unsigned_abs() % 6);
                }
                4 | 5 => {
                    quick.expire(now);
                    simple.expire(now);
                }
                12 => {
                    quick.set_priority(now, who, level < -60);
                    simple.set_priority(now, who, level < -60);
                }
                13 => {
                    quick.begin_anew(who);
                    simple.begin_anew(who);
                }
                _ => {
                    let level = level / 2;
                    prop_assert_eq!(quick.hear(now, who, level), simple.hear(now, who, level));
                }
            }
            prop_assert_eq!(quick.slots(), simple.slots());
            prop_assert!(quick.speaking().eq(simple.speaking()));
            prop_assert_eq!(quick.deadline(), simple.deadline());
            prop_assert_eq!(quick.take_speakers_changed(), simple.take_speakers_changed());
            prop_assert_eq!(quick.take_slots_changed(), simple.take_slots_changed());
        }
    }

    /// However the limit moves: nobody who speaks loses his slot to it, once all is quiet it is kept, and no
    /// slot within it is free while someone has none.
    #[test]
    fn a_limit_is_kept_as_soon_as_sentences_end(
        steps in prop::collection::vec((0u8..7, 1u32..9, -127i8..=0, 0u8..6, 0u64..300), 1..300)
    ) {
        let mut now = Instant::now();
        let mut speakers = Speakers::new(4);
        let mut limit = 4;
        let mut here = BTreeSet::new();
        for (step, who, level, slots, pause) in steps {
            now += Duration::from_millis(pause);
            let who = ParticipantId(who);
            match step {
                0 => if here.insert(who) { speakers.enter(now, who, false) },
                1 => if here.remove(&who) { speakers.leave(now, who) },
                2 => speakers.set_muted(who, level < -60),
                3 => {
                    speakers.expire(now);
                    let talking: Vec<_> = speakers.speaking().filter(|who| speakers.slot_of(*who).is_some()).collect();
                    speakers.set_limit(now, slots);
                    limit = usize::from(slots).min(4);
                    for who in talking {
                        prop_assert!(speakers.slot_of(who).is_some());
                    }
                }
                4 => speakers.expire(now),
                _ => drop(speakers.hear(now, who, level)),
            }
            let holders = speakers.slots().iter().flatten().count();
            prop_assert!(holders >= here.len().min(limit), "a free slot within the limit");
        }
        let end = now + SENTENCE_PAUSE;
        while let Some(at) = speakers.deadline().filter(|at| *at <= end) {
            now = now.max(at);
            speakers.expire(now);
            prop_assert!(speakers.deadline().is_none_or(|at| at > now), "time stands still");
        }
        prop_assert_eq!(speakers.slots().iter().flatten().count(), here.len().min(limit));
        prop_assert_eq!(speakers.speaking().count(), 0);
    }
}

/// Everything there is to see of a room's speakers, apart from the level that was heard last.
fn seen(speakers: &Speakers) -> String {
    format!("{:?} {:?} {:?}", speakers.voices, speakers.speaking, speakers.slots)
}

proptest! {
    /// Once someone has been quiet for longer than speech outlasts a pause, more quiet changes nothing,
    /// whatever the others do; so it need not even be opened.
    #[test]
    fn quiet_after_quiet_changes_nothing(
        steps in prop::collection::vec((1u32..6, -127i8..=0, 1u64..60), 1..200),
        quiet in prop::collection::vec(-127i8..-60, 1..50),
    ) {
        let mut scene = Scene::with(2, 6);
        for (who, level, pause) in steps {
            scene.now += Duration::from_millis(pause);
            scene.speakers.expire(scene.now);
            scene.speakers.hear(scene.now, ParticipantId(who), level);
        }
        let last = ParticipantId(3);
        scene.speakers.hear(scene.now, last, QUIET);
        let end = scene.now + Duration::from_millis(500);
        while scene.now < end {
            scene.run(FRAME, &[(1, LOUD), (2, SOFT), (3, QUIET)]);
        }
        scene.speakers.take_speakers_changed();
        scene.speakers.take_slots_changed();
        let before = seen(&scene.speakers);
        for level in quiet {
            scene.speakers.hear(scene.now, last, level);
            prop_assert_eq!(seen(&scene.speakers), before.clone());
            prop_assert!(!scene.speakers.take_speakers_changed() && !scene.speakers.take_slots_changed());
            scene.now += FRAME;
        }
    }
}

proptest! {
    /// Whatever happens: one slot per person, one person per slot, nobody muted or absent speaks, and
    /// no slot is free while someone has none.
    #[test]
    fn the_books_balance(
        steps in prop::collection::vec((0u8..6, 1u32..8, -127i8..=0, 0u64..500), 1..300)
    ) {
        let mut now = Instant::now();
        let mut speakers = Speakers::new(3);
        let mut here: BTreeMap<ParticipantId, bool> = BTreeMap::new();
        for (step, who, level, pause) in steps {
            now += Duration::from_millis(pause);
            let who = ParticipantId(who);
            match step {
                0 => {
                    if here.insert(who, false).is_none() {
                        speakers.enter(now, who, false);
                    } else {
                        speakers.set_muted(who, false);
                    }
                }
                1 => {
                    speakers.leave(now, who);
                    here.remove(&who);
                }
                2 => {
                    if let Some(muted) = here.get_mut(&who) {
                        *muted = true;
                        speakers.set_muted(who, true);
                    }
                }
                3 => speakers.expire(now),
                _ => {
                    speakers.hear(now, who, level);
                }
            }
            for (index, holder) in speakers.slots().iter().enumerate() {
                if let Some(holder) = holder {
                    let slot = SlotIndex(u8::try_from(index).unwrap());
                    prop_assert_eq!(speakers.slot_of(*holder), Some(slot));
                }
            }
            let holders = speakers.slots().iter().flatten().count();
            prop_assert_eq!(holders, here.len().min(3));
            for who in speakers.speaking() {
                prop_assert_eq!(here.get(&who), Some(&false));
            }
        }
    }
}

/// A room of two slots in which anything may be said, and levels that are no news may be left out.
fn outcomes(steps: &[(u32, i8, u64)], all: bool) -> Vec<(Vec<Option<ParticipantId>>, Vec<ParticipantId>)> {
    let mut scene = Scene::with(2, 5);
    let mut loud = BTreeSet::new();
    let mut outcomes = Vec::new();
    for (who, level, pause) in steps {
        scene.now += Duration::from_millis(*pause);
        scene.speakers.expire(scene.now);
        let was_loud = if is_loud(*level) { !loud.insert(*who) } else { loud.remove(who) };
        if all || was_loud || is_loud(*level) {
            scene.speakers.hear(scene.now, ParticipantId(*who), *level);
        }
        outcomes.push((scene.speakers.slots().to_vec(), scene.speakers.speaking().collect()));
    }
    outcomes
}

proptest! {
    /// Silence that goes on changes nothing, so other workers need not tell of it.
    #[test]
    fn only_the_first_quiet_packet_matters(
        steps in prop::collection::vec((1u32..6, prop::sample::select(vec![LOUD, SOFT, -51, QUIET]), 0u64..60), 1..600)
    ) {
        prop_assert_eq!(outcomes(&steps, true), outcomes(&steps, false));
    }
}
