use std::net::SocketAddr;

use crate::support::{Dice, LOUD, SimCall, millis, secs};

stories! {
    noise_from_nowhere_is_dropped_counted_and_never_answered,
    noise_under_a_participants_address_harms_nobody,
    noise_while_connecting_delays_at_most,
    plaintext_alerts_and_handshakes_after_the_handshake_are_ignored,
    a_request_with_a_single_wrong_bit_is_not_answered,
    a_strangers_requests_under_somebodys_name_do_not_keep_his_own_from_his_session,
    what_was_overheard_and_is_sent_again_moves_nothing,
    what_was_overheard_does_not_keep_a_dead_session_alive_for_others,
    ten_thousand_addresses_leave_nothing_behind,
    packets_with_a_bad_seal_are_nothing,
    hostile_payloads_and_numbers_of_a_participant_harm_nobody_else,
    a_flood_is_dammed,
    who_cannot_show_the_certificate_he_offered_is_not_let_in,
}

fn stranger() -> SocketAddr {
    "203.0.113.66:6666".parse().unwrap()
}

/// Everyone is still there, and hears.
fn assert_unharmed(call: &mut SimCall) {
    assert!(
        !call.events.iter().any(|event| matches!(event, sfu::Event::Left { .. })),
        "somebody was thrown out"
    );
    call.speak(&[("ana", LOUD), ("ben", LOUD)], secs(1));
    assert_eq!(call.packets_heard("ben", "ana"), 50);
    assert_eq!(call.packets_heard("ana", "ben"), 50);
    assert_eq!(call.sfu.stats().panics_contained, 0);
}

fn is_stun(bytes: &[u8]) -> bool {
    bytes[0] < 4
}

/// Some datagrams of every length and first byte.
fn noise(dice: &mut Dice) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new(), vec![0x80; 65_507]];
    for first in 0..=255u8 {
        for len in [1, 2, 3, 4, 11, 12, 13, 19, 20, 21, 24, 28, 60, 100, 500, 1_200, 1_500] {
            let mut bytes: Vec<u8> = (0..len).map(|_| dice.roll() as u8).collect();
            bytes[0] = first;
            all.push(bytes);
        }
    }
    all.extend((0..1_500).map(|len| vec![0x80; len]));
    all
}

fn noise_from_nowhere_is_dropped_counted_and_never_answered() {
    let mut call = SimCall::with(["ana", "ben"]);
    let before = (call.sfu.footprint(), call.sfu.stats());
    let noise = noise(&mut Dice::seeded(4));
    for bytes in &noise {
        call.receives_from(stranger(), bytes);
    }
    assert_eq!(call.sfu.poll_transmit(), None, "not a byte is sent to a stranger");
    let after = (call.sfu.footprint(), call.sfu.stats());
    assert_eq!(after.0, before.0);
    let dropped = |stats: sfu::WorkerStats| stats.dropped.unknown + stats.dropped.malformed;
    assert_eq!(dropped(after.1) - dropped(before.1), noise.len() as u64);
    assert_unharmed(&mut call);
}

fn noise_under_a_participants_address_harms_nobody() {
    let mut call = SimCall::with(["ana", "ben"]);
    let ana = call.address("ana");
    for bytes in noise(&mut Dice::seeded(5)) {
        call.receives_from(ana, &bytes);
    }
    call.flush();
    assert_unharmed(&mut call);
}

fn noise_while_connecting_delays_at_most() {
    let mut call = SimCall::new(crate::support::Setup::default());
    call.joins("ana");
    call.joins("ben");
    let ana = call.address("ana");
    let mut dice = Dice::seeded(6);
    while !call.is_connected("ana") {
        call.passes(millis(1));
        for first in [0, 20, 21, 22, 23, 63, 128, 200] {
            let mut bytes: Vec<u8> = (0..60).map(|_| dice.roll() as u8).collect();
            bytes[0] = first;
            call.receives_from(ana, &bytes);
        }
    }
    call.connects();
    assert_unharmed(&mut call);
}

fn plaintext_alerts_and_handshakes_after_the_handshake_are_ignored() {
    let mut call = SimCall::with(["ana", "ben"]);
    let ana = call.address("ana");
    // DTLS 1.2 records in the clear: a fatal alert, a close, application data, the start of a handshake.
    let bodies: [(u8, &[u8]); 5] =
        [(21, &[2, 40]), (21, &[1, 0]), (21, &[2, 255]), (23, b"hello"), (22, &[1, 0, 0, 0])];
    for (kind, body) in bodies {
        for sequence in 0..20u8 {
            let mut record = vec![kind, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, sequence, 0, body.len() as u8];
            record.extend(body);
            call.receives_from(ana, &record);
        }
    }
    call.flush();
    call.passes(millis(100));
    assert_unharmed(&mut call);
}

fn a_request_with_a_single_wrong_bit_is_not_answered() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.passes(secs(6));
    let request = call.overheard("ana").into_iter().rev().find(|bytes| is_stun(bytes)).unwrap();
    call.flush();
    for bit in 0..request.len() * 8 {
        let mut bad = request.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        call.receives_from(stranger(), &bad);
        // The checksum at the end (FINGERPRINT) is no proof of anything and may be ignored.
        if bit / 8 < request.len() - 8 {
            assert_eq!(call.sfu.poll_transmit(), None, "bit {bit}");
        }
        while call.sfu.poll_transmit().is_some() {}
    }
    for len in 0..request.len() - 8 {
        call.receives_from(stranger(), &request[..len]);
        assert_eq!(call.sfu.poll_transmit(), None, "cut at {len}");
    }
    assert_unharmed(&mut call);
}

