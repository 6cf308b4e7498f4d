//! The track a participant publishes: from a decrypted packet to a frame that may be forwarded.
//!
//! Damps floods, finds in RED what was lost on the way here, and keeps the last moment of someone who has no
//! slot, so that his first syllable is not lost when he gets one. Knows nothing of slots and listeners.
//! Start at [`Track::frame`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use crate::audience::{At, Audience, Border, Share};
use crate::bucket::Bucket;
use crate::forwarder::{Codec, Frame, Sound};
use crate::id::ParticipantId;
use crate::intake::Packet;
use crate::red::Red;
use crate::timeline::Source;

/// Audio packets per second. Frames of 10 ms make 100; what is far beyond is no microphone.
const PACKETS_PER_SECOND: f32 = 150.0;
const PACKETS_BURST: f32 = 100.0;

/// Packets kept of someone without a slot: 100 ms, a little more than speech needs to be recognised.
const HELD_BACK: usize = 5;

/// What one participant says.
#[derive(Debug)]
pub(crate) struct Track {
    speaker: ParticipantId,
    codec: Codec,
    packets: Bucket,
    held_back: VecDeque<Frame>,
    /// See [`Source::turn`].
    turn: u32,
    /// Whether a packet has been withheld since the last one that was forwarded.
    gap: bool,
    known: Option<Known>,
    /// For whom what comes now is.
    audience: Audience,
    border: Border,
}

/// Which packets of a stream have been taken, as such or out of later ones.
#[derive(Clone, Copy, Debug)]
struct Known {
    stream: u32,
    newest: u64,
    /// Bit `n`: that of number `newest - n` is known, or not to be known any more.
    taken: u64,
}

/// What is in one packet.
#[derive(Debug)]
pub(crate) struct Frames {
    /// What was lost before it, oldest first.
    pub(crate) recovered: Vec<Frame>,
    /// What it is about; `None` if a later one has brought that already.
    pub(crate) newest: Option<Frame>,
    pub(crate) sound: Sound,
    pub(crate) len: usize,
}

/// Why a packet is no frame to forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Its RED does not hold together.
    BadRed,
    /// It was said to somebody else, or may repeat what was.
    ForOthers,
}

impl Track {
    pub(crate) fn new(now: Instant, speaker: ParticipantId, codec: Codec) -> Track {
        Track {
            speaker,
            codec,
            packets: Bucket::new(now, PACKETS_PER_SECOND, PACKETS_BURST),
            held_back: VecDeque::new(),
            turn: 0,
            gap: false,
            known: None,
            audience: Audience::Room,
            border: Border::default(),
        }
    }

    /// Speaks to these from now on. Whether that is a change. Nothing that was kept is for them.
    pub(crate) fn address(&mut self, audience: Audience) -> bool {
        if self.audience == audience {
            return false;
        }
        self.audience = audience;
        self.border.draw();
        self.withhold();
        true
    }

    /// Whether another packet may come now. To be asked before one is opened, so that a flood costs no
    /// more than this.
    pub(crate) fn has_room(&mut self, now: Instant) -> bool {
        self.packets.would_yield(now)
    }

    /// A genuine packet has come. Only these count: nobody else can make it look like a flood. Whether it
    /// is within bounds.
    pub(crate) fn count(&mut self, now: Instant) -> bool {
        self.packets.take(now)
    }

    /// Takes a packet as the frames to forward.
    pub(crate) fn frames(&mut self, packet: Packet) -> Result<Frames, Unfit> {
        let Packet { ssrc: stream, sequence, timestamp, marker, payload_type, sound, payload } = packet;
        let share = self.border.judge(At { stream, sequence, timestamp });
        if share == Share::None {
            return Err(Unfit::ForOthers);
        }
        let audience = self.audience.clone();
        let source = Source { speaker: self.speaker.0, stream, turn: self.turn };
        let frame = |sequence, timestamp, marker, payload| Frame {
            source,
            sequence,
            timestamp,
            marker,
            sound,
            payload,
            audience: audience.clone(),
        };
        let mut recovered = Vec::new();
        let payload = if self.codec.red == Some(payload_type) {
            let red = Red::parse(&payload, self.codec.opus).ok_or(Unfit::BadRed)?;
            let blocks = red.blocks();
            let count = blocks.len() as u64;
            for (n, block) in blocks.enumerate() {
                // Each block is one packet; so the last one is that before this.
                let before = count - n as u64;
                let carries = share == Share::Whole && block.offset > 0 && !block.contents.is_empty();
                if carries && before <= sequence && self.is_missing(stream, sequence - before) {
                    let (sequence, timestamp) = (sequence - before, timestamp.wrapping_sub(block.offset));
                    recovered.push(frame(sequence, timestamp, false, Arc::from(block.contents)));
                }
            }
            Arc::from(red.primary())
        } else {
            payload
        };
        for frame in &recovered {
            self.note(stream, frame.sequence);
        }
        let new = self.note(stream, sequence);
        let len = payload.len();
        let newest = new.then(|| frame(sequence, timestamp, marker, payload));
        Ok(Frames { recovered, newest, sound, len })
    }

