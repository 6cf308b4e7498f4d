//! Whom a packet is for: everybody in the room, or exactly those to whom its speaker whispers.
//!
//! An audience is stamped on a frame when it comes, and nothing changes it on the way out: what is kept for later and what
//! is under way goes to those it was said to. Between what is said to one audience and what is said to the next lies a
//! [`Border`], over which nothing is carried. Must never know: listeners, slots, who asked for it. Start at
//! [`Border::judge`].

use std::sync::Arc;

use crate::id::ParticipantId;

/// For whom somebody speaks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Audience {
    /// Everybody in the room.
    #[default]
    Room,
    /// These, as far as they are in the room, and nobody else.
    Only(Arc<[ParticipantId]>),
}

/// How far RED reaches back: its offsets are 14 bits of the timestamp (RFC 2198 section 3), so a third of a second.
const RED_REACH: u32 = 1 << 14;

/// What of a packet may be said to the audience of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// All of it.
    Whole,
    /// What it says itself, without what it repeats: that may have been said to others.
    Itself,
    /// Nothing.
    None,
}

/// Where a packet stands in its track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) stream: u32,
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
}

/// The line between two audiences of one track.
///
/// What comes late from before is not said at all. Nor is the first packet behind the line: Opus may carry a copy of the
/// frame before inside a frame (RFC 6716 section 2.1.7), which nobody can cut out. And for as long as RED reaches back
/// nothing that a packet repeats is said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Border {
    /// The newest packet that came.
    newest: Option<At>,
    line: Line,
}

#[derive(Clone, Copy, Debug, Default)]
enum Line {
    /// None was drawn yet.
    #[default]
    Nowhere,
    /// Behind this packet, if any came before; nothing has come since.
    Behind(Option<At>),
    /// Just behind this one, the first that came.
    Since(At),
}

impl Border {
    /// From now on somebody else is spoken to.
    pub(crate) fn draw(&mut self) {
        self.line = Line::Behind(self.newest);
    }

    /// A packet came: what of it may be said.
    pub(crate) fn judge(&mut self, at: At) -> Share {
        let newer = |newest: At| newest.stream != at.stream || newest.sequence < at.sequence;
        if self.newest.is_none_or(newer) {
            self.newest = Some(at);
        }
        match self.line {
            Line::Nowhere => Share::Whole,
            Line::Behind(Some(last)) if last.stream == at.stream && at.sequence <= last.sequence => {
                Share::None
            }
            Line::Behind(_) => {
                self.line = Line::Since(at);
                Share::None
            }
            Line::Since(first) if first.stream != at.stream => Share::Whole,
            Line::Since(first) if at.sequence <= first.sequence => Share::None,
            Line::Since(first) if at.timestamp.wrapping_sub(first.timestamp) <= RED_REACH => Share::Itself,
            Line::Since(_) => Share::Whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(sequence: u64) -> At {
        At { stream: 1, sequence, timestamp: sequence as u32 * 960 }
    }

    #[test]
    fn without_a_line_all_is_said() {
        let mut border = Border::default();
        assert!([5, 3, 9].into_iter().all(|sequence| border.judge(at(sequence)) == Share::Whole));
    }

    #[test]
    fn nothing_goes_over_the_line_neither_late_nor_inside_another_packet() {
        let mut border = Border::default();
        border.judge(at(8));
        border.judge(at(10));
        border.draw();
        for late in [9, 10, 7] {
            assert_eq!(border.judge(at(late)), Share::None, "{late}");
        }
        assert_eq!(border.judge(at(12)), Share::None, "it may carry the one before");
        assert_eq!(border.judge(at(11)), Share::None);
        let reach = u64::from(RED_REACH / 960);
        assert_eq!(border.judge(at(13)), Share::Itself);
        assert_eq!(border.judge(at(12 + reach)), Share::Itself);
        assert_eq!(border.judge(at(13 + reach)), Share::Whole);
        assert_eq!(border.judge(at(12)), Share::None, "still late");
    }

    #[test]
    fn a_line_before_the_first_packet_holds_too() {
        let mut border = Border::default();
        border.draw();
        assert_eq!(border.judge(at(1)), Share::None);
        assert_eq!(border.judge(at(2)), Share::Itself);
    }
}
