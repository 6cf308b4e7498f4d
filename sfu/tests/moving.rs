use std::net::SocketAddr;
use std::time::Duration;

use sfu::RestartError;

use crate::support::{Conditions, Dice, LOUD, Setup, SimCall, millis, secs};

stories! {
    who_gets_a_new_address_in_the_middle_of_a_sentence_goes_on_talking_and_hearing,
    the_same_on_a_bad_network,
    who_only_listens_is_followed_with_the_next_check,
    voice_that_was_recorded_moves_nobody_from_nowhere,
    voice_that_was_held_back_moves_nobody_from_nowhere,
    forged_voice_from_nowhere_moves_nobody_and_costs_little,
    who_moves_while_others_forge_his_voice_is_followed_all_the_same,
    a_recorded_check_moves_nobody_who_is_silent,
    ice_begins_again_while_both_talk,
    ice_begins_again_from_a_new_address_of_somebody_who_listens,
    who_was_cut_off_comes_back_by_beginning_again,
    an_offer_of_another_session_changes_nothing,
    who_begins_again_too_often_is_told_so,
}

/// A limit on silence: today's browsers take as long to notice it.
const SILENCE_MAX: Duration = Duration::from_millis(1_500);

fn stranger() -> SocketAddr {
    "203.0.113.66:6666".parse().unwrap()
}

fn is_voice(bytes: &[u8]) -> bool {
    (128..192).contains(&bytes[0]) && !(192..224).contains(&bytes[1])
}

fn is_stun(bytes: &[u8]) -> bool {
    bytes[0] < 4
}

/// Both talk for some seconds; how much of it each has missed of the other.
fn missed(call: &mut SimCall, time: Duration) -> [Duration; 2] {
    call.speak(&[("ana", LOUD), ("ben", LOUD)], time);
    [("ben", "ana"), ("ana", "ben")].map(|(listener, speaker)| {
        let heard = Duration::from_millis(20) * call.packets_heard(listener, speaker) as u32;
        time.saturating_sub(heard)
    })
}

fn who_gets_a_new_address_in_the_middle_of_a_sentence_goes_on_talking_and_hearing() {
    for moment in [0, 300, 700, 1_100, 2_400] {
        let mut call = SimCall::with(["ana", "ben"]);
        call.goes_on_speaking(&[("ana", LOUD), ("ben", LOUD)], secs(3) + millis(moment));
        call.is_given_a_new_address("ana");
        let missed = missed(&mut call, secs(5));
        // What was on the way to the old address is lost, and nothing else.
        assert!(missed.iter().all(|missed| *missed <= millis(80)), "{missed:?}");
        assert_eq!(call.packets_heard("ben", "ana"), 250);
    }
}

fn the_same_on_a_bad_network() {
    for seed in 1..=5 {
        let setup = Setup { conditions: Conditions::BAD, seed, ..Setup::default() };
        let mut call = SimCall::new(setup).joined_by(["ana", "ben"]);
        call.goes_on_speaking(&[("ana", LOUD), ("ben", LOUD)], secs(3));
        let before = missed(&mut call, secs(5));
        call.is_given_a_new_address("ana");
        let after = missed(&mut call, secs(5));
        for (before, after) in before.into_iter().zip(after) {
            assert!(after <= before + SILENCE_MAX, "{}{before:?}, then {after:?}", call.context());
        }
    }
}

fn who_only_listens_is_followed_with_the_next_check() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.goes_on_speaking(&[("ben", LOUD)], secs(4));
    call.is_given_a_new_address("ana");
    call.goes_on_speaking(&[("ben", LOUD)], secs(4));
    call.speaks("ben", secs(1));
    assert_eq!(call.packets_heard("ana", "ben"), 50);
}

fn voice_that_was_recorded_moves_nobody_from_nowhere() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.goes_on_speaking(&[("ana", LOUD), ("ben", LOUD)], secs(3));
    let before = call.sfu.footprint();
    for bytes in call.overheard("ana").iter().filter(|bytes| is_voice(bytes)) {
        call.receives_from(stranger(), bytes);
    }
    call.flush();
    assert_eq!(missed(&mut call, secs(2)), [Duration::ZERO; 2]);
    assert_eq!(call.astray, [], "nothing for the stranger");
    assert_eq!(call.sfu.footprint(), before);
}

