//! Carries a packet from a track to slots: which numbers it has on the slot's line, and on each
//! listener's.
//!
//! What is the same for all listeners is worked out once per room ([`Forwarder::place`]); what differs is
//! one subtraction per listener ([`Line::number`]) and the choice between plain and RED ([`Audio::for_listener`]).
//! Knows no sessions and no addresses. Start at [`Forwarder`].

use std::sync::Arc;
use std::time::Instant;

use crate::id::{ParticipantId, SlotIndex};
use crate::red::Red;
use crate::timeline::{Source, Timeline};

/// The slots of one room.
#[derive(Debug)]
pub(crate) struct Forwarder {
    slots: Vec<Timeline>,
}

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
    pub(crate) payload: Arc<[u8]>,
    pub(crate) encoding: Encoding,
}

/// What the speaker's client says about how it sounds (RFC 6464); passed on as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sound {
    pub(crate) level: Option<i8>,
    pub(crate) voice: Option<bool>,
}

/// How a payload is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Opus,
    /// RED whose blocks call Opus by this payload type.
    Red {
        opus: u8,
    },
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
}

/// A payload in the forms that listeners have asked for so far.
#[derive(Clone, Debug)]
pub(crate) struct Audio {
    given: Arc<[u8]>,
    encoding: Encoding,
    plain: Option<Arc<[u8]>>,
    renamed: Option<(u8, Arc<[u8]>)>,
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
        Forwarder { slots: (0..slots).map(|_| Timeline::default()).collect() }
    }

    /// Puts a packet on a slot's line; `None` when it came twice or too late.
    pub(crate) fn place(&mut self, now: Instant, slot: SlotIndex, frame: Frame) -> Option<Outgoing> {
        let line = self.slots.get_mut(slot.index())?;
        let number = line.number(now, frame.source, frame.sequence, frame.timestamp)?;
        Some(Outgoing {
            slot,
            speaker: ParticipantId(frame.source.speaker),
            sequence: number.sequence,
            timestamp: number.timestamp,
            marker: frame.marker || number.first,
            sound: frame.sound,
            audio: Audio::new(frame.payload, frame.encoding),
        })
    }
}

impl Audio {
    fn new(given: Arc<[u8]>, encoding: Encoding) -> Audio {
        Audio { given, encoding, plain: None, renamed: None }
    }

    /// The payload type and payload for a listener. Each form is made once, when first asked for.
    #[inline]
    pub(crate) fn for_listener(&mut self, codec: Codec) -> Option<(u8, &Arc<[u8]>)> {
        let Encoding::Red { opus } = self.encoding else {
            return Some((codec.opus, &self.given));
        };
        let Some(red) = codec.red else {
            return Some((codec.opus, self.plain(opus)?));
        };
        if codec.opus == opus {
            return Some((red, &self.given));
        }
        Some((red, self.renamed(opus, codec.opus)?))
    }

    fn plain(&mut self, opus: u8) -> Option<&Arc<[u8]>> {
        if self.plain.is_none() {
            self.plain = Some(Arc::from(Red::parse(&self.given, opus)?.primary()));
        }
        self.plain.as_ref()
    }

    fn renamed(&mut self, from: u8, to: u8) -> Option<&Arc<[u8]>> {
        if self.renamed.as_ref().is_none_or(|(codec, _)| *codec != to) {
            self.renamed = Some((to, Red::parse(&self.given, from)?.with_codec(to)));
        }
        self.renamed.as_ref().map(|(_, payload)| payload)
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

    const RED: &[u8] = &[0x80 | 111, 0, 0, 1, 111, b'a', b'b'];

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

    #[test]
    fn red_goes_as_red_to_who_can_and_plain_to_who_cannot() {
        let mut audio = Audio::new(Arc::from(RED), Encoding::Red { opus: 111 });
        let (red, plain) = (Codec { opus: 111, red: Some(63) }, Codec { opus: 109, red: None });
        assert_eq!(audio.for_listener(red), Some((63, &Arc::from(RED))));
        assert_eq!(audio.for_listener(plain), Some((109, &Arc::from(&b"b"[..]))));
    }

    #[test]
    fn red_is_renamed_for_who_calls_opus_differently() {
        let mut audio = Audio::new(Arc::from(RED), Encoding::Red { opus: 111 });
        let (_, payload) = audio.for_listener(Codec { opus: 109, red: Some(121) }).unwrap();
        assert_eq!(&payload[..], [0x80 | 109, 0, 0, 1, 109, b'a', b'b']);
    }

    #[test]
    fn plain_stays_plain() {
        let mut audio = Audio::new(Arc::from(&b"opus"[..]), Encoding::Opus);
        let codec = Codec { opus: 96, red: Some(97) };
        assert_eq!(audio.for_listener(codec), Some((96, &Arc::from(&b"opus"[..]))));
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
