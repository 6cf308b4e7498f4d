//! The way past the session: a packet is built in the outbox and sealed where it lies.
//!
//! All it takes is one record per listener, small enough for a thousand of them to stay in the cache; the
//! payload comes ready from the room. What the session would have done besides, we owe the listener too:
//! sender reports that match what was sent, and an ear for what he reports (RFC 3550 section 6.4). Start
//! at [`Fast::send`].

use std::time::{Duration, Instant};

use str0m::Rtc;
use str0m::rtp::{Extension, ExtensionMap};

use super::{Plan, REPORT_EVERY};
use crate::forwarder::{Codec, Line, Outgoing, Sound};
use crate::id::SlotIndex;
use crate::keys::SessionKeys;
use crate::outbox::{Destination, Outbox};
use crate::rtcp::{Ntp, ReceptionReport, SenderReport, reception_reports};
use crate::srtp::{Cipher, Stream};
use crate::stats::Reception;
use crate::timeline::TICKS_PER_SECOND;

/// The first report comes sooner, since a browser cannot align streams before it.
const FIRST_REPORT: Duration = Duration::from_secs(1);

/// Version 2, a header extension, one contributing source (RFC 3550 section 5.1).
const FIRST_BYTE: u8 = 0x80 | 0x10 | 1;

/// The fixed header and one contributing source.
const HEADER_LEN: usize = 16;

/// The largest ids and lengths of the short form of extensions (RFC 8285 section 4.2).
const SHORT_ID_MAX: u8 = 14;

/// Two long elements, a mid of 16 letters, and what precedes them, rounded up to words.
const EXTENSIONS_MAX: usize = 28;

/// No browser's report is longer: it fits into one datagram.
const REPORT_LEN_MAX: usize = 1_500;

/// One listener's record.
#[derive(Debug)]
pub(crate) struct Fast {
    cipher: Cipher,
    codec: Codec,
    slots: Box<[Slot]>,
    reporting: Box<Reporting>,
}

/// One slot's stream to one listener.
#[derive(Debug)]
struct Slot {
    line: Line,
    stream: Stream,
    extensions: Extensions,
    packets: u32,
    octets: u32,
    /// Of the newest packet, and when it was sent.
    timestamp: u32,
    sent_at: Instant,
}

/// What is not needed for every packet.
#[derive(Debug)]
struct Reporting {
    outgoing: Cipher,
    incoming: Cipher,
    /// Where our clock begins.
    born: Instant,
    next: Instant,
    streams: Vec<Reported>,
}

/// What was last said about a slot.
#[derive(Debug)]
struct Reported {
    cname: String,
    /// Packets that have been reported as sent.
    packets: u32,
    heard: Option<Heard>,
}

/// What the listener has said.
#[derive(Clone, Copy, Debug)]
struct Heard {
    report: ReceptionReport,
    round_trip: Option<Duration>,
}

/// The header extensions of a slot's packets, ready but for the level.
#[derive(Debug)]
struct Extensions {
    bytes: [u8; EXTENSIONS_MAX],
    len: u8,
    level: Level,
}

/// Where the audio level (RFC 6464) goes.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// Of its element; zero when the listener does not want any.
    at: u8,
    /// What precedes the level itself: one byte in the short form, two in the long one.
    head: u8,
}

impl Fast {
    pub(super) fn new(
        now: Instant,
        born: Instant,
        rtc: &Rtc,
        plan: &Plan,
        keys: &SessionKeys,
    ) -> Option<Fast> {
        let mut slots = Vec::with_capacity(plan.lines.len());
        let mut streams = Vec::with_capacity(plan.lines.len());
        for line in &plan.lines {
            let media = rtc.media(line.mid)?;
            slots.push(Slot {
                line: Line::default(),
                stream: Stream::new(*line.ssrc),
                extensions: Extensions::new(media.remote_extmap(), line.mid.as_bytes())?,
                packets: 0,
                octets: 0,
                timestamp: 0,
                sent_at: now,
            });
            streams.push(Reported { cname: media.cname().to_owned(), packets: 0, heard: None });
        }
        Some(Fast {
            cipher: Cipher::new(&keys.rtp_out)?,
            codec: plan.codec,
            slots: slots.into(),
            reporting: Box::new(Reporting {
                outgoing: Cipher::new(&keys.rtcp_out)?,
                incoming: Cipher::new(&keys.rtcp_in)?,
                born,
                next: now + FIRST_REPORT,
                streams,
            }),
        })
    }

