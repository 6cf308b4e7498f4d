//! Carries a packet from a track to slots: which numbers it has on the slot's line, and on each
//! listener's.
//!
//! What is the same for all listeners is worked out once per room ([`Forwarder::place`]); what differs is one
//! subtraction per listener ([`Line::number`]) and how much of what was before goes along ([`Audio::for_listener`]).
//! Knows no sessions and no addresses. Start at [`Forwarder`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use crate::audience::Audience;
use crate::id::{ParticipantId, SlotIndex};
use crate::protection::DISTANCE_MAX;
use crate::red::{Block, packed};
use crate::timeline::{Source, Timeline};

/// The slots of one room.
#[derive(Debug)]
pub(crate) struct Forwarder {
    slots: Vec<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    line: Timeline,
    /// Whose the newest packets are, and these, in the order in which they were placed.
    source: Option<Source>,
    recent: VecDeque<Past>,
}

/// A packet that was placed.
#[derive(Clone, Debug)]
struct Past {
    sequence: u64,
    timestamp: u32,
    /// To whom it was said: to nobody else it is repeated.
    audience: Audience,
    payload: Arc<[u8]>,
}

/// Packets of a slot that are kept: what may be repeated, and as many again, since they may overtake each other.
const RECENT: usize = 2 * DISTANCE_MAX as usize;

/// One packet as it came from a track.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) source: Source,
    /// The source's extended sequence number.
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    /// The start of a talkspurt (RFC 3551 section 4.1).
    pub(crate) marker: bool,
    pub(crate) sound: Sound,
    /// Opus.
    pub(crate) payload: Arc<[u8]>,
    pub(crate) audience: Audience,
}

/// What the speaker's client says about how it sounds (RFC 6464); passed on as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sound {
    pub(crate) level: Option<i8>,
    pub(crate) voice: Option<bool>,
}

/// One packet as it goes to all listeners of a room. What it says is shared by its clones.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) slot: SlotIndex,
    pub(crate) speaker: ParticipantId,
    /// On the slot's line; each listener's own follows from it.
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) sound: Sound,
    pub(crate) audio: Audio,
    pub(crate) audience: Audience,
}

/// A payload in the forms that listeners have asked for so far.
#[derive(Clone, Debug)]
pub(crate) struct Audio {
    plain: Arc<[u8]>,
    /// The packets before, the last first, and how many ticks ago each was. A packet that never came is left out.
    past: [Option<(u32, Arc<[u8]>)>; DISTANCE_MAX as usize],
    /// With so many of them, under this payload type. There are as many as there are distances and browsers' numbers.
    packed: Vec<Packed>,
}

#[derive(Clone, Debug)]
struct Packed {
    distance: u8,
    codec: u8,
    /// `None` if there is nothing that could go along.
    payload: Option<Arc<[u8]>>,
}

/// The payload types one listener agreed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Codec {
    pub(crate) opus: u8,
    pub(crate) red: Option<u8>,
}

/// One slot's line as one listener has it: without the parts he was not sent.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// The first number not yet used; begins at zero, so that the rollover counter does too.
    next: u64,
    /// The slot's newest number that he was sent.
    highest: Option<u64>,
    running: Option<Running>,
}

/// Number `from` of the slot is number `to` of the listener, and so on.
#[derive(Clone, Copy, Debug)]
struct Running {
    from: u64,
    to: u64,
}

impl Forwarder {
    pub(crate) fn new(slots: u8) -> Forwarder {
        Forwarder { slots: (0..slots).map(|_| Slot::default()).collect() }
    }

    /// Puts a packet on a slot's line; `None` when it came twice or too late.
    pub(crate) fn place(&mut self, now: Instant, slot: SlotIndex, frame: Frame) -> Option<Outgoing> {
        let place = self.slots.get_mut(slot.index())?;
        let number = place.line.number(now, frame.source, frame.sequence, frame.timestamp)?;
        let audio =
            place.audio(frame.source, &frame.audience, number.sequence, number.timestamp, frame.payload);
        Some(Outgoing {
            slot,
            speaker: ParticipantId(frame.source.speaker),
            sequence: number.sequence,
            timestamp: number.timestamp,
            marker: frame.marker || number.first,
            sound: frame.sound,
            audio,
            audience: frame.audience,
        })
    }
}

