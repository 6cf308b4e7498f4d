//! What one person has heard, and the promises that are checked on every packet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sfu_peer::{Packet, Report};

/// One person's ears.
#[derive(Debug, Default)]
pub struct Ear {
    /// Who was heard since the last [`Ear::clear`], and how many packets of each.
    pub heard: BTreeMap<u32, u64>,
    /// Everything that was heard since the beginning, in order.
    pub journal: Vec<Utterance>,
    lines: BTreeMap<usize, Line>,
    /// Packets missing from all lines since the beginning.
    pub packets: u64,
    pub red: u64,
}

/// One packet, without what differs from call to call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Utterance {
    pub slot: usize,
    pub sequence: u64,
    pub timestamp: u32,
    pub marker: bool,
    pub speaker: u32,
    pub level: Option<i8>,
    pub red: bool,
    pub payload: Arc<[u8]>,
    pub report: Option<Report>,
}

/// What was heard in one slot.
#[derive(Debug, Default)]
struct Line {
    ssrc: u32,
    timestamps: BTreeMap<u64, u32>,
    highest: u64,
    sequences: BTreeSet<u64>,
}

/// Our speech is always so long.
pub const WORDS_LEN: usize = 80;

impl Utterance {
    /// What it says, after what it repeats.
    pub fn words(&self) -> impl Iterator<Item = &[u8]> {
        let blocks = if self.red { self.payload.len() / (WORDS_LEN + 1) } else { 1 };
        let start = self.payload.len().saturating_sub(blocks * WORDS_LEN);
        self.payload[start..].chunks(WORDS_LEN.min(self.payload.len()).max(1))
    }
}

impl Ear {
    /// Which of somebody's packets were heard since the beginning, as such or repeated by another: their numbers.
    pub fn understood(&self, speaker: u32) -> BTreeSet<u32> {
        let words = self.journal.iter().flat_map(Utterance::words);
        let his = words.filter(|words| words.starts_with(&speaker.to_be_bytes()));
        his.map(|words| u32::from_be_bytes(words[4..8].try_into().unwrap())).collect()
    }

    pub fn clear(&mut self) {
        self.heard.clear();
    }

    /// Takes a packet in. Panics when it breaks a promise that holds always.
    pub fn hear(&mut self, me: u32, packet: &Packet, spoken: &[u8]) {
        let speaker = packet.speaker.expect("every packet names its speaker");
        assert_ne!(speaker, me, "nobody hears himself");
        assert_eq!(spoken[..4], speaker.to_be_bytes(), "words stay with their speaker");
        *self.heard.entry(speaker).or_default() += 1;
        self.packets += 1;
        self.red += u64::from(packet.red);
        self.journal.push(Utterance {
            slot: packet.slot,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            marker: packet.marker,
            speaker,
            level: packet.level,
            red: packet.red,
            payload: Arc::clone(&packet.payload),
            report: packet.report,
        });

        let line = self.lines.entry(packet.slot).or_default();
        if line.sequences.is_empty() {
            assert!(packet.sequence < 1_000, "a new line starts without a rollover: {}", packet.sequence);
            line.ssrc = packet.ssrc;
        }
        assert_eq!(line.ssrc, packet.ssrc, "a slot never changes its stream");
        assert!(line.sequences.insert(packet.sequence), "no number is used twice");
        let before = line.timestamps.range(..packet.sequence).next_back();
        let after = line.timestamps.range(packet.sequence..).next();
        if let Some((_, before)) = before {
            let step = packet.timestamp.wrapping_sub(*before);
            assert!((1..1 << 31).contains(&step), "timestamps only grow");
        }
        if let Some((_, after)) = after {
            let step = after.wrapping_sub(packet.timestamp);
            assert!((1..1 << 31).contains(&step), "timestamps only grow");
        }
        line.timestamps.insert(packet.sequence, packet.timestamp);
        line.highest = line.highest.max(packet.sequence);
        // What is far behind is of no interest any more, and an hour is long.
        if line.timestamps.len() > 1_000 {
            line.timestamps.pop_first();
        }
    }

    /// Numbers that were left out on any line: what the network lost, and nothing else.
    pub fn missing(&self) -> u64 {
        self.lines.values().map(|line| line.highest + 1 - line.sequences.len() as u64).sum()
    }
}