fn a_strangers_requests_under_somebodys_name_do_not_keep_his_own_from_his_session() {
    for from_her_address in [false, true] {
        let mut call = SimCall::with(["ana", "ben"]);
        call.passes(secs(6));
        let from = if from_her_address { call.address("ana") } else { stranger() };
        let mut forged = call.overheard("ana").into_iter().rev().find(|bytes| is_stun(bytes)).unwrap();
        // Her name is still right, the seal before the checksum is not.
        let seal = forged.len() - 12;
        forged[seal] ^= 1;
        let ana = call.id("ana");
        for second in 0..120 {
            call.receives_from(from, &forged);
            call.passes(secs(1));
            assert!(call.sfu.session_has_path(ana), "second {second}, from her address: {from_her_address}");
        }
    }
}

fn what_was_overheard_and_is_sent_again_moves_nothing() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.goes_on_speaking(&[("ana", LOUD), ("ben", LOUD)], secs(6));
    let overheard = call.overheard("ana");
    for from in [stranger(), call.address("ana"), call.address("ben")] {
        for bytes in &overheard {
            call.receives_from(from, bytes);
        }
        call.flush();
    }
    call.goes_on_speaking(&[("ana", LOUD), ("ben", LOUD)], secs(2));
    assert!(call.astray.iter().all(|datagram| is_stun(&datagram.bytes)), "no media for the stranger");
    assert_unharmed(&mut call);
    assert_eq!(call.ear("ben").missing(), 0);
}

fn what_was_overheard_does_not_keep_a_dead_session_alive_for_others() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.goes_on_speaking(&[("ana", LOUD)], secs(2));
    let overheard = call.overheard("ana");
    call.leaves("ana");
    call.passes(secs(1));
    for bytes in &overheard {
        call.receives_from(stranger(), bytes);
    }
    assert_eq!(call.sfu.poll_transmit(), None);
    assert_eq!(call.sfu.stats().participants, 1);
}

fn ten_thousand_addresses_leave_nothing_behind() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.passes(secs(6));
    let before = call.sfu.footprint();
    let overheard = call.overheard("ana");
    let request = overheard.iter().rev().find(|bytes| is_stun(bytes)).unwrap();
    for n in 0..10_000u32 {
        let [_, _, a, b] = n.to_be_bytes();
        call.receives_from(SocketAddr::from(([203, 0, a, b], 1_000)), request);
        while call.sfu.poll_transmit().is_some() {}
    }
    let after = call.sfu.footprint();
    // Even genuine requests make one participant known under a handful of addresses at most.
    assert!(after[0] <= before[0] + 8, "{before:?} {after:?}");
    assert_unharmed(&mut call);
}

fn packets_with_a_bad_seal_are_nothing() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.goes_on_speaking(&[("ana", LOUD)], secs(1));
    let packet = call.overheard("ana").into_iter().rev().find(|bytes| bytes[0] >= 0x80).unwrap();
    let (ana, before) = (call.address("ana"), call.sfu.stats().packets_in);
    for n in 0..20_000u32 {
        let mut bad = packet.clone();
        bad[2..4].copy_from_slice(&(n as u16).to_be_bytes());
        call.receives_from(ana, &bad);
    }
    call.flush();
    assert_eq!(call.sfu.stats().packets_in, before);
    assert_unharmed(&mut call);
}

fn hostile_payloads_and_numbers_of_a_participant_harm_nobody_else() {
    let mut call = SimCall::new(crate::support::Setup::default());
    for name in ["ana", "ben"] {
        call.joins(name);
    }
    call.joins_with("mallory", true, false);
    call.connects();
    let mut dice = Dice::seeded(8);
    let payloads: [&[u8]; 6] =
        [&[], &[0xff], &[0x80 | 111, 0, 3, 255, 111], &[111], &[0x80 | 63; 40], &[0x80 | 111; 200]];
    for _ in 0..500 {
        let (now, payload) = (call.now, *dice.pick(&payloads).unwrap());
        let (sequence, timestamp) = (dice.below(1 << 18), dice.roll() as u32);
        let mallory = call.peer("mallory");
        mallory.send_crafted(now, sequence, timestamp, true, payload);
        call.flush();
        call.passes(millis(10));
    }
    assert!(call.sfu.stats().dropped.bad_red > 0);
    // What of it was well-formed carries no words, and the ears would have noticed.
    assert_unharmed(&mut call);
}

fn a_flood_is_dammed() {
    let mut call = SimCall::with(["mallory", "ana", "ben"]);
    for _ in 0..100 {
        for _ in 0..40 {
            call.says_one_packet("mallory", LOUD);
        }
        call.flush();
        call.passes(millis(20));
    }
    let stats = call.sfu.stats();
    assert!(stats.dropped.flooded > 3_000, "{}", stats.dropped.flooded);
    assert!(call.packets_heard("ben", "mallory") < 600);
    assert_unharmed(&mut call);
}

fn who_cannot_show_the_certificate_he_offered_is_not_let_in() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.tampering = |offer| {
        let (_, after) = offer.split_once("a=fingerprint:sha-256 ").unwrap();
        let other = if after.starts_with("00") { "11" } else { "00" };
        offer.replace(&format!("sha-256 {}", &after[..2]), &format!("sha-256 {other}"))
    };
    let mallory = call.joins("mallory");
    call.goes_on_speaking(&[("ana", LOUD), ("mallory", LOUD)], secs(3));
    assert_eq!(call.left(mallory), Some(sfu::LeaveReason::Failed));
    assert!(call.heard_by("mallory").is_empty());
    assert_eq!(call.heard_by("ben"), ["ana"]);
}
