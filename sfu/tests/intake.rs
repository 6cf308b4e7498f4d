use std::collections::BTreeMap;
use std::net::SocketAddr;

use sfu::EgressPath;

use crate::support::{Cipher, Conditions, Dice, LOUD, Setup, SimCall, Utterance, millis, secs};

stories! {
    voice_that_is_sent_again_is_heard_once,
    a_packet_that_was_held_up_does_not_move_media,
    wrong_seals_at_ten_thousand_a_second_cost_nobody_a_word,
    who_reads_along_and_forges_what_comes_next_costs_one_voice_a_part_and_others_nothing,
    streams_nobody_announced_are_tried_a_few_times_a_second,
    datagrams_of_every_length_under_his_address_harm_nobody,
    extensions_that_lie_are_malformed,
    a_rollover_while_he_is_muted_is_not_missed,
    both_ways_in_bring_the_same_through_loss_copies_and_disorder,
    in_a_room_of_open_microphones_the_quiet_are_hardly_ever_opened,
    the_first_syllable_is_not_lost,
    who_has_no_aead_cipher_talks_with_those_who_have,
    a_strangers_copy_of_a_voice_is_nothing,
    who_speaks_is_told_what_came_of_it,
}

const QUIET: i8 = -90;

fn is_voice(bytes: &[u8]) -> bool {
    matches!(bytes, [128..=191, second, ..] if !(192..=223).contains(second))
}

/// The last packet of voice someone sent.
fn last_voice(call: &SimCall, name: &str) -> Vec<u8> {
    call.overheard(name).into_iter().rev().find(|bytes| is_voice(bytes)).unwrap()
}

fn assert_unharmed(call: &mut SimCall) {
    let context = call.context();
    assert!(!call.events.iter().any(|event| matches!(event, sfu::Event::Left { .. })), "{context}");
    call.passes(secs(1));
    call.speak(&[("ana", LOUD), ("ben", LOUD)], secs(1));
    assert_eq!((call.packets_heard("ben", "ana"), call.packets_heard("ana", "ben")), (50, 50), "{context}");
    assert_eq!(call.sfu.stats().panics_contained, 0);
}

fn voice_that_is_sent_again_is_heard_once() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.speaks("ana", secs(1));
    let ana = call.address("ana");
    for bytes in call.overheard("ana").iter().filter(|bytes| is_voice(bytes)) {
        call.receives_from(ana, bytes);
    }
    call.flush();
    call.passes(millis(100));
    assert_eq!(call.packets_heard("ben", "ana"), 50);
    assert_eq!(call.sfu.stats().dropped.replayed, 50);
    assert_unharmed(&mut call);
}

fn a_packet_that_was_held_up_does_not_move_media() {
    let mut call = SimCall::with(["ana", "ben"]);
    let (old, _) = call.is_given_a_new_address("ana");
    call.goes_on_speaking(&[("ana", LOUD)], secs(6));
    call.net.conditions.loss_per_mille = 1_000;
    call.goes_on_speaking(&[("ana", LOUD)], millis(20));
    let held = last_voice(&call, "ana");
    call.net.conditions.loss_per_mille = 0;
    call.goes_on_speaking(&[("ana", LOUD)], millis(200));
    let astray = call.astray.len();
    call.receives_from(old, &held);
    call.flush();
    call.speaks("ben", millis(200));
    assert_eq!(call.packets_heard("ana", "ben"), 10);
    assert_eq!(call.astray.len(), astray, "nothing goes to where it came from");
}

/// Datagrams that look like a packet of ana's but for the seal, this far ahead of her newest one.
fn flood(call: &mut SimCall, dice: &mut Dice, ahead: std::ops::Range<u64>) {
    let (ana, packet) = (call.address("ana"), last_voice(call, "ana"));
    let newest = u16::from_be_bytes([packet[2], packet[3]]);
    for _ in 0..200 {
        let mut bad = packet.clone();
        let step = ahead.start + dice.below(ahead.end - ahead.start);
        bad[2..4].copy_from_slice(&newest.wrapping_add(step as u16).to_be_bytes());
        *bad.last_mut().unwrap() ^= 0x55;
        call.receives_from(ana, &bad);
    }
}

