//! The way past the session: a packet is built in the outbox and sealed where it lies.
//!
//! All that a packet needs of a listener is here, and the listeners of a worker lie side by side: in a room
//! of a thousand, finding a listener's data costs more than sealing with it. What is decided elsewhere (may
//! he listen, where is he) is copied here by [`Lanes::align`] whenever it may have changed. The payload
//! comes ready from the room. Start at [`Lanes::of`].

use std::time::Instant;

use str0m::rtp::{Extension, ExtensionMap};

use super::{Plan, Sent};
use crate::demux::Key;
use crate::forwarder::{Codec, Line, Outgoing, Sound};
use crate::id::SlotIndex;
use crate::outbox::{Destination, Outbox};
use crate::srtp::{Cipher, Stream};

/// Version 2, a header extension, one contributing source (RFC 3550 section 5.1).
const FIRST_BYTE: u8 = 0x80 | EXTENDED | 1;
const EXTENDED: u8 = 0x10;

/// The fixed header and one contributing source.
const HEADER_LEN: usize = 16;

/// The largest id of the short form of extensions (RFC 8285 section 4.2).
const SHORT_ID_MAX: u8 = 14;

/// Two long elements, a mid of 16 letters, and what precedes them, rounded up to words.
const EXTENSIONS_MAX: usize = 28;

/// The lanes of one worker's participants, in places of the same number as theirs in its table.
#[derive(Debug)]
pub(crate) struct Lanes {
    lanes: Vec<Option<Lane>>,
    /// `per_lane` of them for each place.
    slots: Vec<Option<Slot>>,
    per_lane: usize,
}

/// One listener's lane before it has a place.
#[derive(Debug)]
pub(crate) struct NewLane {
    cipher: Cipher,
    codec: Codec,
    slots: Vec<Slot>,
}

/// What has been sent in one slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    pub(crate) packets: u32,
    /// Of payload.
    pub(crate) octets: u32,
    /// Of the newest packet, and when it was sent.
    pub(crate) timestamp: u32,
    pub(crate) at: Instant,
}

#[derive(Debug)]
struct Lane {
    generation: u32,
    codec: Codec,
    /// How many packets back his packets repeat.
    distance: u8,
    /// Where the listener is; `None` while he is nowhere, or may not listen.
    to: Option<Destination>,
    cipher: Cipher,
}

/// A lane and its slots.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    lane: &'a Lane,
    slots: &'a mut [Option<Slot>],
}

/// One slot's stream to one listener.
#[derive(Debug)]
struct Slot {
    line: Line,
    stream: Stream,
    tally: Tally,
    extensions: Extensions,
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

impl NewLane {
    /// `None` when the listener's agreement cannot be served this way.
    pub(super) fn new(now: Instant, plan: &Plan, cipher: Cipher) -> Option<NewLane> {
        let slots = plan.lines.iter().map(|line| {
            Some(Slot {
                line: Line::default(),
                stream: Stream::new(*line.ssrc),
                tally: Tally { packets: 0, octets: 0, timestamp: 0, at: now },
                extensions: Extensions::new(&line.extensions, line.mid.as_bytes())?,
            })
        });
        Some(NewLane { cipher, codec: plan.codec, slots: slots.collect::<Option<_>>()? })
    }
}

impl Lanes {
    /// Lanes for rooms of so many slots.
    pub(crate) fn new(slots: u8) -> Lanes {
        Lanes { lanes: Vec::new(), slots: Vec::new(), per_lane: usize::from(slots) }
    }

    /// A participant gets a lane. It leads nowhere before it is aligned.
    pub(crate) fn open(&mut self, key: Key, lane: NewLane) {
        self.close(key);
        let place = key.index as usize;
        let places = self.lanes.len().max(place + 1);
        self.lanes.resize_with(places, || None);
        self.slots.resize_with(places * self.per_lane, || None);
        let NewLane { cipher, codec, slots } = lane;
        for (free, slot) in self.slots.iter_mut().skip(place * self.per_lane).take(self.per_lane).zip(slots) {
            *free = Some(slot);
        }
        if let Some(free) = self.lanes.get_mut(place) {
            *free = Some(Lane { generation: key.generation, codec, distance: 0, to: None, cipher });
        }
    }

    /// A participant is gone, and his keys with him.
    pub(crate) fn close(&mut self, key: Key) {
        let place = key.index as usize;
        if let Some(lane) = self.lanes.get_mut(place) {
            *lane = None;
        }
        for slot in self.slots.iter_mut().skip(place * self.per_lane).take(self.per_lane) {
            *slot = None;
        }
    }

