//! One room over several workers: what may go wrong between them, and does not.

use sfu::Event;

use crate::support::{Conditions, Dice, LOUD, Setup, SimCall, millis, over, secs};

stories! {
    a_home_needs_nobody_of_its_own,
    a_room_that_ends_and_begins_again_starts_afresh,
    who_leaves_while_his_packets_cross_is_soon_not_heard,
    who_is_muted_while_his_packets_cross_is_soon_not_heard,
    the_first_syllable_is_not_lost_wherever_he_is,
    a_worker_where_nobody_may_listen_harms_nobody,
    what_is_lost_on_the_way_harms_no_promise,
    thousands_of_changes_keep_every_promise,
}

const NAMES: [&str; 12] =
    ["ana", "ben", "cleo", "dan", "eve", "finn", "gil", "hana", "ivo", "jo", "kim", "lea"];

/// Nine people in one room; over three workers, three on each.
fn nine() -> SimCall {
    let setup = Setup { slots: 2, ..Setup::default() };
    SimCall::new(setup).joined_by(["ana", "ben", "cleo", "dan", "eve", "finn", "gil", "hana", "ivo"])
}

fn a_home_needs_nobody_of_its_own() {
    // Over several workers the home is drawn by lot, and of two people one is elsewhere at least.
    for seed in 1..=9 {
        let mut call = SimCall::new(Setup { seed, ..Setup::default() }).joined_by(["ana", "ben"]);
        call.speaks("ana", secs(1));
        call.speaks("ben", secs(1));
        assert_eq!(call.packets_heard("ana", "ben"), 50, "{}", call.context());
        assert_eq!(call.speakers(), [call.id("ben")], "{}", call.context());
    }
}

fn a_room_that_ends_and_begins_again_starts_afresh() {
    for seed in 1..=20 {
        let mut call = SimCall::new(Setup { seed, slots: 2, ..Setup::default() });
        let ordinary = call.sfu.crossing_max;
        let talking = [("ana", LOUD), ("ben", LOUD)];
        for _ in 0..4 {
            for name in ["ana", "ben", "cleo"] {
                call.joins(name);
            }
            call.connects();
            // What was told in the former room is still under way, and may fall into this one.
            call.goes_on_speaking(&talking, secs(3));
            call.speak(&talking, secs(1));
            assert_eq!(call.packets_heard("cleo", "ana"), 50, "{}", call.context());
            call.sfu.crossing_max = millis(450);
            call.goes_on_speaking(&talking, millis(100));
            for name in ["ben", "ana", "cleo"] {
                call.leaves(name);
                call.vanishes(name);
            }
            call.sfu.crossing_max = ordinary;
        }
        call.passes(secs(3));
        assert_eq!(call.sfu.footprint(), [0; 4], "{}", call.context());
        assert_eq!(call.sfu.deadline(), None, "{}", call.context());
    }
}

fn who_leaves_while_his_packets_cross_is_soon_not_heard() {
    let mut call = nine();
    call.goes_on_speaking(&[("ana", LOUD), ("ben", LOUD)], secs(2));
    for name in ["ana", "ben"] {
        for _ in 0..3 {
            call.says_one_packet(name, LOUD);
        }
        call.flush();
        // They have just arrived, and have not got far.
        call.passes(call.net.conditions.delay);
        call.leaves(name);
        call.passes(call.net.conditions.delay + millis(5));
        call.forget();
        call.passes(secs(1));
        for listener in ["cleo", "dan", "eve"] {
            assert!(call.heard_by(listener).is_empty());
        }
        call.vanishes(name);
    }
    call.speaks("cleo", secs(1));
    assert_eq!(call.packets_heard("dan", "cleo"), 50);
}

fn who_is_muted_while_his_packets_cross_is_soon_not_heard() {
    let mut call = nine();
    call.goes_on_speaking(&[("ana", LOUD), ("ben", LOUD)], secs(2));
    for name in ["ana", "ben"] {
        for _ in 0..3 {
            call.says_one_packet(name, LOUD);
        }
        call.flush();
        call.passes(call.net.conditions.delay);
        call.sets_media(name, true, false);
        call.passes(call.net.conditions.delay + millis(5));
        call.speaks(name, secs(1));
        for listener in ["cleo", "dan", "eve"] {
            assert!(call.heard_by(listener).is_empty());
        }
        call.sets_media(name, false, false);
        call.speaks(name, secs(1));
        assert_eq!(call.packets_heard("cleo", name), 50);
    }
}

