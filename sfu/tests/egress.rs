use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sfu::{EgressPath, Event, ParticipantStats};

use crate::support::{Cipher, Conditions, Dice, LOUD, Setup, SimCall, Utterance, millis, secs};

stories! {
    both_ways_say_the_same_in_storms,
    both_ways_say_the_same_through_a_bad_network,
    both_ways_say_the_same_with_every_cipher,
    both_ways_cross_the_rollover_and_let_late_people_start_before_it,
    red_goes_to_who_can_and_plain_to_who_cannot_on_both_ways,
    who_has_no_aead_cipher_is_served_by_the_session,
    reports_say_what_was_sent,
    silence_is_not_reported_on,
    what_listeners_report_is_read,
    how_sound_travels_is_told_when_it_changes,
    reports_sent_again_or_forged_change_nothing,
    the_session_says_nothing_of_its_own,
}

const NAMES: [&str; 8] = ["ana", "ben", "cleo", "dan", "eve", "finn", "gil", "hana"];

/// What each person heard in each slot, in order, without the reports, which go out at other times.
type Journals = BTreeMap<(&'static str, usize), Vec<Utterance>>;

fn journals(call: &SimCall) -> Journals {
    let mut journals = Journals::new();
    for name in call.names() {
        for utterance in &call.ear(name).journal {
            // How much is repeated hangs on reports too.
            let payload = Arc::from(utterance.words().last().unwrap());
            let utterance = Utterance { report: None, red: false, payload, ..utterance.clone() };
            journals.entry((name, utterance.slot)).or_default().push(utterance);
        }
    }
    journals
}

/// Tells the same story to both ways, and compares what everyone heard.
fn assert_both_ways_say_the_same(setup: &Setup, story: impl Fn(&mut SimCall) -> Journals) {
    let told = |egress: EgressPath| {
        let mut call = SimCall::new(Setup { egress, ..setup.clone() });
        let journals = story(&mut call);
        assert_eq!(call.sfu.stats().panics_contained, 0);
        for one in call.sfu.participant_stats() {
            assert_eq!(one.egress, Some(egress), "seed {}: {:?}", setup.seed, one.participant);
        }
        journals
    };
    let (reference, fast) = (told(EgressPath::Reference), told(EgressPath::Fast));
    let heard: usize = reference.values().map(Vec::len).sum();
    assert!(heard > 100, "seed {}: a story in which nothing is heard proves nothing", setup.seed);
    assert_eq!(reference.keys().collect::<Vec<_>>(), fast.keys().collect::<Vec<_>>());
    for (line, expected) in &reference {
        let found = &fast[line];
        for (n, (expected, found)) in expected.iter().zip(found).enumerate() {
            assert_eq!(expected, found, "seed {}: packet {n} on {line:?}", setup.seed);
        }
        assert_eq!(expected.len(), found.len(), "seed {}: {line:?}", setup.seed);
    }
}

/// People come and go, mute themselves, change address and talk over each other, some with RED.
fn stormy_call(call: &mut SimCall, seed: u64, conditions: Conditions) -> Journals {
    let mut dice = Dice::seeded(seed);
    let mut gone = Journals::new();
    let mut talking: Vec<&str> = Vec::new();
    for _ in 0..60 {
        let name = NAMES[dice.below(NAMES.len() as u64) as usize];
        let here = call.names().contains(&name);
        let roll = dice.below(10);
        if !here && roll < 6 {
            // Connecting is a matter of chance on a bad network, and not of the egress.
            call.net.conditions = Conditions::PERFECT;
            call.joins_with(name, dice.below(2) == 0, dice.below(4) == 0);
            call.connects();
            call.net.conditions = conditions;
        } else if here && roll == 0 {
            call.leaves(name);
            call.passes(millis(300));
            for (line, journal) in journals(call).into_iter().filter(|((who, _), _)| *who == name) {
                gone.entry(line).or_default().extend(journal);
            }
            call.vanishes(name);
            talking.retain(|talker| *talker != name);
        } else if here && roll < 3 {
            call.sets_media(name, dice.below(2) == 0, dice.below(4) == 0);
        } else if here && roll == 3 {
            // How soon somebody who has moved is found again is not the same on both ways; so it happens in silence.
            call.net.conditions = Conditions::PERFECT;
            call.passes(millis(500));
            call.is_given_a_new_address(name);
            call.passes(secs(8));
            call.net.conditions = conditions;
        } else if here && !talking.contains(&name) {
            talking.push(name);
        } else {
            talking.retain(|talker| *talker != name);
        }
        let levels: Vec<(&str, i8)> =
            talking.iter().map(|name| (*name, if dice.below(3) == 0 { -60 } else { LOUD })).collect();
        let time = millis(20 * dice.below(60));
        call.goes_on_speaking(&levels, time);
    }
    call.passes(secs(1));
    for (line, journal) in journals(call) {
        gone.entry(line).or_default().extend(journal);
    }
    gone
}

fn both_ways_say_the_same_in_storms() {
    for seed in 1..=6 {
        let setup = Setup { seed, slots: 3, ..Setup::default() };
        assert_both_ways_say_the_same(&setup, |call| stormy_call(call, seed, Conditions::PERFECT));
    }
}

fn both_ways_say_the_same_through_a_bad_network() {
    for seed in 11..=16 {
        let setup = Setup { seed, slots: 3, ..Setup::default() };
        assert_both_ways_say_the_same(&setup, |call| stormy_call(call, seed, Conditions::BAD));
    }
}

fn both_ways_say_the_same_with_every_cipher() {
    for cipher in [Cipher::Gcm128, Cipher::Gcm256] {
        let setup = Setup { seed: 21, slots: 2, cipher, ..Setup::default() };
        assert_both_ways_say_the_same(&setup, |call| stormy_call(call, 21, Conditions::PERFECT));
    }
}

fn both_ways_cross_the_rollover_and_let_late_people_start_before_it() {
    assert_both_ways_say_the_same(&Setup::default(), |call| {
        call.joins_with("ana", true, false);
        call.joins_with("ben", true, false);
        call.connects();
        // 65,536 packets of 20 ms, nearly.
        call.speaks("ana", secs(1_310));
        call.joins_with("cleo", false, false);
        call.connects();
        call.speaks("ana", secs(3));
        assert!(call.ear("ben").journal.last().unwrap().sequence > 65_536);
        assert_eq!(call.ear("cleo").journal.last().unwrap().sequence, 149);
        assert_eq!((call.ear("ben").missing(), call.ear("cleo").missing()), (0, 0));
        journals(call)
    });
}

fn red_goes_to_who_can_and_plain_to_who_cannot_on_both_ways() {
    assert_both_ways_say_the_same(&Setup::default(), |call| {
        for (name, red) in [("ana", true), ("ben", true), ("cleo", false)] {
            call.joins_with(name, red, false);
        }
        call.connects();
        call.speak(&[("ana", LOUD), ("cleo", LOUD)], secs(4));
        assert!(call.ear("ben").red > 100);
        assert_eq!(call.ear("cleo").red, 0);
        assert_eq!(call.packets_heard("cleo", "ana"), 200);
        journals(call)
    });
}

fn stats_of(call: &SimCall, name: &str) -> ParticipantStats {
    let all = call.sfu.participant_stats();
    all.into_iter().find(|stats| stats.participant == call.id(name)).unwrap()
}

fn who_has_no_aead_cipher_is_served_by_the_session() {
    let mut call = SimCall::new(Setup { cipher: Cipher::Cm, ..Setup::default() }).joined_by(["ana", "ben"]);
    call.speak(&[("ana", LOUD), ("ben", LOUD)], secs(20));
    assert_eq!(stats_of(&call, "ben").egress, Some(EgressPath::Reference));
    assert_eq!(call.packets_heard("ben", "ana"), 1_000);
    assert_eq!(call.ear("ben").missing(), 0);
    assert!(call.ear("ben").journal.last().unwrap().report.is_some());
}

/// Each report must say exactly how many packets and bytes had come before it on its line.
fn assert_reports_are_true(call: &SimCall, name: &str) -> usize {
    let mut sent: BTreeMap<usize, (u32, u32)> = BTreeMap::new();
    let mut last: BTreeMap<usize, &Utterance> = BTreeMap::new();
    let mut reports = 0;
    for utterance in &call.ear(name).journal {
        let before = last.insert(utterance.slot, utterance);
        let (packets, octets) = sent.entry(utterance.slot).or_default();
        if let (Some(before), Some(report)) = (before, utterance.report)
            && before.report != Some(report)
        {
            reports += 1;
            assert_eq!((report.packets, report.octets), (*packets, *octets), "{utterance:?}");
            let since_before = report.timestamp.wrapping_sub(before.timestamp);
            let until_this = utterance.timestamp.wrapping_sub(report.timestamp);
            assert!(since_before <= 960 && until_this <= 960, "{before:?} {utterance:?}");
        }
        *packets += 1;
        *octets += utterance.payload.len() as u32;
    }
    reports
}

fn reports_say_what_was_sent() {
    let mut call = SimCall::new(Setup::default());
    call.joins_with("ana", true, false);
    call.joins_with("ben", false, false);
    call.joins_with("cleo", true, false);
    call.connects();
    call.speak(&[("ana", LOUD), ("ben", LOUD)], secs(31));
    for name in ["ana", "ben", "cleo"] {
        assert_eq!(stats_of(&call, name).egress, Some(EgressPath::Fast));
        let slots = if name == "cleo" { 2 } else { 1 };
        let reports = assert_reports_are_true(&call, name);
        assert!((5 * slots..=8 * slots).contains(&reports), "{reports} reports to {name}");
    }
}

fn silence_is_not_reported_on() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.speaks("ana", secs(10));
    call.passes(secs(6));
    let reports = |call: &SimCall| {
        let wiretap = call.wiretap.as_ref().unwrap();
        let streams = wiretap.reports.iter().filter(|(ssrc, _)| wiretap.is_stream(**ssrc));
        streams.map(|(_, reports)| *reports).sum::<u64>()
    };
    let before = reports(&call);
    assert!(before >= 2);
    call.passes(secs(60));
    assert_eq!(reports(&call), before);
    call.leaves("ben");
    assert_eq!(reports(&call), before + 1, "goodbye");
}