impl Slot {
    /// A payload with what was before it. Nobody else's is, nor what was said to others, nor before somebody was unheard
    /// for a while.
    fn audio(
        &mut self,
        source: Source,
        audience: &Audience,
        sequence: u64,
        timestamp: u32,
        payload: Arc<[u8]>,
    ) -> Audio {
        if self.source != Some(source) {
            self.recent.clear();
            self.source = Some(source);
        }
        let before = |distance: u64| {
            let before = |past: &&Past| past.sequence + distance == sequence && past.audience == *audience;
            let past = self.recent.iter().find(before)?;
            Some((timestamp.wrapping_sub(past.timestamp), Arc::clone(&past.payload)))
        };
        let past = std::array::from_fn(|n| before(n as u64 + 1));
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        let audience = audience.clone();
        self.recent.push_back(Past { sequence, timestamp, audience, payload: Arc::clone(&payload) });
        Audio { plain: payload, past, packed: Vec::new() }
    }
}

impl Audio {
    /// The payload type and payload for a listener whose packets repeat so many before them. Each form is made once,
    /// when first asked for.
    #[inline]
    pub(crate) fn for_listener(&mut self, codec: Codec, distance: u8) -> (u8, &Arc<[u8]>) {
        match codec.red.filter(|_| distance > 0) {
            Some(red) => match self.form(codec.opus, distance) {
                Some(place) => match self.packed.get(place).and_then(|packed| packed.payload.as_ref()) {
                    Some(payload) => (red, payload),
                    None => (codec.opus, &self.plain),
                },
                None => (codec.opus, &self.plain),
            },
            None => (codec.opus, &self.plain),
        }
    }

    /// Where a form is, after making it if need be.
    fn form(&mut self, codec: u8, distance: u8) -> Option<usize> {
        let known =
            self.packed.iter().position(|packed| (packed.codec, packed.distance) == (codec, distance));
        if known.is_some() {
            return known;
        }
        let past = self.past.iter().take(usize::from(distance)).flatten();
        let blocks = past.map(|(offset, contents)| Block { offset: *offset, contents });
        let payload = packed(codec, &self.plain, blocks);
        self.packed.push(Packed { distance, codec, payload });
        self.packed.len().checked_sub(1)
    }
}

impl Line {
    /// The listener's number for a number of the slot, and whether something was left out just before it.
    /// `None` for what was overtaken while the line was paused: its place has been taken.
    pub(crate) fn number(&mut self, sequence: u64) -> Option<(u64, bool)> {
        let resumed = self.running.is_none();
        if resumed && self.highest.is_some_and(|highest| sequence <= highest) {
            return None;
        }
        let running = *self.running.get_or_insert(Running { from: sequence, to: self.next });
        let number = running.to + sequence.checked_sub(running.from)?;
        self.next = self.next.max(number + 1);
        self.highest = self.highest.max(Some(sequence));
        Some((number, resumed))
    }