fn voice_that_was_held_back_moves_nobody_from_nowhere() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.goes_on_speaking(&[("ana", LOUD), ("ben", LOUD)], secs(3));
    call.net.conditions.loss_per_mille = 1_000;
    call.goes_on_speaking(&[("ana", LOUD)], millis(20));
    let held = call.overheard("ana").into_iter().rev().find(|bytes| is_voice(bytes)).unwrap();
    call.net.conditions.loss_per_mille = 0;
    call.goes_on_speaking(&[("ana", LOUD), ("ben", LOUD)], millis(100));
    let (before, astray) = (call.sfu.footprint(), call.astray.len());
    // Genuine, and never seen before; but others that came are newer.
    call.receives_from(stranger(), &held);
    call.flush();
    assert_eq!(missed(&mut call, secs(2)), [Duration::ZERO; 2]);
    assert_eq!((call.sfu.footprint(), call.astray.len()), (before, astray));
}

/// So many packets that look like what she says next, from as many places.
fn forge(call: &mut SimCall, count: u16) {
    let like = call.overheard("ana").into_iter().rev().find(|bytes| is_voice(bytes)).unwrap();
    let sequence = u16::from_be_bytes([like[2], like[3]]);
    let mut dice = Dice::seeded(9);
    let to = call.sfu.address_of(call.id("ana"));
    for n in 0..count {
        let mut forged = like.clone();
        forged[2..4].copy_from_slice(&sequence.wrapping_add(1 + n % 40).to_be_bytes());
        let last = forged.len() - 1;
        forged[last] = dice.roll() as u8;
        let from = SocketAddr::from(([203, 0, 113, 66], 10_000 + n));
        call.sfu.handle_datagram(call.now, from, to, &forged);
    }
    call.flush();
}

fn forged_voice_from_nowhere_moves_nobody_and_costs_little() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.goes_on_speaking(&[("ana", LOUD), ("ben", LOUD)], secs(3));
    let (before, dropped) = (call.sfu.footprint(), call.sfu.stats().dropped);
    forge(&mut call, 10_000);
    let now = call.sfu.stats().dropped;
    let [opened, unopened] = [now.forged - dropped.forged, now.suspect - dropped.suspect];
    assert!(opened <= 100, "{opened} were opened in vain");
    assert_eq!(opened + unopened, 10_000);
    assert_eq!(call.sfu.footprint(), before);
    assert_eq!(missed(&mut call, secs(2)), [Duration::ZERO; 2], "her own packets live on their own");
    assert_eq!(call.astray, []);
}

fn who_moves_while_others_forge_his_voice_is_followed_all_the_same() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.goes_on_speaking(&[("ana", LOUD), ("ben", LOUD)], secs(3));
    forge(&mut call, 1_000);
    call.is_given_a_new_address("ana");
    let missed = missed(&mut call, secs(5));
    assert!(missed.iter().all(|missed| *missed <= SILENCE_MAX), "{missed:?}");
}

fn a_recorded_check_moves_nobody_who_is_silent() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.passes(secs(6));
    let check = call.overheard("ana").into_iter().rev().find(|bytes| is_stun(bytes)).unwrap();
    for _ in 0..20 {
        call.receives_from(stranger(), &check);
        call.flush();
        call.goes_on_speaking(&[("ben", LOUD)], millis(100));
    }
    assert!(call.astray.iter().all(|datagram| is_stun(&datagram.bytes)), "no media for the stranger");
    // Each is answered, as it must be, and a few are asked back.
    let questions = call.astray.iter().filter(|datagram| datagram.bytes[..2] == [0, 1]).count();
    assert!((1..=8).contains(&questions), "{questions}");
    call.speaks("ben", secs(1));
    assert_eq!(call.packets_heard("ana", "ben"), 50);
}