fn what_listeners_report_is_read() {
    let mut call = SimCall::with(["ana", "ben"]);
    assert_eq!(stats_of(&call, "ben").reception, None);
    call.speaks("ana", secs(20));
    let good = stats_of(&call, "ben").reception.unwrap();
    assert_eq!((good.packets_lost, good.loss_per_mille), (0, 0));
    assert!(good.jitter < millis(1), "{good:?}");
    let round_trip = good.round_trip.unwrap();
    assert!(round_trip.abs_diff(millis(20)) < Duration::from_millis(2), "{round_trip:?}");

    call.net.conditions = Conditions { loss_per_mille: 200, ..Conditions::BAD };
    call.speaks("ana", secs(40));
    let bad = stats_of(&call, "ben").reception.unwrap();
    // A fifth is lost on the way in, and a fifth of the rest on the way out: 720 of 2,000.
    assert!((500..900).contains(&bad.packets_lost), "{bad:?}");
    assert!((200..600).contains(&bad.loss_per_mille), "{bad:?}");
    assert!(bad.jitter > millis(5) && bad.jitter < millis(100), "{bad:?}");
    assert!(bad.round_trip.unwrap() > millis(150), "{bad:?}");
}

fn how_sound_travels_is_told_when_it_changes() {
    let mut call = SimCall::with(["ana", "ben"]);
    let signals = |call: &SimCall, name: &str| -> Vec<u8> {
        let id = call.id(name);
        let told = call.events.iter().filter_map(|event| match event {
            Event::Signal { participant, signal, .. } if *participant == id => Some(signal.bars()),
            _ => None,
        });
        told.collect()
    };
    call.goes_on_speaking(&[("ana", LOUD), ("ben", LOUD)], secs(30));
    assert_eq!((signals(&call, "ana"), signals(&call, "ben")), (vec![4], vec![4]), "told once");
    let quality = call.sfu.participant_stats()[0].quality;
    assert_eq!((quality.up.lost_per_mille, quality.down.lost_per_mille), (Some(0), Some(0)));
    assert!(quality.round_trip.is_some_and(|time| time >= millis(20) && time < millis(40)), "{quality:?}");
    assert!((30..60).contains(&quality.up.kilobits_per_second), "{quality:?}");
    assert!((30..60).contains(&quality.down.kilobits_per_second), "{quality:?}");
    call.net.conditions.loss_per_mille = 100;
    call.goes_on_speaking(&[("ana", LOUD), ("ben", LOUD)], secs(30));
    let told = signals(&call, "ana");
    assert!(told.len() > 1 && told.last() < Some(&3), "{}{told:?}", call.context());
    let up = call.sfu.participant_stats()[0].quality.up.lost_per_mille.unwrap();
    assert!((30..200).contains(&up), "{}{up}", call.context());
    call.net.conditions.loss_per_mille = 0;
    call.goes_on_speaking(&[("ana", LOUD), ("ben", LOUD)], secs(60));
    assert_eq!(signals(&call, "ana").last(), Some(&4));
}

