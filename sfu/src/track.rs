//! The track a participant publishes: from a decrypted packet to a frame that may be forwarded.
//!
//! Damps floods, refuses RED that does not hold together, and keeps the last moment of someone who has no
//! slot, so that his first syllable is not lost when he gets one. Knows nothing of slots and listeners.
//! Start at [`Track::frame`].

use std::collections::VecDeque;
use std::time::Instant;

use crate::bucket::Bucket;
use crate::forwarder::{Codec, Encoding, Frame};
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
}

/// A RED payload that does not hold together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadRed;

impl Track {
    pub(crate) fn new(now: Instant, speaker: ParticipantId, codec: Codec) -> Track {
        Track {
            speaker,
            codec,
            packets: Bucket::new(now, PACKETS_PER_SECOND, PACKETS_BURST),
            held_back: VecDeque::new(),
            turn: 0,
            gap: false,
        }
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

    /// Takes a packet as a frame to forward.
    pub(crate) fn frame(&mut self, packet: Packet) -> Result<Frame, BadRed> {
        let encoding = if self.codec.red == Some(packet.payload_type) {
            let opus = self.codec.opus;
            Red::parse(&packet.payload, opus).ok_or(BadRed)?;
            Encoding::Red { opus }
        } else {
            Encoding::Opus
        };
        Ok(Frame {
            source: Source { speaker: self.speaker.0, stream: packet.ssrc, turn: self.turn },
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            marker: packet.marker,
            sound: packet.sound,
            payload: packet.payload,
            encoding,
        })
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
    }
}