    /// What comes next on the slot is not for this listener; to him it must not look lost.
    pub(crate) fn pause(&mut self) {
        self.running = None;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::{BTreeMap, HashSet};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_late_listener_starts_at_zero() {
        let mut line = Line::default();
        assert_eq!(line.number(1_000_000), Some((0, true)));
        assert_eq!(line.number(1_000_002), Some((2, false)));
    }

    #[test]
    fn what_was_left_out_does_not_look_lost() {
        let mut line = Line::default();
        line.number(10);
        line.pause();
        assert_eq!(line.number(500), Some((1, true)));
        assert_eq!(line.number(499), None, "its number has been used");
    }

    #[test]
    fn a_line_does_not_resume_with_the_past() {
        let mut line = Line::default();
        line.number(10);
        line.number(12);
        line.pause();
        assert_eq!(line.number(11), None);
        assert_eq!(line.number(13), Some((3, true)));
    }

    const RED: Codec = Codec { opus: 111, red: Some(63) };

    /// Packets of one source with these numbers, placed one after the other.
    fn placed(sequences: &[u64]) -> Vec<Option<Outgoing>> {
        let mut forwarder = Forwarder::new(1);
        let now = Instant::now();
        let source = Source { speaker: 1, stream: 2, turn: 0 };
        let place = |sequence: &u64| {
            let timestamp = 960 * *sequence as u32;
            let payload = Arc::from([*sequence as u8]);
            let (marker, sound) = (false, Sound::default());
            forwarder.place(
                now,
                SlotIndex(0),
                Frame {
                    source,
                    sequence: *sequence,
                    timestamp,
                    marker,
                    sound,
                    payload,
                    audience: Audience::Room,
                },
            )
        };
        sequences.iter().map(place).collect()
    }

    fn given(packet: &mut Option<Outgoing>, codec: Codec, distance: u8) -> (u8, Vec<u8>) {
        let (payload_type, payload) = packet.as_mut().unwrap().audio.for_listener(codec, distance);
        (payload_type, payload.to_vec())
    }

    #[test]
    fn each_gets_as_much_of_what_was_before_as_his_line_needs() {
        let mut packets = placed(&[10, 11, 12, 13]);
        let last = packets.last_mut().unwrap();
        assert_eq!(given(last, RED, 0), (111, vec![13]));
        assert_eq!(given(last, RED, 1), (63, vec![0x80 | 111, 0x0f, 0x00, 1, 111, 12, 13]));
        assert_eq!(given(last, RED, 2).1[9..], [11, 12, 13]);
        assert_eq!(given(last, RED, 3).1[13..], [10, 11, 12, 13]);
        assert_eq!(
            given(last, Codec { opus: 96, red: Some(97) }, 1),
            (97, vec![0x80 | 96, 0x0f, 0, 1, 96, 12, 13])
        );
        assert_eq!(given(last, Codec { opus: 109, red: None }, 3), (109, vec![13]));
        assert_eq!(given(&mut packets[0], RED, 3), (111, vec![10]), "nothing was before");
    }

    #[test]
    fn what_never_came_is_left_out_and_what_came_late_is_there() {
        let mut packets = placed(&[10, 12, 11, 13]);
        assert_eq!(given(&mut packets[1], RED, 1), (111, vec![12]));
        assert_eq!(given(&mut packets[1], RED, 2), (63, vec![0x80 | 111, 0x1e, 0x00, 1, 111, 10, 12]));
        assert_eq!(given(&mut packets[3], RED, 2).1[9..], [11, 12, 13]);
    }

    #[test]
    fn what_was_said_to_some_is_repeated_to_nobody_else() {
        let only = Audience::Only(Arc::from([ParticipantId(7)]));
        let source = Source { speaker: 1, stream: 2, turn: 0 };
        let mut slot = Slot::default();
        slot.audio(source, &Audience::Room, 5, 0, Arc::from([1]));
        slot.audio(source, &only, 6, 960, Arc::from([2]));
        let mut next = slot.audio(source, &Audience::Room, 7, 1_920, Arc::from([3]));
        assert!(
            next.for_listener(RED, 1).1.iter().all(|byte| *byte != 2),
            "a whisper was repeated to the room"
        );
        let mut whisper = slot.audio(source, &only, 8, 2_880, Arc::from([4]));
        let payload = whisper.for_listener(RED, 2).1.to_vec();
        assert!(payload.contains(&2) && !payload.contains(&3), "{payload:?}");
    }

    #[test]
    fn nobody_is_repeated_by_another_and_nobody_from_before_he_was_muted() {
        for other in [Source { speaker: 9, stream: 2, turn: 0 }, Source { speaker: 1, stream: 2, turn: 1 }] {
            let mut slot = Slot::default();
            slot.audio(Source { speaker: 1, stream: 2, turn: 0 }, &Audience::Room, 5, 0, Arc::from([1]));
            let mut next = slot.audio(other, &Audience::Room, 6, 960, Arc::from([2]));
            assert_eq!(next.for_listener(RED, 3).0, 111);
        }
    }

    proptest! {
        /// However often a line is paused, a listener's numbers are used once, and in the slot's order.
        #[test]
        fn numbers_keep_their_order(steps in prop::collection::vec((0u64..5, any::<bool>(), 0u64..4), 1..300)) {
            let mut line = Line::default();
            let mut sequence = 70_000;
            let (mut sent, mut used) = (HashSet::new(), BTreeMap::new());
            for (step, pause, back) in steps {
                if pause {
                    line.pause();
                }
                sequence += step;
                let late = sequence - back;
                if sent.insert(late)
                    && let Some((number, _)) = line.number(late)
                {
                    prop_assert_eq!(used.insert(number, late), None);
                }
            }
            prop_assert!(used.values().is_sorted());
        }
    }
}