fn wrong_seals_at_ten_thousand_a_second_cost_nobody_a_word() {
    let mut call = SimCall::with(["ana", "ben", "cleo"]);
    let mut dice = Dice::seeded(41);
    call.speak(&[("ana", LOUD)], secs(1));
    for _ in 0..150 {
        flood(&mut call, &mut dice, 300..20_000);
        call.goes_on_speaking(&[("ana", LOUD), ("ben", LOUD)], millis(20));
    }
    call.passes(millis(100));
    assert_eq!(call.packets_heard("cleo", "ana"), 200);
    assert_eq!(call.packets_heard("ana", "ben"), 150);
    let dropped = call.sfu.stats().dropped;
    assert_eq!(dropped.forged + dropped.suspect, 30_000);
    assert!(dropped.forged <= 400, "{} were opened in vain", dropped.forged);
    assert_unharmed(&mut call);
}

fn who_reads_along_and_forges_what_comes_next_costs_one_voice_a_part_and_others_nothing() {
    let mut call = SimCall::with(["ana", "ben", "cleo"]);
    let mut dice = Dice::seeded(42);
    call.speak(&[("ana", LOUD)], secs(1));
    for _ in 0..150 {
        flood(&mut call, &mut dice, 1..200);
        call.goes_on_speaking(&[("ana", LOUD), ("ben", LOUD)], millis(20));
    }
    call.passes(millis(100));
    assert_eq!(call.packets_heard("cleo", "ben"), 150);
    assert!(call.packets_heard("cleo", "ana") > 100, "{}", call.packets_heard("cleo", "ana"));
    assert!(call.sfu.stats().dropped.forged <= 20_500);
    assert_unharmed(&mut call);
}

fn streams_nobody_announced_are_tried_a_few_times_a_second() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.speaks("ana", secs(1));
    let (ana, packet, footprint) = (call.address("ana"), last_voice(&call, "ana"), call.sfu.footprint());
    let before = call.sfu.stats().dropped;
    for ssrc in 0..5_000u32 {
        let mut bad = packet.clone();
        bad[8..12].copy_from_slice(&ssrc.to_be_bytes());
        call.receives_from(ana, &bad);
    }
    let after = call.sfu.stats().dropped;
    assert_eq!((after.forged - before.forged, after.suspect - before.suspect), (20, 4_980));
    assert_eq!(call.sfu.footprint(), footprint);
    assert_unharmed(&mut call);
}

fn datagrams_of_every_length_under_his_address_harm_nobody() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.speaks("ana", secs(1));
    let (ana, mut packet) = (call.address("ana"), last_voice(&call, "ana"));
    // As if it came next; the genuine one would only be called a copy.
    let next = u16::from_be_bytes([packet[2], packet[3]]).wrapping_add(1);
    packet[2..4].copy_from_slice(&next.to_be_bytes());
    let mut dice = Dice::seeded(43);
    for len in 0..=1_500 {
        for second in [packet[1], 200, 201] {
            let mut bytes = packet.clone();
            bytes.resize_with(1_500, || dice.roll() as u8);
            bytes[1] = second;
            bytes.truncate(len);
            call.receives_from(ana, &bytes);
        }
    }
    call.flush();
    assert_unharmed(&mut call);
}

fn extensions_that_lie_are_malformed() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.speaks("ana", secs(1));
    let (ana, packet) = (call.address("ana"), last_voice(&call, "ana"));
    assert_eq!(packet[12..14], [0xbe, 0xde]);
    let before = call.sfu.stats().dropped.malformed;
    let mut sent = 0;
    for words in [200u16, 1_000, 0xffff] {
        let mut bad = packet.clone();
        bad[14..16].copy_from_slice(&words.to_be_bytes());
        call.receives_from(ana, &bad);
        sent += 1;
    }
    for (form, element) in [([0xbe, 0xde], [0x1f, 0xff, 0xff, 0xff]), ([0x10, 0], [9, 250, 9, 250])] {
        let mut bad = packet.clone();
        bad[12..14].copy_from_slice(&form);
        bad[14..16].copy_from_slice(&[0, 1]);
        bad[16..20].copy_from_slice(&element);
        call.receives_from(ana, &bad);
        sent += 1;
    }
    assert_eq!(call.sfu.stats().dropped.malformed - before, sent);
    assert_unharmed(&mut call);
}

