use std::ops::Range;

use crate::support::{LOUD, Setup, SimCall, millis, secs};

stories! {
    a_whisper_is_heard_by_exactly_those_it_is_for,
    a_whisper_does_not_look_lost_to_the_others,
    whoever_comes_back_or_later_is_not_whispered_to,
    nothing_whispered_is_carried_into_the_room_and_nothing_of_the_room_into_a_whisper,
    what_was_kept_of_a_whisper_is_not_said_to_the_room_and_the_other_way_round,
    what_comes_late_of_a_whisper_is_said_to_nobody,
    speech_begins_anew_with_a_whisper_and_after_it,
    a_whisper_to_nobody_there_is_heard_by_nobody,
    whoever_has_priority_keeps_the_slot_and_gets_one_at_once,
    without_priority_any_more_one_is_as_all_others,
}

const ALL: [&str; 6] = ["ana", "ben", "cleo", "dora", "emil", "fred"];

/// Who hears a packet or more of somebody.
fn hearing(call: &SimCall, speaker: &str) -> Vec<&'static str> {
    let heard = |name: &&str| call.packets_heard(name, speaker) > 0;
    call.names().into_iter().filter(heard).collect()
}

/// Whether any of these words, by their numbers, came to somebody: by themselves or inside another packet.
fn got_any(call: &SimCall, listener: &str, speaker: &str, words: Range<u32>) -> bool {
    let of = call.id(speaker).0.to_be_bytes();
    let journal = &call.ear(listener).journal;
    words.into_iter().any(|number| {
        let word: Vec<u8> = of.into_iter().chain(number.to_be_bytes()).collect();
        journal.iter().any(|said| said.payload.windows(word.len()).any(|part| part == word))
    })
}

fn a_whisper_is_heard_by_exactly_those_it_is_for() {
    let mut call = SimCall::with(ALL);
    call.goes_on_speaking(&[("ana", LOUD)], secs(1));
    call.whispers_to("ana", &["ben", "emil"]);
    call.speaks("ana", secs(1));
    assert_eq!(hearing(&call, "ana"), ["ben", "emil"]);
    // All but the first packet, which may carry what was said before it.
    assert_eq!((call.packets_heard("ben", "ana"), call.packets_heard("emil", "ana")), (49, 49));
    call.whispers_to("ana", &["fred"]);
    call.speak(&[("ana", LOUD), ("cleo", LOUD)], secs(1));
    assert_eq!(hearing(&call, "ana"), ["fred"]);
    assert_eq!(hearing(&call, "cleo"), ["ana", "ben", "dora", "emil", "fred"]);
    call.whispers_to("ana", &[]);
    call.speaks("ana", secs(1));
    assert_eq!(hearing(&call, "ana"), ["ben", "cleo", "dora", "emil", "fred"]);
}

fn a_whisper_does_not_look_lost_to_the_others() {
    let mut call = SimCall::with(ALL);
    for _ in 0..3 {
        call.whispers_to("ana", &["ben"]);
        call.speaks("ana", millis(700));
        call.whispers_to("ana", &[]);
        call.speaks("ana", millis(700));
    }
    for name in &ALL[1..] {
        assert_eq!(call.ear(name).missing(), 0, "{name}");
    }
}

fn whoever_comes_back_or_later_is_not_whispered_to() {
    let mut call = SimCall::with(["ana", "ben", "cleo"]);
    call.whispers_to("ana", &["ben"]);
    call.speaks("ana", millis(500));
    call.leaves("ben");
    call.vanishes("ben");
    for name in ["ben", "dora"] {
        call.joins(name);
    }
    call.connects();
    call.speaks("ana", secs(1));
    assert!(hearing(&call, "ana").is_empty());
}

fn nothing_whispered_is_carried_into_the_room_and_nothing_of_the_room_into_a_whisper() {
    let mut call = SimCall::new(Setup::default());
    for name in ["ana", "ben", "cleo"] {
        call.joins_with(name, true, false);
    }
    call.connects();
    call.goes_on_speaking(&[("ana", LOUD)], secs(1));
    assert!(call.ear("ben").red > 0, "there is redundancy to be careful with");
    for _ in 0..4 {
        let before = call.spoken("ana") + 1;
        call.whispers_to("ana", &["ben"]);
        call.goes_on_speaking(&[("ana", LOUD)], millis(600));
        call.whispers_to("ana", &[]);
        let end = call.spoken("ana") + 1;
        call.goes_on_speaking(&[("ana", LOUD)], millis(600));
        assert!(got_any(&call, "ben", "ana", before..end));
        assert!(!got_any(&call, "cleo", "ana", before..end), "cleo got something whispered");
    }
    let red_before = call.ear("cleo").red;
    call.speaks("ana", secs(1));
    assert!(call.ear("cleo").red > red_before, "redundancy comes back");
}