    #[inline]
    pub(super) fn send(
        &mut self,
        now: Instant,
        packet: &mut Outgoing,
        to: Destination,
        outbox: &mut Outbox,
    ) -> Option<()> {
        let slot = self.slots.get_mut(packet.slot.index())?;
        let (sequence, resumed) = slot.line.number(packet.sequence)?;
        let (payload_type, payload) = packet.audio.for_listener(self.codec)?;
        let marker = u8::from(packet.marker || resumed) << 7;
        let [s0, s1] = (sequence as u16).to_be_bytes();
        let [t0, t1, t2, t3] = packet.timestamp.to_be_bytes();
        let [i0, i1, i2, i3] = slot.stream.ssrc().to_be_bytes();
        let [c0, c1, c2, c3] = packet.speaker.0.to_be_bytes();
        let first = if slot.extensions.len == 0 { FIRST_BYTE & !0x10 } else { FIRST_BYTE };
        let header: [u8; HEADER_LEN] =
            [first, marker | payload_type, s0, s1, t0, t1, t2, t3, i0, i1, i2, i3, c0, c1, c2, c3];
        let cipher = &self.cipher;
        outbox.write(to, |buffer, start| {
            buffer.extend_from_slice(&header);
            slot.extensions.write(packet.sound, buffer);
            let header_len = buffer.len() - start;
            buffer.extend_from_slice(payload);
            cipher.seal_rtp(&mut slot.stream, sequence, buffer, start, header_len)
        })?;
        slot.packets = slot.packets.wrapping_add(1);
        slot.octets = slot.octets.wrapping_add(payload.len() as u32);
        slot.timestamp = packet.timestamp;
        slot.sent_at = now;
        Some(())
    }

    #[inline]
    pub(super) fn pause(&mut self, slot: SlotIndex) {
        if let Some(slot) = self.slots.get_mut(slot.index()) {
            slot.line.pause();
        }
    }

    pub(super) fn owns(&self, ssrc: u32) -> bool {
        self.slots.iter().any(|slot| slot.stream.ssrc() == ssrc)
    }

    pub(super) fn report_at(&self) -> Instant {
        self.reporting.next
    }

    /// Reports on every stream on which something was sent since it was last reported on.
    pub(super) fn report(&mut self, now: Instant, to: Option<Destination>, outbox: &mut Outbox) {
        let Reporting { outgoing, born, next, streams, .. } = &mut *self.reporting;
        if *next > now {
            return;
        }
        *next = now + REPORT_EVERY;
        let Some(to) = to else { return };
        for (slot, reported) in self.slots.iter_mut().zip(streams) {
            if slot.packets == reported.packets {
                continue;
            }
            reported.packets = slot.packets;
            let report = slot.report(now, *born);
            outbox.write(to, |buffer, start| {
                report.write(buffer, &reported.cname);
                outgoing.seal_rtcp(&mut slot.stream, buffer, start)
            });
        }
    }

    /// Reports for the last time.
    pub(super) fn say_goodbye(&mut self, now: Instant, to: Destination, outbox: &mut Outbox) {
        let Reporting { outgoing, born, streams, .. } = &mut *self.reporting;
        for (slot, reported) in self.slots.iter_mut().zip(streams) {
            if slot.packets == 0 {
                continue;
            }
            let report = slot.report(now, *born);
            outbox.write(to, |buffer, start| {
                report.write(buffer, &reported.cname);
                report.write_goodbye(buffer);
                outgoing.seal_rtcp(&mut slot.stream, buffer, start)
            });
        }
    }

    /// Takes note of what a genuine report says about our streams.
    pub(super) fn hear(&mut self, now: Instant, datagram: &[u8]) {
        let mut copy = [0; REPORT_LEN_MAX];
        let Some(copy) = copy.get_mut(..datagram.len()) else { return };
        copy.copy_from_slice(datagram);
        let Reporting { incoming, born, streams, .. } = &mut *self.reporting;
        let Some(packet) = incoming.open_rtcp(copy) else { return };
        let at = Ntp::after(now.saturating_duration_since(*born));
        for report in reception_reports(packet) {
            let mut slots = self.slots.iter().zip(streams.iter_mut());
            let found = slots.find(|(slot, _)| slot.stream.ssrc() == report.ssrc);
            let Some((_, reported)) = found else { continue };
            // A report that came before, or that someone has recorded and sends again, knows less.
            if reported.heard.is_some_and(|heard| report.highest < heard.report.highest) {
                continue;
            }
            reported.heard = Some(Heard { report, round_trip: report.round_trip(at) });
        }
    }

    /// All streams together.
    pub(super) fn reception(&self) -> Option<Reception> {
        let heard = || self.reporting.streams.iter().filter_map(|reported| reported.heard);
        let worst_jitter = heard().map(|heard| heard.report.jitter).max()?;
        let worst_loss = heard().map(|heard| heard.report.fraction_lost).max()?;
        Some(Reception {
            packets_lost: heard().map(|heard| i64::from(heard.report.lost)).sum(),
            loss_per_mille: (u32::from(worst_loss) * 1_000 / 256) as u16,
            jitter: Duration::from_micros(u64::from(worst_jitter) * 1_000_000 / u64::from(TICKS_PER_SECOND)),
            round_trip: heard().filter_map(|heard| heard.round_trip).max(),
        })
    }
}