fn a_rollover_while_he_is_muted_is_not_missed() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.speaks("ana", secs(2));
    call.sets_media("ana", true, false);
    // His numbers began a little below 2^16.
    call.speaks("ana", secs(20));
    assert!(call.heard_by("ben").is_empty());
    assert_eq!(call.sfu.stats().dropped.muted, 1_000);
    call.sets_media("ana", false, false);
    call.speaks("ana", secs(1));
    assert_eq!(call.packets_heard("ben", "ana"), 50);
    assert_eq!(call.ear("ben").missing(), 0);
}

fn both_ways_in_bring_the_same_through_loss_copies_and_disorder() {
    for seed in 51..=54 {
        let told = |egress| {
            let conditions = Conditions { loss_per_mille: 300, ..Conditions::BAD };
            let setup = Setup { seed, egress, slots: 2, ..Setup::default() };
            let mut call = SimCall::new(setup).joined_by(["ana", "ben", "cleo"]);
            call.net.conditions = conditions;
            let mut dice = Dice::seeded(seed);
            for _ in 0..500 {
                call.goes_on_speaking(&[("ana", LOUD), ("ben", LOUD)], millis(20));
                for name in ["ana", "ben"] {
                    let (from, recorded) = (call.address(name), call.overheard(name));
                    let voice: Vec<_> = recorded.iter().filter(|bytes| is_voice(bytes)).collect();
                    let again = voice[voice.len() - 1 - dice.below(voice.len().min(40) as u64) as usize];
                    call.receives_from(from, again);
                }
                call.flush();
            }
            call.passes(secs(1));
            let mut heard: Vec<Utterance> = call.ear("cleo").journal.clone();
            // Slot by slot: what is said at once may arrive in any order.
            heard.sort_by_key(|heard| heard.slot);
            heard.into_iter().map(|heard| Utterance { report: None, ..heard }).collect::<Vec<_>>()
        };
        let (fast, reference) = (told(EgressPath::Fast), told(EgressPath::Reference));
        assert!(fast.len() > 400, "seed {seed}: {}", fast.len());
        for (n, (fast, reference)) in fast.iter().zip(&reference).enumerate() {
            assert_eq!(fast, reference, "seed {seed}: packet {n}");
        }
        assert_eq!(fast.len(), reference.len(), "seed {seed}");
    }
}

const CROWD: [&str; 12] =
    ["ana", "ben", "cleo", "dan", "eve", "finn", "gil", "hana", "ivo", "jo", "kim", "lea"];

fn in_a_room_of_open_microphones_the_quiet_are_hardly_ever_opened() {
    let mut call = SimCall::new(Setup { slots: 4, ..Setup::default() }).joined_by(CROWD);
    let levels: Vec<(&str, i8)> =
        CROWD.iter().enumerate().map(|(n, name)| (*name, if n >= 9 { LOUD } else { QUIET })).collect();
    call.goes_on_speaking(&levels, secs(2));
    let before = call.sfu.stats();
    call.speak(&levels, secs(20));
    for listener in CROWD {
        for talker in ["jo", "kim", "lea"].into_iter().filter(|talker| *talker != listener) {
            assert_eq!(call.packets_heard(listener, talker), 1_000, "{listener} hears {talker}");
        }
    }
    let after = call.sfu.stats();
    let unheard = after.dropped.unheard - before.dropped.unheard;
    // Eight have no slot; one packet a second of each is opened.
    assert!((7_800..=7_860).contains(&unheard), "{unheard} of 8,000");
    assert_eq!(after.packets_in - before.packets_in, 12_000);
    assert_eq!(call.events.iter().filter(|event| matches!(event, sfu::Event::Interrupted { .. })).count(), 0);
}

