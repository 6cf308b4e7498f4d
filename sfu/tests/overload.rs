//! A worker with too much to do: what it sheds, what it never does, and how it comes back.

use sfu::{Event, JoinError, Pressure, SlotsUsed};

use crate::support::{LOUD, Setup, SimCall, millis, secs};

stories! {
    who_is_talking_goes_on_and_who_begins_later_shares_what_is_left,
    when_it_is_over_everything_is_as_before,
    a_room_that_begins_under_pressure_uses_fewer_slots,
    a_worker_without_people_of_a_room_does_not_limit_it,
    nobody_is_let_in_and_nobody_is_thrown_out,
    a_change_of_pressure_is_told,
}

const NAMES: [&str; 6] = ["ana", "ben", "cleo", "dan", "eve", "finn"];
const ONE_SLOT: Pressure = Pressure::FewerSlots(SlotsUsed(1));

fn slots_used(call: &SimCall) -> usize {
    call.slots().iter().flatten().count()
}

fn who_is_talking_goes_on_and_who_begins_later_shares_what_is_left() {
    let mut call = SimCall::with(NAMES);
    let talking = [("ana", LOUD), ("ben", LOUD), ("cleo", LOUD)];
    call.goes_on_speaking(&talking, secs(1));
    // One worker suffers, and so do the rooms it has people of, wherever these are at home.
    call.sfu.set_pressure(call.now, 0, ONE_SLOT);
    call.speak(&talking, secs(8));
    for listener in ["dan", "eve", "finn"] {
        for (speaker, _) in talking {
            assert_eq!(call.packets_heard(listener, speaker), 400, "{speaker} to {listener}");
        }
    }
    call.passes(secs(3));
    assert_eq!(slots_used(&call), 1);
    call.speak(&[("dan", LOUD), ("eve", LOUD)], secs(3));
    assert_eq!(call.heard_by("finn").len(), 1);
    for name in call.names() {
        assert_eq!(call.ear(name).missing(), 0, "{name}");
    }
}

fn when_it_is_over_everything_is_as_before() {
    let mut call = SimCall::with(NAMES);
    call.sfu.set_pressure(call.now, 0, ONE_SLOT);
    call.passes(secs(3));
    assert_eq!(slots_used(&call), 1);
    call.sfu.set_pressure(call.now, 0, Pressure::FewerSlots(SlotsUsed(2)));
    call.passes(secs(1));
    assert_eq!(slots_used(&call), 2);
    call.sfu.set_pressure(call.now, 0, Pressure::Normal);
    call.passes(secs(1));
    assert_eq!(slots_used(&call), 4);
    call.speak(&[("dan", LOUD), ("eve", LOUD), ("finn", LOUD)], secs(3));
    assert_eq!(call.heard_by("ana"), ["dan", "eve", "finn"]);
}

fn a_room_that_begins_under_pressure_uses_fewer_slots() {
    let mut call = SimCall::new(Setup::default());
    call.sfu.set_pressure(call.now, 0, ONE_SLOT);
    let mut call = call.joined_by(NAMES);
    assert_eq!(slots_used(&call), 1);
    call.speaks("dan", secs(2));
    assert_eq!(call.packets_heard("ana", "dan"), 100);
}

fn a_worker_without_people_of_a_room_does_not_limit_it() {
    let mut call = SimCall::with(NAMES);
    call.sfu.set_pressure(call.now, 0, ONE_SLOT);
    call.passes(secs(3));
    for name in NAMES {
        if call.sfu.workers() > 1 && call.sfu.worker_of(call.id(name)) == Some(0) {
            call.leaves(name);
            call.vanishes(name);
        }
    }
    call.passes(secs(1));
    assert_eq!(slots_used(&call), if call.sfu.workers() > 1 { 4 } else { 1 });
}

fn nobody_is_let_in_and_nobody_is_thrown_out() {
    let mut call = SimCall::with(["ana", "ben", "cleo"]);
    for worker in 0..call.sfu.workers() {
        call.sfu.set_pressure(call.now, usize::from(worker), Pressure::Refusing);
    }
    assert_eq!(call.tries_to_join("dan", 1, false, false), Err(JoinError::Overloaded));
    assert_eq!(call.sfu.stats().joins_refused, 1);
    assert_eq!(call.sfu.stats().pressure, Pressure::Refusing);
    call.speaks("ana", secs(2));
    assert_eq!(call.packets_heard("ben", "ana"), 100);
    assert!(!call.events.iter().any(|event| matches!(event, Event::Left { .. })));
    for worker in 0..call.sfu.workers() {
        call.sfu.set_pressure(call.now, usize::from(worker), ONE_SLOT);
    }
    call.joins("dan");
    call.connects();
    call.speaks("ana", secs(2));
    assert_eq!(call.packets_heard("dan", "ana"), 100);
}

fn a_change_of_pressure_is_told() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.somebody_listens_to_events = false;
    for pressure in [ONE_SLOT, Pressure::Refusing, ONE_SLOT] {
        call.sfu.set_pressure(call.now, 0, pressure);
        call.passes(millis(10));
    }
    call.somebody_listens_to_events = true;
    call.passes(millis(10));
    let told: Vec<&Event> =
        call.events.iter().filter(|event| matches!(event, Event::Pressure { .. })).collect();
    assert_eq!(told, [&Event::Pressure { worker: 0, pressure: ONE_SLOT }], "the newest, once");
}