fn reports_sent_again_or_forged_change_nothing() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.speaks("ana", secs(12));
    let recorded: Vec<Vec<u8>> = call.overheard("ben");
    let is_report = |datagram: &&Vec<u8>| matches!(datagram[..], [128..=191, 192..=223, ..]);
    let old: Vec<Vec<u8>> = recorded.iter().filter(is_report).cloned().collect();
    assert!(!old.is_empty());
    call.speaks("ana", secs(12));
    let before = stats_of(&call, "ben").reception;
    assert!(before.is_some());
    let address = call.address("ben");
    for datagram in &old {
        call.receives_from(address, datagram);
        for at in 0..datagram.len() {
            let mut forged = datagram.clone();
            forged[at] ^= 1;
            call.receives_from(address, &forged);
        }
    }
    assert_eq!(stats_of(&call, "ben").reception, before);
    assert_eq!(call.sfu.stats().panics_contained, 0);
}

fn the_session_says_nothing_of_its_own() {
    let mut call = SimCall::with(["ana", "ben"]);
    call.speak(&[("ana", LOUD), ("ben", LOUD)], secs(30));
    let wiretap = call.wiretap.as_ref().unwrap();
    let (ours, others): (Vec<u32>, Vec<u32>) =
        wiretap.reports.keys().partition(|ssrc| wiretap.is_stream(**ssrc));
    assert_eq!(ours.len(), 2, "one stream to each");
    assert_eq!(others, [], "who is sent something is told of what he sends along with it");
    assert_eq!(wiretap.packets(), 3_000);
}