fn what_was_kept_of_a_whisper_is_not_said_to_the_room_and_the_other_way_round() {
    // Two slots, both taken: what Ana says is kept for the moment in which she gets one.
    let mut call = SimCall::new(Setup { slots: 2, ..Setup::default() }).joined_by(ALL);
    call.goes_on_speaking(&[("ben", LOUD), ("cleo", LOUD)], secs(2));
    let talk = [("ben", LOUD), ("cleo", LOUD), ("ana", -45)];
    call.whispers_to("ana", &["dora"]);
    let from = call.spoken("ana") + 1;
    call.goes_on_speaking(&talk, millis(300));
    call.whispers_to("ana", &[]);
    let to = call.spoken("ana") + 1;
    call.goes_on_speaking(&[("ana", LOUD)], secs(2));
    for name in ["ben", "cleo", "dora", "emil", "fred"] {
        assert!(call.packets_heard(name, "ana") > 0);
        assert!(name == "dora" || !got_any(&call, name, "ana", from..to), "{name}");
    }
    // The other way round: what the room did not get yet, nobody gets alone.
    call.goes_on_speaking(&[("ben", LOUD), ("cleo", LOUD)], secs(3));
    let from = call.spoken("ana") + 1;
    call.goes_on_speaking(&talk, millis(300));
    let to = call.spoken("ana") + 1;
    call.whispers_to("ana", &["dora"]);
    call.goes_on_speaking(&[("ana", LOUD)], secs(2));
    let told = |name| got_any(&call, name, "ana", from..to);
    assert_eq!(told("dora"), told("emil"));
}

fn what_comes_late_of_a_whisper_is_said_to_nobody() {
    let mut call = SimCall::with(["ana", "ben", "cleo"]);
    let says = |call: &mut SimCall, number: u32| {
        let (now, id) = (call.now, call.id("ana").0);
        let mut words = id.to_be_bytes().to_vec();
        words.extend(number.to_be_bytes());
        words.resize(80, 0x55);
        call.peer("ana").send_crafted(now, number.into(), number * 960, false, &words);
        call.flush();
        call.passes(millis(20));
    };
    (1_000..1_040).for_each(|number| says(&mut call, number));
    call.whispers_to("ana", &["ben"]);
    // The one before the last is overtaken on the way.
    (1_040..1_060).chain([1_061]).for_each(|number| says(&mut call, number));
    call.whispers_to("ana", &[]);
    for number in [1_060, 1_062, 1_063, 1_064] {
        says(&mut call, number);
    }
    call.passes(millis(100));
    let got = |name, words| got_any(&call, name, "ana", words);
    assert!(got("ben", 1_041..1_042) && got("ben", 1_061..1_062) && got("cleo", 1_063..1_064));
    assert!(!got("cleo", 1_040..1_063), "something of the whisper, or the packet that may carry some");
    assert!(!got("ben", 1_060..1_061), "what was late is for nobody");
}

fn speech_begins_anew_with_a_whisper_and_after_it() {
    let mut call = SimCall::with(["ana", "ben", "cleo"]);
    call.goes_on_speaking(&[("ana", LOUD)], secs(1));
    let ana = call.id("ana");
    assert_eq!(call.speakers(), [ana]);
    for others in [&["ben"][..], &[]] {
        call.events.clear();
        call.whispers_to("ana", others);
        call.goes_on_speaking(&[("ana", LOUD)], millis(500));
        let told: Vec<Vec<_>> = call.events.iter().filter_map(speakers_of).collect();
        assert_eq!(told, [vec![], vec![ana]], "to {others:?}");
    }
}

fn speakers_of(event: &sfu::Event) -> Option<Vec<sfu::ParticipantId>> {
    match event {
        sfu::Event::Speakers { speakers, .. } => Some(speakers.clone()),
        _ => None,
    }
}

fn a_whisper_to_nobody_there_is_heard_by_nobody() {
    let mut call = SimCall::with(["ana", "ben", "cleo"]);
    let (ana, now) = (call.id("ana"), call.now);
    call.sfu.set_audience(now, ana, sfu::Audience::Only([sfu::ParticipantId(99)].into()));
    call.speaks("ana", secs(1));
    assert!(hearing(&call, "ana").is_empty());
}

fn whoever_has_priority_keeps_the_slot_and_gets_one_at_once() {
    let mut call = SimCall::new(Setup { slots: 2, ..Setup::default() }).joined_by(ALL);
    let crowd = [("ben", LOUD), ("cleo", LOUD), ("dora", LOUD), ("emil", LOUD)];
    call.goes_on_speaking(&crowd, secs(2));
    call.has_priority("ana", true);
    // Softer than all of them, and longer than anybody's turn.
    let all: Vec<_> = crowd.into_iter().chain([("ana", -40)]).collect();
    call.speak(&all, secs(30));
    assert_eq!(call.packets_heard("fred", "ana"), 1_500);
}

fn without_priority_any_more_one_is_as_all_others() {
    let mut call = SimCall::new(Setup { slots: 1, ..Setup::default() }).joined_by(["ana", "ben", "cleo"]);
    call.has_priority("ana", true);
    call.goes_on_speaking(&[("ana", LOUD), ("ben", LOUD)], secs(12));
    call.has_priority("ana", false);
    call.speak(&[("ana", LOUD), ("ben", LOUD)], secs(12));
    assert!(call.packets_heard("cleo", "ben") > 0, "her turn is over as anybody's");
}
