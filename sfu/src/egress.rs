//! The way out: one packet to one listener.
//!
//! This is the seam between "what a listener is to get" and "how it is sealed and sent". Here it goes
//! through the listener's own session, which numbers reports and encrypts. Whoever adds another way out
//! changes [`Egress`] and nothing else. It must never choose what is sent. Start at [`Egress::send`].

use std::time::Instant;

use str0m::Rtc;
use str0m::rtp::{ExtensionValues, RtpWrite, Ssrc};

use crate::forwarder::{Codec, Line, Outgoing};
use crate::id::SlotIndex;

/// A listener's slots, and what is needed to send on them.
#[derive(Debug)]
pub(crate) struct Egress {
    codec: Codec,
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    stream: Ssrc,
    line: Line,
}

impl Egress {
    /// The streams in order of slot; fewer than the room has when the listener offered fewer lines.
    pub(crate) fn new(codec: Codec, streams: Vec<Ssrc>) -> Egress {
        let slots = streams.into_iter().map(|stream| Slot { stream, line: Line::default() }).collect();
        Egress { codec, slots }
    }

    /// Queues a packet in the listener's session. Nothing leaves before the session is driven.
    ///
    /// Returns whether the listener gets it.
    pub(crate) fn send(&mut self, rtc: &mut Rtc, now: Instant, packet: &mut Outgoing) -> bool {
        let Some(slot) = self.slots.get_mut(packet.slot.index()) else { return false };
        let Some((sequence, resumed)) = slot.line.number(packet.sequence) else { return false };
        let Some((payload_type, payload)) = packet.audio.for_listener(self.codec) else { return false };
        let sound = ExtensionValues {
            audio_level: packet.sound.level,
            voice_activity: packet.sound.voice,
            ..ExtensionValues::default()
        };
        let write = RtpWrite::new(payload_type.into(), sequence.into(), packet.timestamp, now, payload)
            .marker(packet.marker || resumed)
            .csrc(&[packet.speaker.0])
            .ext_vals(sound);
        let mut session = rtc.direct_api();
        let Some(stream) = session.stream_tx(&slot.stream) else { return false };
        stream.write_rtp(write);
        true
    }

    /// The listener is not to get what comes on this slot now.
    pub(crate) fn pause(&mut self, slot: SlotIndex) {
        if let Some(slot) = self.slots.get_mut(slot.index()) {
            slot.line.pause();
        }
    }
}
