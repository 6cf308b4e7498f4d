use std::collections::BTreeSet;

use sfu::{Event, ParticipantId};

use crate::support::{LOUD, Setup, SimCall, millis, secs};

stories! {
    one_speaks_the_others_hear,
    nobody_hears_himself,
    all_speak_at_once_and_hear_each_other,
    rooms_do_not_hear_each_other,
    who_comes_late_hears_from_then_on,
    speakers_are_announced_when_they_begin_and_when_they_stop,
    however_lively_a_room_is_it_does_not_chatter,
    a_caller_who_was_busy_gets_the_newest,
    a_quiet_room_has_no_speakers_but_is_heard,
    silence_that_goes_on_is_not_sent,
    with_enough_slots_nobody_ever_changes_his,
    a_room_may_let_fewer_be_heard_than_it_has_slots,
    who_speaks_while_the_room_is_made_quieter_may_finish,
    with_more_people_than_slots_whoever_speaks_is_heard,
    slots_announced_are_slots_heard,
    who_claims_to_be_loudest_does_not_own_the_room,
    red_goes_as_red_to_who_can_and_plain_to_who_cannot,
    nothing_is_repeated_on_a_clean_line,
    a_crowd_is_a_call_too,
}

const SOFT: i8 = -40;

fn one_speaks_the_others_hear() {
    let mut call = SimCall::with(["ana", "ben", "cleo"]);
    call.speaks("ana", secs(2));
    assert_eq!(call.heard_by("ben"), ["ana"]);
    assert_eq!(call.heard_by("cleo"), ["ana"]);
    assert_eq!(call.packets_heard("ben", "ana"), 100);
}

fn nobody_hears_himself() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.speaks("ana", secs(2));
    assert!(call.heard_by("ana").is_empty());
}

fn all_speak_at_once_and_hear_each_other() {
    let mut call = SimCall::with(["ana", "ben", "cleo", "dan"]);
    call.speak(&[("ana", LOUD), ("ben", SOFT), ("cleo", LOUD), ("dan", SOFT)], secs(2));
    assert_eq!(call.heard_by("ana"), ["ben", "cleo", "dan"]);
    assert_eq!(call.heard_by("dan"), ["ana", "ben", "cleo"]);
    for listener in ["ben", "cleo", "dan"] {
        assert_eq!(call.packets_heard(listener, "ana"), 100, "{listener}");
        assert_eq!(call.ear(listener).missing(), 0, "{listener}");
    }
}

fn rooms_do_not_hear_each_other() {
    let mut call = SimCall::new(Setup::default());
    call.tries_to_join("ana", 1, false, false).unwrap();
    call.tries_to_join("ben", 2, false, false).unwrap();
    call.tries_to_join("cleo", 1, false, false).unwrap();
    call.connects();
    call.speaks("ana", secs(1));
    assert_eq!(call.heard_by("cleo"), ["ana"]);
    assert!(call.heard_by("ben").is_empty());
}

fn who_comes_late_hears_from_then_on() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.speaks("ana", secs(5));
    call.joins("cleo");
    call.connects();
    call.speaks("ana", secs(1));
    assert_eq!(call.packets_heard("cleo", "ana"), 50);
    assert_eq!(call.ear("cleo").missing(), 0);
}

fn speakers_are_announced_when_they_begin_and_when_they_stop() {
    let mut call = SimCall::with(["ana", "ben"]);
    assert!(call.speakers().is_empty());
    call.speaks("ana", secs(1));
    assert_eq!(call.speakers(), [call.id("ana")]);
    call.passes(millis(600));
    assert!(call.speakers().is_empty());
    let told =
        |call: &SimCall| call.events.iter().filter(|event| matches!(event, Event::Speakers { .. })).count();
    assert_eq!(told(&call), 2, "once each, however many packets came");
}