fn the_first_syllable_is_not_lost_wherever_he_is() {
    let mut call = nine();
    for name in ["ivo", "ana", "hana", "ben", "gil", "cleo", "finn", "dan", "eve"] {
        call.speaks(name, secs(2));
        for listener in call.names().into_iter().filter(|listener| *listener != name) {
            assert_eq!(call.packets_heard(listener, name), 100, "{name} to {listener}");
        }
        call.passes(secs(2));
    }
    for name in call.names() {
        assert_eq!(call.ear(name).missing(), 0, "a change of speakers does not look like loss to {name}");
    }
}

fn a_worker_where_nobody_may_listen_harms_nobody() {
    let mut call = nine();
    // Over three workers these are all of the second.
    for name in ["ben", "eve", "hana"] {
        call.sets_media(name, false, true);
    }
    call.speaks("ana", secs(2));
    assert_eq!(call.packets_heard("cleo", "ana"), 100);
    assert!(call.heard_by("ben").is_empty());
    call.sets_media("ben", false, false);
    call.speaks("ben", secs(2));
    assert_eq!(call.packets_heard("cleo", "ben"), 100);
    call.speaks("ana", secs(2));
    assert_eq!(call.packets_heard("ben", "ana"), 100);
    assert_eq!(call.ear("ben").missing(), 0);
}

/// People come, go, mute themselves and take turns in speaking. Returns how often the caller was told of
/// other speakers or other slots.
fn commotion(call: &mut SimCall, seed: u64, steps: u32) -> usize {
    let mut dice = Dice::seeded(seed);
    for _ in 0..steps {
        let name = NAMES[dice.below(NAMES.len() as u64) as usize];
        let here = call.names().contains(&name);
        match (dice.below(12), here) {
            (0..8, false) => {
                call.joins_with(name, dice.below(2) == 0, dice.below(6) == 0);
            }
            (0, true) => {
                call.leaves(name);
                call.vanishes(name);
            }
            (1, true) => call.sets_media(name, dice.below(2) == 0, dice.below(6) == 0),
            _ => {}
        }
        let here = call.names();
        let mut levels: Vec<(&str, i8)> = Vec::new();
        for _ in 0..3 {
            if let Some(name) = dice.pick(&here)
                && levels.iter().all(|(other, _)| other != name)
            {
                levels.push((name, -20 - dice.below(50) as i8));
            }
        }
        call.goes_on_speaking(&levels, millis(20 * dice.below(50)));
    }
    call.passes(secs(1));
    let changes = |event: &&Event| matches!(event, Event::Speakers { .. } | Event::Slots { .. });
    call.events.iter().filter(changes).count()
}

fn what_is_lost_on_the_way_harms_no_promise() {
    for seed in 1..=4 {
        let mut call = SimCall::new(Setup { seed, slots: 3, ..Setup::default() });
        call.sfu.loss_per_mille = 300;
        commotion(&mut call, seed, 150);
        let (lost, context) = (call.sfu.lost, call.context());
        assert!(call.sfu.stats().packets_forwarded > 1_000, "{context}");
        for name in call.names() {
            assert!(call.ear(name).missing() <= lost, "{context}{name}");
        }
        // A full channel that is empty again leaves no trace.
        call.sfu.loss_per_mille = 0;
        for name in call.names() {
            call.sets_media(name, false, false);
        }
        call.connects();
        call.passes(secs(12));
        let names = call.names();
        call.speaks(names[0], secs(2));
        for listener in &names[1..] {
            assert_eq!(call.packets_heard(listener, names[0]), 100, "{context}{listener}");
        }
    }
}

fn thousands_of_changes_keep_every_promise() {
    let mut changes = 0;
    for seed in 1..=4 {
        let mut call = SimCall::new(Setup { seed, slots: 3, ..Setup::default() });
        changes += commotion(&mut call, seed, 600);
        let context = call.context();
        assert_eq!(call.sfu.stats().panics_contained, 0, "{context}");
        for name in call.names() {
            call.leaves(name);
        }
        call.passes(secs(1));
        assert_eq!(call.sfu.footprint(), [0; 4], "{context}nothing is left");
        assert_eq!(call.sfu.deadline(), None, "{context}nothing is left to wait for");
    }
    assert!(changes > 2_000, "{changes} changes prove little");
}

#[test]
fn a_small_storm_over_many_workers() {
    fn storm() {
        let setup = Setup { seed: 77, slots: 2, conditions: Conditions::BAD, ..Setup::default() };
        let mut call = SimCall::new(setup);
        commotion(&mut call, 77, 200);
        assert!(call.sfu.stats().crossings_in > 1_000);
    }
    over(7, storm);
}