    /// Whether a packet before the newest may still come, and has not.
    fn is_missing(&self, stream: u32, sequence: u64) -> bool {
        let Some(known) = self.known.filter(|known| known.stream == stream) else { return false };
        match known.newest.checked_sub(sequence) {
            Some(back @ 0..64) => known.taken >> back & 1 == 0,
            Some(_) => false,
            None => true,
        }
    }

    /// Whether a packet is new. Of what came before the first one, or while nothing was to be heard, nothing is
    /// missing.
    fn note(&mut self, stream: u32, sequence: u64) -> bool {
        let Some(known) = self.known.as_mut().filter(|known| known.stream == stream) else {
            self.known = Some(Known { stream, newest: sequence, taken: u64::MAX });
            return true;
        };
        if let Some(ahead) = sequence.checked_sub(known.newest).filter(|ahead| *ahead > 0) {
            known.taken = if ahead < 64 { known.taken << ahead | 1 } else { 1 };
            known.newest = sequence;
            return true;
        }
        let back = known.newest - sequence;
        // What is so late is not kept account of; the slot's line does.
        if back >= 64 {
            return true;
        }
        let new = known.taken >> back & 1 == 0;
        known.taken |= 1 << back;
        new
    }

    /// Keeps a frame of someone without a slot for a moment.
    pub(crate) fn hold_back(&mut self, frame: Frame) {
        if self.held_back.len() == HELD_BACK {
            self.held_back.pop_front();
            self.gap = true;
        }
        self.held_back.push_back(frame);
    }

    /// The frames to send now that there is a slot: what was kept, then the newest, if one came.
    pub(crate) fn release(&mut self, newest: Option<Frame>) -> impl Iterator<Item = Frame> + use<> {
        if self.gap {
            self.gap = false;
            self.turn = self.turn.wrapping_add(1);
        }
        let turn = self.turn;
        let frames = std::mem::take(&mut self.held_back).into_iter().chain(newest);
        frames.map(move |mut frame| {
            frame.source.turn = turn;
            frame
        })
    }

    /// A packet may not be heard, and nothing that was kept may be heard any more.
    pub(crate) fn withhold(&mut self) {
        self.held_back.clear();
        self.gap = true;
        self.known = None;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::red::{Block, packed};

    fn track() -> Track {
        Track::new(Instant::now(), ParticipantId(1), Codec { opus: 111, red: Some(63) })
    }

    /// A packet that says its number and repeats so many before it.
    fn packet(sequence: u64, copies: u64) -> Packet {
        let words = |sequence: u64| sequence.to_be_bytes();
        let before: Vec<_> = (1..=copies).map(|n| (960 * n as u32, words(sequence - n))).collect();
        let blocks = before.iter().map(|(offset, words)| Block { offset: *offset, contents: words });
        let packed = packed(111, &words(sequence), blocks);
        Packet {
            ssrc: 7,
            sequence,
            timestamp: 960 * sequence as u32,
            marker: false,
            payload_type: if packed.is_some() { 63 } else { 111 },
            sound: Sound::default(),
            payload: packed.unwrap_or_else(|| Arc::from(words(sequence))),
        }
    }

    /// The numbers of what is forwarded, each of which says what it is.
    fn taken(track: &mut Track, packet: Packet) -> Vec<u64> {
        let Frames { recovered, newest, .. } = track.frames(packet).unwrap();
        let frames = recovered.into_iter().chain(newest);
        let check = |frame: Frame| {
            assert_eq!(frame.payload[..], frame.sequence.to_be_bytes());
            assert_eq!(frame.timestamp, 960 * frame.sequence as u32);
            frame.sequence
        };
        frames.map(check).collect()
    }

    #[test]
    fn what_was_lost_is_found_in_what_came_after() {
        let mut track = track();
        assert_eq!(taken(&mut track, packet(100, 2)), [100], "what was before the first was not lost");
        assert_eq!(taken(&mut track, packet(102, 1)), [101, 102]);
        assert_eq!(taken(&mut track, packet(106, 2)), [104, 105, 106]);
        assert_eq!(taken(&mut track, packet(103, 2)), [103], "late, and new");
        assert_eq!(taken(&mut track, packet(105, 2)), [0; 0], "late, and found before");
        assert_eq!(taken(&mut track, packet(107, 0)), [107]);
    }

    #[test]
    fn nothing_is_found_of_what_was_said_while_muted() {
        let mut track = track();
        taken(&mut track, packet(100, 1));
        track.withhold();
        assert_eq!(taken(&mut track, packet(103, 2)), [103]);
        assert_eq!(taken(&mut track, packet(105, 2)), [104, 105]);
    }
}
