//! Packets as a browser, a network and an enemy would bring them.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;
use crate::keys::{Key, SALT_LEN};
use crate::srtp::Stream as Sealing;

const OPUS: u8 = 111;
const SSRC: u32 = 0x1234_5678;
const FRAME: Duration = Duration::from_millis(20);
const LOUD: i8 = -25;
const QUIET: i8 = -90;

/// A speaker, and what takes in his packets.
struct Line {
    now: Instant,
    cipher: Cipher,
    sealing: Sealing,
    intake: Intake,
}

fn cipher() -> Cipher {
    Cipher::new(&Key { bytes: Zeroizing::new((0..16).collect()), salt: [7; SALT_LEN] }).unwrap()
}

impl Line {
    fn new() -> Line {
        let now = Instant::now();
        let codec = Codec { opus: OPUS, red: Some(63) };
        let terms = Terms { codec, level: Some(1), announced: None };
        Line {
            now,
            cipher: cipher(),
            sealing: Sealing::new(SSRC),
            intake: Intake::new(now, now, terms, cipher()),
        }
    }

    fn header(ssrc: u32, index: u64, level: i8) -> Vec<u8> {
        let mut packet = vec![0x90, OPUS];
        packet.extend((index as u16).to_be_bytes());
        packet.extend((index as u32).wrapping_mul(960).to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        packet.extend([0xbe, 0xde, 0, 1, 0x10, level.unsigned_abs(), 0, 0]);
        packet
    }

    fn sealed(&mut self, index: u64, level: i8, body: &[u8]) -> Vec<u8> {
        let packet = Line::header(self.sealing.ssrc(), index, level);
        self.seal(index, packet, body)
    }

    fn seal(&mut self, index: u64, mut packet: Vec<u8>, body: &[u8]) -> Vec<u8> {
        let header_len = packet.len();
        packet.extend(body);
        self.cipher.seal_rtp(&mut self.sealing, index, &mut packet, 0, header_len).unwrap();
        packet
    }

    fn take(&mut self, packet: &[u8], worth: Worth) -> Result<Taken, Refusal> {
        self.intake.take(self.now, packet, worth, Whence::His)
    }

    /// Says one packet and lets it arrive.
    fn says(&mut self, index: u64, level: i8, worth: Worth) -> Result<Taken, Refusal> {
        let packet = self.sealed(index, level, b"words");
        self.take(&packet, worth)
    }

    fn passes(&mut self, time: Duration) {
        self.now += time;
    }
}

fn refusal(result: Result<Taken, Refusal>) -> Option<Refusal> {
    result.err()
}

#[test]
fn a_genuine_packet_is_taken_as_it_was_said() {
    let mut line = Line::new();
    let taken = line.says(65_535, LOUD, Worth::Needed).unwrap();
    assert!(taken.newest);
    let expected = Packet {
        ssrc: SSRC,
        sequence: 65_535,
        timestamp: 65_535 * 960,
        marker: false,
        payload_type: OPUS,
        sound: Sound { level: Some(LOUD), voice: Some(false) },
        payload: Arc::from(&b"words"[..]),
    };
    assert_eq!(taken.packet, expected);
    let taken = line.says(65_536, LOUD, Worth::Needed).unwrap();
    assert_eq!((taken.packet.sequence, taken.newest), (65_536, true), "rolled over");
}

#[test]
fn nothing_is_taken_twice_and_only_the_newest_is_called_so() {
    let mut line = Line::new();
    let packets: Vec<Vec<u8>> = (0..100).map(|index| line.sealed(index, LOUD, b"words")).collect();
    assert!(line.take(&packets[50], Worth::Needed).unwrap().newest);
    assert!(!line.take(&packets[49], Worth::Needed).unwrap().newest, "overtaken");
    assert!(line.take(&packets[99], Worth::Needed).unwrap().newest);
    for index in [49, 50, 99] {
        assert_eq!(refusal(line.take(&packets[index], Worth::Needed)), Some(Refusal::Replayed), "{index}");
    }
    assert_eq!(refusal(line.take(&packets[35], Worth::Needed)), Some(Refusal::Replayed), "too old to tell");
    assert!(!line.take(&packets[36], Worth::Needed).unwrap().newest);
}

#[test]
fn padding_is_taken_off() {
    let mut line = Line::new();
    let padded = |index| {
        let mut header = Line::header(SSRC, index, LOUD);
        header[0] |= 0x20;
        header
    };
    let packet = line.seal(0, padded(0), b"words\0\0\x03");
    assert_eq!(&line.take(&packet, Worth::Needed).unwrap().packet.payload[..], b"words");
    let packet = line.seal(1, padded(1), b"words\x09");
    assert_eq!(refusal(line.take(&packet, Worth::Needed)), Some(Refusal::Malformed));
}

#[test]
fn one_wrong_bit_anywhere_and_it_is_not_taken() {
    let mut line = Line::new();
    line.says(0, LOUD, Worth::Needed).unwrap();
    let packet = line.sealed(1, LOUD, b"words");
    for bit in 0..packet.len() * 8 {
        line.passes(secs(2));
        let mut forged = packet.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        assert!(line.take(&forged, Worth::Needed).is_err(), "bit {bit}");
    }
    for len in 0..packet.len() {
        line.passes(secs(2));
        assert!(line.take(&packet[..len], Worth::Needed).is_err(), "length {len}");
    }
    assert!(line.take(&packet, Worth::Needed).unwrap().newest, "and none of it has moved anything");
}

#[test]
fn only_what_was_agreed_on_is_taken() {
    let mut line = Line::new();
    let mut header = Line::header(SSRC, 0, LOUD);
    header[1] = 96;
    let packet = line.seal(0, header, b"words");
    assert_eq!(refusal(line.take(&packet, Worth::Needed)), Some(Refusal::Foreign));
    for ssrc in 1..=6 {
        line.sealing = Sealing::new(ssrc);
        let result = refusal(line.says(0, LOUD, Worth::Needed));
        let expected = (ssrc > STREAMS_MAX as u32).then_some(Refusal::Foreign);
        assert_eq!(result, expected, "stream {ssrc}");
    }
}

#[test]
fn the_quiet_without_a_slot_are_opened_once_a_second() {
    let mut line = Line::new();
    let (mut taken, mut unheard) = (0, 0);
    for index in 0..500 {
        match line.says(index, QUIET, Worth::Loud) {
            Ok(_) => taken += 1,
            Err(refusal) => {
                assert_eq!(refusal, Refusal::Unheard);
                unheard += 1;
            }
        }
        line.passes(FRAME);
    }
    // Half a second to be sure that it is quiet, then one a second.
    assert_eq!((taken, unheard), (25 + 9, 466));
    let report = line.intake.reports().next().unwrap();
    assert_eq!((report.fraction_lost, report.lost, report.highest), (0, 0, 499), "nothing is lost");
}

#[test]
fn who_raises_his_voice_is_opened_at_once() {
    let mut line = Line::new();
    for index in 0..100 {
        let _ = line.says(index, QUIET, Worth::Loud);
        line.passes(FRAME);
    }
    assert_eq!(refusal(line.says(100, CANDIDATE - 1, Worth::Loud)), Some(Refusal::Unheard));
    assert!(line.says(101, CANDIDATE, Worth::Loud).is_ok());
    assert!(line.says(102, QUIET, Worth::Loud).is_ok(), "the pause between two words");
}

#[test]
fn the_muted_are_not_opened_however_loud_but_for_a_sample() {
    let mut line = Line::new();
    let taken = (0..500).filter(|index| {
        line.passes(FRAME);
        line.says(*index, LOUD, Worth::Nothing).is_ok()
    });
    assert_eq!(taken.count(), 10);
}

#[test]
fn who_gives_no_level_is_always_opened() {
    let mut line = Line::new();
    for index in 0..200 {
        let mut header = Line::header(SSRC, index, QUIET);
        header[16..18].fill(0);
        let packet = line.seal(index, header, b"words");
        assert!(line.take(&packet, Worth::Loud).is_ok());
        line.passes(FRAME);
    }
}

#[test]
fn whoever_runs_far_ahead_is_opened_before_his_rollover_is_lost() {
    let mut line = Line::new();
    let mut taken = Vec::new();
    // Ten packets a millisecond, half of them lost: the rollover passes many times within the second.
    for index in (0..300_000).step_by(2) {
        line.passes(Duration::from_micros(100));
        if let Ok(found) = line.says(index, QUIET, Worth::Nothing) {
            assert_eq!(found.packet.sequence, index);
            taken.push(index);
        }
    }
    assert!(taken.windows(2).all(|pair| pair[1] - pair[0] <= UNOPENED_MAX + 2), "{taken:?}");
}

#[test]
fn wrong_seals_are_tried_up_to_a_bound_and_do_not_keep_the_genuine_out() {
    let mut line = Line::new();
    line.says(0, LOUD, Worth::Needed).unwrap();
    let (mut forged, mut suspect, mut genuine) = (0, 0, 0);
    // 10,000 a second for five seconds: strangers, recordings, and 50 genuine packets a second.
    for n in 0..50_000u64 {
        line.passes(Duration::from_micros(100));
        let ssrc = if n % 2 == 0 { n as u32 } else { SSRC };
        let mut packet = Line::header(ssrc, 5_000 + n % 20_000, LOUD);
        packet.extend([0x55; 40]);
        match line.take(&packet, Worth::Needed) {
            Err(Refusal::Forged) => forged += 1,
            Err(Refusal::Suspect) => suspect += 1,
            other => panic!("{other:?}"),
        }
        if n % 200 == 0 {
            genuine += u64::from(line.says(1 + n / 200, LOUD, Worth::Needed).is_ok());
        }
    }
    assert_eq!(genuine, 250, "not one is missing");
    assert_eq!(forged + suspect, 50_000);
    assert!((500..=720).contains(&forged), "{forged} were tried");
}

#[test]
fn who_reads_along_makes_us_miss_a_part_at_most_and_costs_no_more_than_his_bound() {
    let mut line = Line::new();
    line.says(0, LOUD, Worth::Needed).unwrap();
    let (mut forged, mut genuine) = (0, 0);
    for n in 0..50_000u64 {
        line.passes(Duration::from_micros(100));
        let mut packet = Line::header(SSRC, 2 + n / 200, LOUD);
        packet.extend([0x55; 40]);
        forged += u64::from(matches!(line.take(&packet, Worth::Needed), Err(Refusal::Forged)));
        if n % 200 == 0 {
            genuine += u64::from(line.says(1 + n / 200, LOUD, Worth::Needed).is_ok());
        }
    }
    assert!(genuine >= 100, "{genuine} of 250");
    assert!((20_000..=27_000).contains(&forged), "{forged} were tried");
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

proptest! {
    /// Any bytes at all: no panic, and nothing is taken.
    #[test]
    fn any_datagram(mut packet in prop::collection::vec(any::<u8>(), 0..1_600), plausible: bool) {
        let mut line = Line::new();
        line.says(0, LOUD, Worth::Needed).unwrap();
        if plausible {
            for (byte, given) in packet.iter_mut().zip(Line::header(SSRC, 1, LOUD)) {
                *byte = given;
            }
        }
        for worth in [Worth::Needed, Worth::Loud, Worth::Nothing] {
            prop_assert!(line.take(&packet, worth).is_err());
        }
    }

    /// However packets are lost, doubled and shuffled: each is taken once at most, as what it is; and what
    /// is neither late nor a copy is taken.
    #[test]
    fn any_network(
        start in 0u64..65_536,
        steps in prop::collection::vec((0u64..40, 0u64..80, any::<bool>()), 1..400),
    ) {
        let mut line = Line::new();
        let all = start + 40 * 400;
        let mut sealed = std::collections::HashMap::new();
        let (mut newest, mut seen) = (None, std::collections::HashSet::new());
        let mut head = start;
        for (step, back, twice) in steps {
            head += step;
            // The first that comes tells which turn of the numbers it is in; one of the next turn could not be known.
            let index = if newest.is_none() { start } else { head.saturating_sub(back).clamp(start, all) };
            let packet = sealed.entry(index).or_insert_with(|| {
                // A stream seals in order; what is overtaken here was sealed long ago.
                line.sealing = Sealing::new(SSRC);
                line.sealed(index, LOUD, &index.to_be_bytes())
            });
            for _ in 0..=u8::from(twice) {
                let in_time = newest.is_none_or(|newest| index + 64 > newest);
                let expected = in_time && !seen.contains(&index);
                let result = line.intake.take(line.now, packet, Worth::Needed, Whence::His);
                prop_assert_eq!(result.is_ok(), expected, "{} after {:?}", index, newest);
                if let Ok(taken) = result {
                    prop_assert_eq!(&taken.packet.payload[..], index.to_be_bytes());
                    prop_assert_eq!(taken.newest, newest.is_none_or(|newest| index > newest));
                    seen.insert(index);
                    newest = newest.max(Some(index));
                }
            }
        }
    }
}