fn the_first_syllable_is_not_lost() {
    let mut lost: Vec<u64> = Vec::new();
    for seed in 61..=70 {
        let names = ["ana", "ben", "cleo", "dan", "eve"];
        let mut call = SimCall::new(Setup { seed, slots: 2, ..Setup::default() }).joined_by(names);
        let mut dice = Dice::seeded(seed);
        let mut said: BTreeMap<&str, u64> = BTreeMap::new();
        for _ in 0..12 {
            let slots = call.slots();
            let waiting: Vec<&str> =
                names.into_iter().filter(|name| !slots.contains(&Some(call.id(name)))).collect();
            let name = *dice.pick(&waiting).unwrap();
            let listener = names.into_iter().find(|other| *other != name).unwrap();
            let quiet = dice.below(150);
            call.goes_on_speaking(&[(name, QUIET)], millis(20 * quiet));
            let first = *said.entry(name).and_modify(|said| *said += quiet).or_insert(quiet) + 1;
            let already = call.ear(listener).journal.len();
            call.goes_on_speaking(&[(name, LOUD)], millis(800));
            *said.entry(name).or_default() += 40;
            call.passes(millis(1_700));
            let speaker = call.id(name).0;
            let heard = call.ear(listener).journal[already..].iter();
            let number = |heard: &Utterance| u32::from_be_bytes(heard.payload[4..8].try_into().unwrap());
            let earliest = heard.filter(|heard| heard.speaker == speaker).map(number).min();
            let earliest = u64::from(earliest.expect("he is heard"));
            lost.push(20 * earliest.saturating_sub(first));
        }
    }
    lost.sort_unstable();
    assert_eq!(lost[lost.len() / 2], 0, "{lost:?}");
    assert!(lost[lost.len() * 99 / 100] <= 40, "{lost:?}");
}

fn who_has_no_aead_cipher_talks_with_those_who_have() {
    let mut call = SimCall::new(Setup { cipher: Cipher::Own, ..Setup::default() });
    for (name, cipher) in [("ana", Cipher::Cm), ("ben", Cipher::Gcm128), ("cleo", Cipher::Gcm256)] {
        cipher.is_next();
        call.joins(name);
    }
    call.connects();
    let everyone = [("ana", LOUD), ("ben", LOUD), ("cleo", LOUD)];
    call.speak(&everyone, secs(5));
    for (listener, _) in everyone {
        for (talker, _) in everyone.into_iter().filter(|(talker, _)| *talker != listener) {
            assert_eq!(call.packets_heard(listener, talker), 250, "{listener} hears {talker}");
        }
    }
    let paths: Vec<_> = call.sfu.participant_stats().iter().map(|stats| stats.egress).collect();
    let fast = paths.iter().filter(|path| **path == Some(EgressPath::Fast)).count();
    assert_eq!((fast, paths.len()), (2, 3));
}

fn a_strangers_copy_of_a_voice_is_nothing() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.speaks("ana", secs(1));
    let stranger: SocketAddr = "203.0.113.66:6666".parse().unwrap();
    let before = call.sfu.stats().dropped;
    let voice = last_voice(&call, "ana");
    call.receives_from(stranger, &voice);
    // It could be hers, from a new address, had it not been there before.
    assert_eq!(call.sfu.stats().dropped.replayed, before.replayed + 1);
    assert_eq!(call.sfu.poll_transmit(), None);
}

fn who_speaks_is_told_what_came_of_it() {
    for egress in [EgressPath::Fast, EgressPath::Reference] {
        let setup = Setup { egress, slots: 2, ..Setup::default() };
        let mut call = SimCall::new(setup).joined_by(["ana", "ben", "cleo", "dan", "eve"]);
        // Ana and ben take the slots; of the others nearly nothing is opened.
        let levels = [("ana", LOUD), ("ben", LOUD), ("cleo", QUIET), ("dan", QUIET), ("eve", QUIET)];
        call.goes_on_speaking(&levels, secs(20));
        for (name, _) in levels {
            let told = call.peer(name).reported().unwrap();
            assert_eq!((told.packets_lost, told.loss_per_mille), (0, 0), "{egress:?}, {name}: {told:?}");
            assert!(told.jitter < 48, "{egress:?}, {name}: {told:?}");
        }
        call.net.conditions.loss_per_mille = 200;
        call.goes_on_speaking(&levels, secs(60));
        for (name, _) in levels {
            let told = call.peer(name).reported().unwrap();
            // A report is of 250 packets; so a fifth may look like an eighth.
            assert!((100..=300).contains(&told.loss_per_mille), "{egress:?}, {name}: {told:?}");
            assert!((350..=750).contains(&told.packets_lost), "{egress:?}, {name}: {told:?}");
        }
    }
}