fn however_lively_a_room_is_it_does_not_chatter() {
    const NAMES: [&str; 16] =
        ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"];
    const SECONDS: usize = 8;
    let setup = Setup { slots: 2, ..Setup::default() };
    let mut call = SimCall::new(setup).joined_by(NAMES);
    call.events.clear();
    // Each calls out for a tenth of a second, one after the other: 32 beginnings and ends a second.
    for tick in 0..50 * SECONDS {
        let callers = NAMES.iter().enumerate();
        let calling = callers.filter(|(n, _)| (tick + 50 - 3 * n) % 50 < 5);
        let levels: Vec<(&str, i8)> = calling.map(|(_, name)| (*name, LOUD)).collect();
        call.goes_on_speaking(&levels, millis(20));
    }
    let told = |topic: fn(&Event) -> bool| call.events.iter().filter(|event| topic(event)).count();
    let speakers = told(|event| matches!(event, Event::Speakers { .. }));
    assert!((5 * SECONDS..=10 * SECONDS + 1).contains(&speakers), "{speakers}");
}

fn a_caller_who_was_busy_gets_the_newest() {
    let mut call = SimCall::with(["ana", "ben", "cleo"]);
    let (ana, ben, cleo) = (call.id("ana"), call.id("ben"), call.id("cleo"));
    call.events.clear();
    call.somebody_listens_to_events = false;
    for name in ["ana", "ben", "ana", "ben", "ana"] {
        call.speaks(name, secs(2));
        call.passes(secs(1));
    }
    call.leaves("cleo");
    call.goes_on_speaking(&[("ben", LOUD)], secs(1));
    call.somebody_listens_to_events = true;
    call.flush();
    // Two of them tell how the sound of those who go on travels.
    assert_eq!(call.events.len(), 5, "{:?}", call.events);
    assert_eq!(call.speakers(), [ben]);
    // Who came to the home first is a matter of the way there.
    let holders: BTreeSet<_> = call.slots().into_iter().flatten().collect();
    assert_eq!(holders, BTreeSet::from([ana, ben]));
    assert_eq!(call.left(cleo), Some(sfu::LeaveReason::Asked));
}

fn a_quiet_room_has_no_speakers_but_is_heard() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.speak(&[("ana", -80)], secs(1));
    assert!(call.speakers().is_empty());
    assert_eq!(call.heard_by("ben"), ["ana"]);
}

fn silence_that_goes_on_is_not_sent() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.speaks("ana", secs(1));
    call.forget();
    call.goes_on_speaking(&[("ana", -90)], secs(10));
    let silence = call.packets_heard("ben", "ana");
    assert!((70..=85).contains(&silence), "a moment of it, not ten seconds: {silence}");
    call.forget();
    call.goes_on_speaking(&[("ana", LOUD)], secs(1));
    assert!(call.packets_heard("ben", "ana") >= 48, "she is heard from her first word on");
    assert_eq!(call.ear("ben").missing(), 0, "what was not sent does not look lost");
}

fn with_enough_slots_nobody_ever_changes_his() {
    let mut call = SimCall::with(["ana", "ben", "cleo", "dan"]);
    let before = call.slots();
    assert_eq!(before.iter().flatten().count(), 4);
    for name in ["dan", "ana", "cleo", "ben", "ana"] {
        call.speaks(name, secs(3));
        call.passes(secs(2));
    }
    assert_eq!(call.slots(), before);
}

fn a_room_may_let_fewer_be_heard_than_it_has_slots() {
    let mut call = SimCall::with(["ana", "ben", "cleo", "dan"]);
    call.hears_at_most(Some(1));
    call.passes(secs(2));
    call.speaks("cleo", secs(2));
    assert_eq!(call.heard_by("ana"), ["cleo"]);
    assert_eq!(call.packets_heard("ana", "cleo"), 100, "not even the first syllable is lost");
    call.goes_on_speaking(&[("cleo", LOUD), ("dan", LOUD)], secs(2));
    assert_eq!(call.heard_by("ana"), ["cleo"]);
    call.hears_at_most(None);
    call.speak(&[("cleo", LOUD), ("dan", SOFT)], secs(1));
    assert_eq!(call.heard_by("ana"), ["cleo", "dan"]);
    assert_eq!(call.ear("ana").missing(), 0);
}

