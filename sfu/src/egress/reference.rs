//! The way through the listener's own session, which encrypts and reports.
//!
//! It costs some microseconds a packet, most of them for looking through everything a session might have
//! to do. It must never know keys. Start at [`Reference::send`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::Rtc;
use str0m::rtp::{ExtensionValues, RtpWrite, Ssrc};

use super::Plan;
use crate::forwarder::{Codec, Line, Outgoing};
use crate::id::SlotIndex;
use crate::protection::Protection;

/// A listener's slots, as streams of his session.
#[derive(Debug)]
pub(crate) struct Reference {
    codec: Codec,
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    stream: Ssrc,
    cname: String,
    line: Line,
}

impl Reference {
    /// The streams must be declared in the session.
    pub(super) fn new(rtc: &mut Rtc, plan: &Plan) -> Reference {
        let mut slots = Vec::with_capacity(plan.lines.len());
        for line in &plan.lines {
            if let Some(stream) = rtc.direct_api().stream_tx(&line.ssrc) {
                // Voice is never sent again: what is late is useless, and RED carries the redundancy.
                stream.set_rtx_cache(0, Duration::ZERO, None);
            }
            slots.push(Slot { stream: line.ssrc, cname: line.cname.clone(), line: Line::default() });
        }
        Reference { codec: plan.codec, slots }
    }

    /// Number and name of each stream, in order of slot.
    pub(super) fn lines(&self) -> Vec<(u32, String)> {
        self.slots.iter().map(|slot| (*slot.stream, slot.cname.clone())).collect()
    }

    /// Queues a packet in the listener's session. Nothing leaves before the session is driven.
    pub(super) fn send(&mut self, rtc: &mut Rtc, now: Instant, packet: &mut Outgoing) -> Option<()> {
        let slot = self.slots.get_mut(packet.slot.index())?;
        let (sequence, resumed) = slot.line.number(packet.sequence)?;
        // What he loses only his session knows; so it is as for one of whom nothing is known.
        let distance = if resumed { 0 } else { Protection::new().distance() };
        let (payload_type, payload) = packet.audio.for_listener(self.codec, distance);
        let sound = ExtensionValues {
            audio_level: packet.sound.level,
            voice_activity: packet.sound.voice,
            ..ExtensionValues::default()
        };
        let payload = Arc::clone(payload);
        let write = RtpWrite::new(payload_type.into(), sequence.into(), packet.timestamp, now, payload)
            .marker(packet.marker || resumed)
            .csrc(&[packet.speaker.0])
            .ext_vals(sound);
        rtc.direct_api().stream_tx(&slot.stream)?.write_rtp(write);
        Some(())
    }

    pub(super) fn pause(&mut self, slot: SlotIndex) {
        if let Some(slot) = self.slots.get_mut(slot.index()) {
            slot.line.pause();
        }
    }
}