impl Slot {
    fn report(&self, now: Instant, born: Instant) -> SenderReport {
        let since = now.saturating_duration_since(self.sent_at).as_micros();
        let ticks = since * u128::from(TICKS_PER_SECOND) / 1_000_000;
        SenderReport {
            ssrc: self.stream.ssrc(),
            at: Ntp::after(now.saturating_duration_since(born)),
            timestamp: self.timestamp.wrapping_add(ticks as u32),
            packets: self.packets,
            octets: self.octets,
        }
    }
}

impl Extensions {
    /// Always with the mid: browsers need it until they have learned which stream is whose (RFC 9143
    /// section 9.2), and four bytes are cheaper than remembering who has. `None` if it is too long.
    fn new(map: &ExtensionMap, mid: &[u8]) -> Option<Extensions> {
        let (level, mid_id) = (map.id_of(Extension::AudioLevel), map.id_of(Extension::RtpMid));
        let short = [level, mid_id].iter().flatten().all(|id| *id <= SHORT_ID_MAX);
        let mut elements = Vec::with_capacity(EXTENSIONS_MAX);
        let mut place = Level { at: 0, head: if short { 1 } else { 2 } };
        let head = |id: u8, len: usize| {
            if short { vec![id << 4 | (len as u8).wrapping_sub(1)] } else { vec![id, len as u8] }
        };
        if let Some(id) = level {
            // Four bytes of profile and length come first.
            place.at = 4;
            elements.extend(head(id, 1));
            elements.push(0);
        }
        if let Some(id) = mid_id.filter(|_| !mid.is_empty()) {
            elements.extend(head(id, mid.len()));
            elements.extend(mid);
        }
        let mut extensions = Extensions { bytes: [0; EXTENSIONS_MAX], len: 0, level: place };
        if elements.is_empty() {
            return Some(extensions);
        }
        elements.resize(elements.len().next_multiple_of(4), 0);
        let [p0, p1] = if short { [0xbe, 0xde] } else { [0x10, 0x00] };
        let (start, rest) = extensions.bytes.split_at_mut(4);
        start.copy_from_slice(&[p0, p1, 0, (elements.len() / 4) as u8]);
        rest.get_mut(..elements.len())?.copy_from_slice(&elements);
        extensions.len = 4 + elements.len() as u8;
        Some(extensions)
    }

    #[inline]
    fn write(&self, sound: Sound, buffer: &mut Vec<u8>) {
        let Level { at, head } = self.level;
        let start = buffer.len();
        buffer.extend_from_slice(self.bytes.get(..usize::from(self.len)).unwrap_or_default());
        if at == 0 {
            return;
        }
        let (at, head) = (start + usize::from(at), usize::from(head));
        let Some(element) = buffer.get_mut(at..=at + head) else { return };
        match (sound.level, sound.voice) {
            (Some(level), Some(voice)) => {
                if let Some(last) = element.last_mut() {
                    *last = u8::from(voice) << 7 | level.unsigned_abs() & 0x7f;
                }
            }
            // Zeros are padding, wherever they are.
            _ => element.fill(0),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn written(level_id: u8, mid_id: u8, mid: &[u8], sound: Sound) -> Vec<u8> {
        let mut map = ExtensionMap::empty();
        map.set(level_id, Extension::AudioLevel);
        map.set(mid_id, Extension::RtpMid);
        let mut buffer = Vec::new();
        Extensions::new(&map, mid).unwrap().write(sound, &mut buffer);
        buffer
    }

    #[test]
    fn the_level_and_the_mid_travel_in_the_short_form() {
        let sound = Sound { level: Some(-20), voice: Some(true) };
        let expected = [0xbe, 0xde, 0, 2, 0x10, 0x80 | 20, 0x42, b'a', b'b', b'c', 0, 0];
        assert_eq!(written(1, 4, b"abc", sound), expected);
        let silent = [0xbe, 0xde, 0, 2, 0, 0, 0x42, b'a', b'b', b'c', 0, 0];
        assert_eq!(written(1, 4, b"abc", Sound::default()), silent);
    }

    #[test]
    fn the_longest_mid_fits() {
        let sound = Sound { level: Some(-127), voice: Some(false) };
        let bytes = written(14, 3, b"0123456789abcdef", sound);
        assert_eq!(bytes[..7], [0xbe, 0xde, 0, 5, 0xe0, 127, 0x3f]);
        assert_eq!(bytes.len(), 24);
        assert!(Extensions::new(&ExtensionMap::empty(), &[b'x'; 40]).is_some(), "nobody asked for it");
    }

    #[test]
    fn who_wants_no_extensions_gets_none() {
        let mut buffer = Vec::new();
        let sound = Sound { level: Some(-20), voice: Some(true) };
        Extensions::new(&ExtensionMap::empty(), b"0").unwrap().write(sound, &mut buffer);
        assert_eq!(buffer, []);
    }
}