fn who_speaks_while_the_room_is_made_quieter_may_finish() {
    let mut call = SimCall::with(["ana", "ben", "cleo"]);
    call.speak(&[("ana", LOUD), ("ben", LOUD)], secs(1));
    call.hears_at_most(Some(1));
    call.speak(&[("ana", LOUD), ("ben", LOUD)], secs(2));
    assert_eq!(call.heard_by("cleo"), ["ana", "ben"]);
    call.goes_on_speaking(&[("ben", LOUD)], secs(2));
    call.speak(&[("ana", LOUD), ("ben", LOUD)], secs(1));
    assert_eq!(call.heard_by("cleo"), ["ben"]);
    assert_eq!(call.slots().into_iter().flatten().collect::<Vec<_>>(), [call.id("ben")]);
}

fn with_more_people_than_slots_whoever_speaks_is_heard() {
    let mut call = SimCall::new(Setup { slots: 2, ..Setup::default() })
        .joined_by(["ana", "ben", "cleo", "dan", "eve", "finn"]);
    for name in ["finn", "ana", "eve", "cleo", "ben", "dan"] {
        call.speaks(name, secs(3));
        let listener = if name == "ana" { "ben" } else { "ana" };
        assert_eq!(call.heard_by(listener), [name]);
        assert_eq!(call.packets_heard(listener, name), 150, "not even the first syllable of {name} is lost");
        call.passes(secs(2));
    }
    for name in call.names() {
        assert_eq!(call.ear(name).missing(), 0, "a change of speakers does not look like loss to {name}");
    }
}

fn slots_announced_are_slots_heard() {
    let mut call = SimCall::new(Setup { slots: 2, ..Setup::default() }).joined_by(["ana", "ben", "cleo"]);
    call.speaks("cleo", secs(1));
    let cleo = call.id("cleo");
    assert!(call.slots().contains(&Some(cleo)));
    assert!(call.slots().iter().flatten().count() == 2);
}

fn who_claims_to_be_loudest_does_not_own_the_room() {
    let mut call = SimCall::new(Setup { slots: 1, ..Setup::default() }).joined_by(["mallory", "ana", "ben"]);
    call.speak(&[("mallory", 0)], secs(20));
    assert_eq!(call.heard_by("ben"), ["mallory"]);
    call.speak(&[("mallory", 0), ("ana", SOFT)], secs(2));
    assert!(call.packets_heard("ben", "ana") > 90, "{}", call.packets_heard("ben", "ana"));
}

fn red_goes_as_red_to_who_can_and_plain_to_who_cannot() {
    let mut call = SimCall::new(Setup::default());
    call.joins_with("ana", true, false);
    call.joins_with("ben", true, false);
    call.joins_with("cleo", false, false);
    call.connects();
    call.speaks("ana", secs(1));
    assert_eq!(call.packets_heard("ben", "ana"), 50);
    assert_eq!(call.packets_heard("cleo", "ana"), 50);
    // As long as nothing is known of their lines; the first packet repeats nothing.
    assert_eq!((call.ear("ben").red, call.ear("cleo").red), (49, 0));
}

fn nothing_is_repeated_on_a_clean_line() {
    for red in [true, false] {
        let mut call = SimCall::new(Setup::default());
        call.joins_with("ana", red, false);
        call.joins_with("ben", true, false);
        call.connects();
        call.speaks("ana", secs(30));
        let before = call.ear("ben").red;
        assert!(before < 1_000, "{before}");
        call.speaks("ana", secs(30));
        assert_eq!((call.packets_heard("ben", "ana"), call.ear("ben").red), (1_500, before));
    }
}

fn a_crowd_is_a_call_too() {
    const NAMES: [&str; 24] = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t",
        "u", "v", "w", "x",
    ];
    let mut call = SimCall::with(NAMES);
    let open_microphones: Vec<(&str, i8)> =
        NAMES.iter().map(|name| (*name, if *name < "d" { LOUD } else { -70 })).collect();
    call.speak(&open_microphones, secs(3));
    assert_eq!(call.speakers(), [ParticipantId(1), ParticipantId(2), ParticipantId(3)]);
    for name in ["a", "b", "c"] {
        assert!(call.heard_by("x").contains(&name), "{name}");
        assert_eq!(call.packets_heard("x", name), 150);
    }
    call.speak(&open_microphones, secs(1));
    assert!(call.heard_by("x").len() <= 4);
}
