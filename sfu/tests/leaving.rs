use sfu::{Event, LeaveReason};

use crate::support::{LOUD, SimCall, millis, secs};

stories! {
    who_leaves_is_told_goodbye_and_hears_nothing_more,
    who_closes_his_browser_has_left_at_once,
    a_slot_is_free_again_when_its_holder_leaves,
    who_leaves_while_speaking_is_no_speaker_any_more,
    an_empty_room_is_no_room,
    a_pulled_cable_interrupts_and_then_ends,
    a_cable_put_back_in_time_brings_everything_back,
    who_is_silent_but_there_is_never_cut_off,
    a_new_address_is_followed_while_speaking,
    a_new_address_is_followed_while_listening,
    a_session_that_breaks_takes_nobody_with_it,
    a_worker_that_closes_says_goodbye_to_all,
}

fn who_leaves_is_told_goodbye_and_hears_nothing_more() {
    let mut call = SimCall::with(["ana", "ben", "cleo"]);
    let ben = call.id("ben");
    call.leaves("ben");
    call.passes(millis(100));
    assert!(call.was_told_goodbye("ben"));
    assert_eq!(call.left(ben), Some(LeaveReason::Asked));
    call.speak(&[("ana", LOUD), ("ben", LOUD)], secs(1));
    assert!(call.heard_by("ben").is_empty());
    assert_eq!(call.heard_by("cleo"), ["ana"]);
}

fn who_closes_his_browser_has_left_at_once() {
    let mut call = SimCall::with(["ana", "ben"]);
    let ben = call.id("ben");
    call.hangs_up("ben");
    call.passes(millis(100));
    assert_eq!(call.left(ben), Some(LeaveReason::Failed));
}

fn a_slot_is_free_again_when_its_holder_leaves() {
    let mut call = SimCall::with(["ana", "ben"]);
    let ana = call.id("ana");
    call.leaves("ana");
    call.passes(millis(200));
    assert!(!call.slots().contains(&Some(ana)));
}

fn who_leaves_while_speaking_is_no_speaker_any_more() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.goes_on_speaking(&[("ana", LOUD)], secs(1));
    call.leaves("ana");
    call.passes(millis(200));
    assert!(call.speakers().is_empty());
}

fn an_empty_room_is_no_room() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.leaves("ana");
    call.leaves("ben");
    call.passes(millis(10));
    assert_eq!(call.sfu.footprint(), [0; 4]);
    call.passes(secs(1));
    assert_eq!(call.sfu.deadline(), None, "and nothing is left to wait for");
}

fn a_pulled_cable_interrupts_and_then_ends() {
    let mut call = SimCall::with(["ana", "ben"]);
    let ana = call.id("ana");
    call.is_plugged_in("ana", false);
    call.passes(secs(9));
    let interrupted = |call: &SimCall| {
        call.events
            .iter()
            .any(|event| matches!(event, Event::Interrupted { participant, .. } if *participant == ana))
    };
    assert!(interrupted(&call));
    assert_eq!(call.left(ana), None);
    call.passes(secs(20));
    assert_eq!(call.left(ana), Some(LeaveReason::TimedOut));
}

fn a_cable_put_back_in_time_brings_everything_back() {
    let mut call = SimCall::with(["ana", "ben"]);
    let ana = call.id("ana");
    call.is_plugged_in("ana", false);
    call.passes(secs(12));
    call.is_plugged_in("ana", true);
    call.speaks("ana", secs(2));
    assert_eq!(call.heard_by("ben"), ["ana"]);
    call.speaks("ben", secs(2));
    assert_eq!(call.heard_by("ana"), ["ben"]);
    let connections = call
        .events
        .iter()
        .filter(|event| matches!(event, Event::Connected { participant, .. } if *participant == ana));
    assert_eq!(connections.count(), 2);
}

fn who_is_silent_but_there_is_never_cut_off() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.passes(secs(300));
    assert!(!call.events.iter().any(|event| matches!(event, Event::Interrupted { .. } | Event::Left { .. })));
    call.speaks("ana", secs(1));
    assert_eq!(call.packets_heard("ben", "ana"), 50);
}

fn a_new_address_is_followed_while_speaking() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.goes_on_speaking(&[("ana", LOUD), ("ben", LOUD)], secs(1));
    call.is_given_a_new_address("ana");
    // Until her client next checks the connection nobody can know who sends from the new address.
    call.goes_on_speaking(&[("ana", LOUD), ("ben", LOUD)], secs(5));
    call.speak(&[("ana", LOUD), ("ben", LOUD)], secs(1));
    assert_eq!(call.packets_heard("ben", "ana"), 50);
    assert_eq!(call.packets_heard("ana", "ben"), 50);
}

fn a_new_address_is_followed_while_listening() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.is_given_a_new_address("ana");
    call.goes_on_speaking(&[("ben", LOUD)], secs(8));
    call.speaks("ben", secs(1));
    assert_eq!(call.packets_heard("ana", "ben"), 50);
}

fn a_session_that_breaks_takes_nobody_with_it() {
    for victim in ["ana", "ben"] {
        let mut call = SimCall::with(["ana", "ben", "cleo"]);
        let id = call.id(victim);
        call.sfu.break_session(id);
        call.goes_on_speaking(&[("ana", LOUD), ("cleo", LOUD)], secs(1));
        assert_eq!(call.left(id), Some(LeaveReason::Failed));
        assert_eq!(call.sfu.stats().panics_contained, 1);
        call.speak(&[("cleo", LOUD)], secs(1));
        for listener in ["ana", "ben"].into_iter().filter(|name| *name != victim) {
            assert_eq!(call.packets_heard(listener, "cleo"), 50);
        }
    }
}

fn a_worker_that_closes_says_goodbye_to_all() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.sfu.close(call.now);
    call.flush();
    call.passes(millis(100));
    assert!(call.was_told_goodbye("ana") && call.was_told_goodbye("ben"));
    assert_eq!(call.sfu.footprint(), [0; 4]);
}
