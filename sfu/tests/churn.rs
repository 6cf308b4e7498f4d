//! Nobody planned these calls. The promises are in `support::ear` and in `listen`; here they meet chance.
//!
//! `SFU_SEED=n` runs one storm more, of a seed of one's choice.

use crate::support::{Conditions, Dice, LOUD, Setup, SimCall, millis, secs};

stories! {
    storms_on_a_good_network,
    storms_on_a_bad_network,
    storms_with_a_slot_for_everyone,
    a_storm_of_ones_own,
}

const NAMES: [&str; 10] = ["ana", "ben", "cleo", "dan", "eve", "finn", "gil", "hana", "ivo", "jo"];

/// People come and go, mute themselves and talk, for a minute or so.
fn storm(seed: u64, conditions: Conditions, slots: u8) -> SimCall {
    let mut dice = Dice::seeded(seed);
    let mut call = SimCall::new(Setup { seed, slots, conditions, ..Setup::default() });
    let mut talking: Vec<&str> = Vec::new();
    for _ in 0..120 {
        let name = NAMES[dice.below(NAMES.len() as u64) as usize];
        let here = call.names().contains(&name);
        match (dice.below(10), here) {
            (0..4, false) => {
                call.joins_with(name, dice.below(2) == 0, dice.below(4) == 0);
            }
            (0, true) => {
                call.leaves(name);
                call.passes(millis(200));
                assert!(
                    call.was_told_goodbye(name) || !call.is_connected(name) || conditions.loss_per_mille > 0
                );
                call.vanishes(name);
                talking.retain(|talker| *talker != name);
            }
            (1 | 2, true) => call.sets_media(name, dice.below(2) == 0, dice.below(4) == 0),
            (3..8, true) if !talking.contains(&name) => talking.push(name),
            (8, _) => talking.retain(|talker| *talker != name),
            _ => {}
        }
        let levels: Vec<(&str, i8)> =
            talking.iter().map(|name| (*name, if dice.below(3) == 0 { -60 } else { LOUD })).collect();
        let time = millis(20 * dice.below(40));
        call.goes_on_speaking(&levels, time);
    }
    call.passes(secs(1));
    call
}

fn assert_all_is_well(call: &mut SimCall, lossless: bool) {
    let context = call.context();
    let stats = call.sfu.stats();
    assert_eq!(stats.panics_contained, 0, "{context}");
    assert!(stats.packets_forwarded > 1_000, "{context}a storm in which nothing happens proves nothing");
    for name in call.names() {
        let missing = call.ear(name).missing();
        if lossless {
            assert_eq!(missing, 0, "{context}{name} misses packets nobody lost");
        }
        assert!(missing <= call.net.lost + stats.dropped.out_of_order, "{context}{name} misses {missing}");
    }
    for name in call.names() {
        call.leaves(name);
    }
    call.passes(secs(1));
    assert_eq!(call.sfu.footprint(), [0; 4], "{context}nothing is left");
    assert_eq!(call.sfu.deadline(), None, "{context}nothing is left to wait for");
}

fn storms_on_a_good_network() {
    for seed in 1..=6 {
        let mut call = storm(seed, Conditions::PERFECT, 3);
        assert_all_is_well(&mut call, true);
    }
}

fn storms_on_a_bad_network() {
    for seed in 11..=14 {
        let mut call = storm(seed, Conditions::BAD, 3);
        assert_all_is_well(&mut call, false);
    }
}

fn storms_with_a_slot_for_everyone() {
    for seed in 21..=23 {
        let mut call = storm(seed, Conditions::PERFECT, 10);
        assert_all_is_well(&mut call, true);
    }
}

fn a_storm_of_ones_own() {
    let seed = std::env::var("SFU_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(31);
    let mut call = storm(seed, Conditions::PERFECT, 2);
    assert_all_is_well(&mut call, true);
}