    /// Where a participant's lane leads from now on (`None`: nowhere), and how many packets back his packets repeat.
    pub(crate) fn align(&mut self, key: Key, to: Option<Destination>, distance: u8) {
        if let Some(lane) = self.lane_mut(key) {
            (lane.to, lane.distance) = (to, distance);
        }
    }

    /// Someone's lane, found once for all that goes through it now; `None` when he has none.
    #[inline]
    pub(crate) fn of(&mut self, key: Key) -> Option<Found<'_>> {
        let place = key.index as usize;
        let lane = self.lanes.get(place)?.as_ref().filter(|lane| lane.generation == key.generation)?;
        let start = place * self.per_lane;
        Some(Found { lane, slots: self.slots.get_mut(start..start + self.per_lane)? })
    }

    /// What was sent to someone, slot by slot; nothing when he has no lane.
    pub(crate) fn tallies(&self, key: Key) -> impl Iterator<Item = Tally> + '_ {
        let place = key.index as usize;
        let lane = self.lanes.get(place).and_then(Option::as_ref);
        let known = lane.is_some_and(|lane| lane.generation == key.generation);
        let slots = self.slots.iter().skip(place * self.per_lane).take(self.per_lane).flatten();
        slots.filter(move |_| known).map(|slot| slot.tally)
    }

    /// All packets that were sent to someone.
    pub(crate) fn packets(&self, key: Key) -> u64 {
        self.tallies(key).map(|tally| u64::from(tally.packets)).sum()
    }

    fn lane_mut(&mut self, key: Key) -> Option<&mut Lane> {
        let lane = self.lanes.get_mut(key.index as usize)?.as_mut();
        lane.filter(|lane| lane.generation == key.generation)
    }
}

impl Found<'_> {
    /// Sends a packet.
    #[inline]
    pub(crate) fn send(&mut self, now: Instant, packet: &mut Outgoing, outbox: &mut Outbox) -> Sent {
        let Some(Some(slot)) = self.slots.get_mut(packet.slot.index()) else { return Sent::Withheld };
        let Some(to) = self.lane.to else {
            slot.line.pause();
            return Sent::Withheld;
        };
        slot.send(now, self.lane, packet, to, outbox).map_or(Sent::Late, |()| Sent::Out)
    }

    /// What comes on this slot now is not for him.
    pub(crate) fn pause(&mut self, slot: SlotIndex) {
        if let Some(Some(slot)) = self.slots.get_mut(slot.index()) {
            slot.line.pause();
        }
    }
}

impl Slot {
    #[inline]
    fn send(
        &mut self,
        now: Instant,
        lane: &Lane,
        packet: &mut Outgoing,
        to: Destination,
        outbox: &mut Outbox,
    ) -> Option<()> {
        let (sequence, resumed) = self.line.number(packet.sequence)?;
        // What he was not sent is not repeated to him.
        let distance = if resumed { 0 } else { lane.distance };
        let (payload_type, payload) = packet.audio.for_listener(lane.codec, distance);
        let marker = u8::from(packet.marker || resumed) << 7;
        let [s0, s1] = (sequence as u16).to_be_bytes();
        let [t0, t1, t2, t3] = packet.timestamp.to_be_bytes();
        let [i0, i1, i2, i3] = self.stream.ssrc().to_be_bytes();
        let [c0, c1, c2, c3] = packet.speaker.0.to_be_bytes();
        let first = if self.extensions.len == 0 { FIRST_BYTE & !EXTENDED } else { FIRST_BYTE };
        let header: [u8; HEADER_LEN] =
            [first, marker | payload_type, s0, s1, t0, t1, t2, t3, i0, i1, i2, i3, c0, c1, c2, c3];
        outbox.write(to, |buffer, start| {
            buffer.extend_from_slice(&header);
            self.extensions.write(packet.sound, buffer);
            let header_len = buffer.len() - start;
            buffer.extend_from_slice(payload);
            lane.cipher.seal_rtp(&mut self.stream, sequence, buffer, start, header_len)
        })?;
        self.tally = Tally {
            packets: self.tally.packets.wrapping_add(1),
            octets: self.tally.octets.wrapping_add(payload.len() as u32),
            timestamp: packet.timestamp,
            at: now,
        };
        Some(())
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
