use crate::support::{LOUD, Setup, SimCall, millis, secs};

stories! {
    who_is_muted_is_heard_by_nobody_and_never_speaks,
    muting_ends_speech_at_once,
    who_is_muted_still_hears,
    who_is_unmuted_is_heard_again_and_nothing_looks_lost,
    who_is_deafened_neither_hears_nor_is_heard,
    who_is_undeafened_hears_again_and_nothing_looks_lost,
    who_joins_muted_is_muted,
    the_muted_hold_no_slot_against_those_who_speak,
    orders_about_strangers_do_nothing,
}

fn who_is_muted_is_heard_by_nobody_and_never_speaks() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.sets_media("ana", true, false);
    call.passes(millis(100));
    call.speaks("ana", secs(2));
    assert!(call.heard_by("ben").is_empty());
    assert!(call.speakers().is_empty());
    assert_eq!(call.sfu.stats().dropped.muted, 100);
}

fn muting_ends_speech_at_once() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.goes_on_speaking(&[("ana", LOUD)], secs(1));
    call.sets_media("ana", true, false);
    call.passes(millis(150));
    assert!(call.speakers().is_empty());
}

fn who_is_muted_still_hears() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.sets_media("ben", true, false);
    call.speaks("ana", secs(1));
    assert_eq!(call.heard_by("ben"), ["ana"]);
}

fn who_is_unmuted_is_heard_again_and_nothing_looks_lost() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.speaks("ana", secs(1));
    call.sets_media("ana", true, false);
    call.speaks("ana", secs(2));
    call.sets_media("ana", false, false);
    call.speaks("ana", secs(1));
    assert_eq!(call.packets_heard("ben", "ana"), 50);
    assert_eq!(call.ear("ben").missing(), 0);
}

fn who_is_deafened_neither_hears_nor_is_heard() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.sets_media("ben", false, true);
    call.passes(millis(100));
    call.speak(&[("ana", LOUD), ("ben", LOUD)], secs(2));
    assert!(call.heard_by("ben").is_empty());
    assert!(call.heard_by("ana").is_empty());
    assert_eq!(call.speakers(), [call.id("ana")]);
}

fn who_is_undeafened_hears_again_and_nothing_looks_lost() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.speaks("ana", secs(1));
    call.sets_media("ben", false, true);
    call.speaks("ana", secs(3));
    call.sets_media("ben", false, false);
    call.speaks("ana", secs(1));
    assert_eq!(call.packets_heard("ben", "ana"), 50);
    assert_eq!(call.ear("ben").missing(), 0);
}

fn who_joins_muted_is_muted() {
    let mut call = SimCall::new(Setup::default());
    call.joins_with("ana", false, true);
    call.joins("ben");
    call.connects();
    call.speaks("ana", secs(1));
    assert!(call.heard_by("ben").is_empty());
}

fn the_muted_hold_no_slot_against_those_who_speak() {
    let mut call = SimCall::new(Setup { slots: 2, ..Setup::default() }).joined_by(["ana", "ben", "cleo"]);
    call.goes_on_speaking(&[("ana", LOUD), ("ben", LOUD)], secs(2));
    call.sets_media("ana", true, false);
    call.speak(&[("ana", LOUD), ("ben", LOUD), ("cleo", LOUD)], secs(2));
    assert_eq!(call.heard_by("ana"), ["ben", "cleo"]);
    assert_eq!(call.packets_heard("ana", "cleo"), 100);
}

fn orders_about_strangers_do_nothing() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.sfu.set_media(call.now, sfu::ParticipantId(99), true, true);
    call.sfu.leave(call.now, sfu::ParticipantId(99));
    call.speaks("ana", secs(1));
    assert_eq!(call.heard_by("ben"), ["ana"]);
}