fn ice_begins_again_while_both_talk() {
    for seed in 1..=3 {
        let mut call = SimCall::new(Setup { seed, ..Setup::default() }).joined_by(["ana", "ben"]);
        call.goes_on_speaking(&[("ana", LOUD), ("ben", LOUD)], secs(3));
        call.restarts("ana").unwrap();
        call.speak(&[("ana", LOUD), ("ben", LOUD)], secs(3));
        assert_eq!(call.packets_heard("ana", "ben"), 150, "what she hears never stops");
        // Her client has no path for a moment, which browsers do without.
        assert!(call.packets_heard("ben", "ana") >= 145);
        call.speak(&[("ana", LOUD), ("ben", LOUD)], secs(40));
        assert_eq!((call.packets_heard("ana", "ben"), call.packets_heard("ben", "ana")), (2_000, 2_000));
        assert!(!call.events.iter().any(|event| matches!(event, sfu::Event::Interrupted { .. })));
    }
}

fn ice_begins_again_from_a_new_address_of_somebody_who_listens() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.goes_on_speaking(&[("ben", LOUD)], secs(3));
    call.is_given_a_new_address("ana");
    call.restarts("ana").unwrap();
    call.speaks("ben", secs(2));
    let missed = 100 - call.packets_heard("ana", "ben");
    assert!(missed <= 10, "{missed} packets");
}

fn who_was_cut_off_comes_back_by_beginning_again() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.goes_on_speaking(&[("ana", LOUD), ("ben", LOUD)], secs(1));
    call.is_plugged_in("ana", false);
    call.goes_on_speaking(&[("ben", LOUD)], secs(12));
    assert!(call.events.iter().any(|event| matches!(event, sfu::Event::Interrupted { .. })));
    call.is_given_a_new_address("ana");
    call.is_plugged_in("ana", true);
    call.restarts("ana").unwrap();
    call.passes(secs(1));
    assert_eq!(missed(&mut call, secs(1)), [Duration::ZERO; 2]);
    let ana = call.id("ana");
    let back = call
        .events
        .iter()
        .filter(|event| matches!(event, sfu::Event::Connected { participant, .. } if *participant == ana));
    assert_eq!(back.count(), 2);
    assert_eq!(call.left(ana), None);
}

fn an_offer_of_another_session_changes_nothing() {
    let mut call = SimCall::with(["ana", "ben"]);
    let now = call.now;
    let (ana, ben) = (call.id("ana"), call.id("ben"));
    let offer = call.peer("ben").restart().unwrap();
    let fewer = offer.split("m=audio").take(3).map(str::to_owned).collect::<Vec<_>>().join("m=audio");
    assert_eq!(call.sfu.restart(now, ben, &fewer), Err(RestartError::AnotherSession));
    let mut renamed = offer.clone();
    let digest = renamed.find("a=fingerprint:sha-256 ").unwrap() + "a=fingerprint:sha-256 ".len();
    while let Some(place) = renamed[digest..].find("a=fingerprint") {
        renamed.replace_range(digest + place..digest + place + 2, "a-");
    }
    let other = if &renamed[digest..digest + 2] == "00" { "11" } else { "00" };
    renamed.replace_range(digest..digest + 2, other);
    assert_eq!(call.sfu.restart(now, ana, &renamed), Err(RestartError::AnotherSession));
    assert!(matches!(call.sfu.restart(now, ana, "v=0"), Err(RestartError::OfferMalformed(_))));
    assert_eq!(call.sfu.restart(now, ana, &"v=0\r\n".repeat(100_000)), Err(RestartError::OfferTooLarge));
    assert_eq!(call.sfu.restart(now, sfu::ParticipantId(99), &offer), Err(RestartError::NotHere));
    assert_eq!(missed(&mut call, secs(10)), [Duration::ZERO; 2]);
}

fn who_begins_again_too_often_is_told_so() {
    let mut call = SimCall::with(["ana", "ben"]);
    let results: Vec<_> = (0..6)
        .map(|_| {
            let result = call.restarts("ana");
            call.passes(millis(200));
            result
        })
        .collect();
    assert!(results[..4].iter().all(Result::is_ok), "{results:?}");
    assert_eq!(results[4..], [Err(RestartError::TooSoon), Err(RestartError::TooSoon)]);
    assert_eq!(missed(&mut call, secs(5)), [Duration::ZERO; 2]);
}
