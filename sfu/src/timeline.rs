//! Sequence numbers and timestamps of a slot stay continuous, whoever speaks in it.
//!
//! Numbers in, numbers out; it must never know packets, rooms or sessions. Two promises are kept, and
//! tested below, because more than sound hangs on them: a number is handed out **at most once** (the
//! listener's cipher uses it as its nonce), and numbers and timestamps **only grow**, apart from packets
//! that overtook each other on the way in. Start at [`Timeline::number`].

use std::time::{Duration, Instant};

/// Opus always counts 48,000 ticks a second in RTP (RFC 7587 section 4.1).
pub(crate) const TICKS_PER_SECOND: u32 = 48_000;

/// The usual distance of two packets, 20 ms. A new source starts at least this far from the old one.
const FRAME_TICKS: u32 = TICKS_PER_SECOND / 50;

/// How far a packet may lag behind the newest one of its source and still be placed: 64 packets are more
/// than a second, longer than any jitter buffer waits.
const WINDOW: u64 = 64;

/// A source that jumps further ahead than this has been restarted, or lies. Five seconds of audio; a
/// longer gap tells the listener nothing except "start afresh".
const GAP_MAX: u64 = 250;

/// How far a source's own clock may run ahead of ours before we stop believing it.
const DRIFT_MAX: Duration = Duration::from_secs(5);

/// Where a stream of numbers comes from. A participant who changes his stream (a new SSRC) is a new
/// source too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The speaking participant.
    pub(crate) speaker: u32,
    /// His synchronization source.
    pub(crate) stream: u32,
    /// Counts the times some of his packets were held back (he was muted, or had no slot), so that
    /// listeners do not take what was never sent for what was lost.
    pub(crate) turn: u32,
}

/// Where a packet goes on the slot's own line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbered {
    /// Extended sequence number; starts at zero, never repeats.
    pub(crate) sequence: u64,
    /// RTP timestamp on the slot's own clock.
    pub(crate) timestamp: u32,
    /// The first packet of a source: listeners' decoders want to know (the marker bit).
    pub(crate) first: bool,
}

/// The line of one slot.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    current: Option<Current>,
}

/// The source that is being written down now.
#[derive(Debug)]
struct Current {
    source: Source,
    /// Source numbers below this belong to what was before and cannot be placed any more.
    first: u64,
    /// Newest source number seen, its timestamp, and when.
    highest: u64,
    highest_timestamp: u32,
    at: Instant,
    /// Bit `n`: source number `highest - n` was handed out.
    seen: u64,
    /// The slot's number of `highest`.
    out_sequence: u64,
    /// The slot's timestamp of `highest`.
    out_timestamp: u32,
}

impl Timeline {
    /// Places a packet; `None` when it came twice or too late.
    pub(crate) fn number(
        &mut self,
        now: Instant,
        source: Source,
        sequence: u64,
        timestamp: u32,
    ) -> Option<Numbered> {
        match &mut self.current {
            Some(current) if current.continues(now, source, sequence, timestamp) => {
                current.place(now, sequence, timestamp)
            }
            Some(current) => {
                let elapsed = ticks(now.saturating_duration_since(current.at)).max(FRAME_TICKS);
                let out_sequence = current.out_sequence + 1;
                let out_timestamp = current.out_timestamp.wrapping_add(elapsed);
                Some(self.start(now, source, sequence, timestamp, out_sequence, out_timestamp))
            }
            None => Some(self.start(now, source, sequence, timestamp, 0, 0)),
        }
    }

    fn start(
        &mut self,
        now: Instant,
        source: Source,
        sequence: u64,
        timestamp: u32,
        out_sequence: u64,
        out_timestamp: u32,
    ) -> Numbered {
        self.current = Some(Current {
            source,
            first: sequence,
            highest: sequence,
            highest_timestamp: timestamp,
            at: now,
            seen: 1,
            out_sequence,
            out_timestamp,
        });
        Numbered { sequence: out_sequence, timestamp: out_timestamp, first: true }
    }
}

impl Current {
    /// Whether the packet belongs to the stream as it has been running. A packet from the past always
    /// does (it is placed or refused); one that leaps ahead, or whose clock does, starts anew.
    fn continues(&self, now: Instant, source: Source, sequence: u64, timestamp: u32) -> bool {
        if source != self.source {
            return false;
        }
        if sequence <= self.highest {
            return true;
        }
        let elapsed = now.saturating_duration_since(self.at);
        let advance = timestamp.wrapping_sub(self.highest_timestamp);
        sequence - self.highest <= GAP_MAX && advance > 0 && advance <= ticks(elapsed + DRIFT_MAX)
    }

    fn place(&mut self, now: Instant, sequence: u64, timestamp: u32) -> Option<Numbered> {
        let advance = timestamp.wrapping_sub(self.highest_timestamp);
        if sequence > self.highest {
            let step = sequence - self.highest;
            self.seen = if step < WINDOW { self.seen << step | 1 } else { 1 };
            self.highest = sequence;
            self.highest_timestamp = timestamp;
            self.at = now;
            self.out_sequence += step;
            self.out_timestamp = self.out_timestamp.wrapping_add(advance);
            return Some(Numbered {
                sequence: self.out_sequence,
                timestamp: self.out_timestamp,
                first: false,
            });
        }
        let behind = self.highest - sequence;
        if sequence < self.first || behind >= WINDOW || self.seen & (1 << behind) != 0 {
            return None;
        }
        self.seen |= 1 << behind;
        Some(Numbered {
            sequence: self.out_sequence - behind,
            timestamp: self.out_timestamp.wrapping_add(advance),
            first: false,
        })
    }
}

/// A duration on the RTP clock; saturates, since it is only ever compared or added once.
fn ticks(duration: Duration) -> u32 {
    let ticks = duration.as_micros() * u128::from(TICKS_PER_SECOND) / 1_000_000;
    u32::try_from(ticks).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    const ANA: Source = Source { speaker: 1, stream: 11, turn: 0 };
    const BEN: Source = Source { speaker: 2, stream: 22, turn: 0 };
    const FRAME: Duration = Duration::from_millis(20);

    #[test]
    fn the_first_number_has_no_rollover() {
        let number = Timeline::default().number(Instant::now(), ANA, 700_000, 5).unwrap();
        assert_eq!(number, Numbered { sequence: 0, timestamp: 0, first: true });
    }

    #[test]
    fn a_gap_of_the_source_is_a_gap_of_the_slot() {
        let now = Instant::now();
        let mut line = Timeline::default();
        line.number(now, ANA, 100, 0).unwrap();
        let number = line.number(now + 3 * FRAME, ANA, 103, 3 * 960).unwrap();
        assert_eq!(number, Numbered { sequence: 3, timestamp: 3 * 960, first: false });
    }

    #[test]
    fn a_new_speaker_goes_on_where_the_old_one_stopped() {
        let now = Instant::now();
        let mut line = Timeline::default();
        line.number(now, ANA, 100, 7).unwrap();
        line.number(now, ANA, 101, 967).unwrap();
        let number = line.number(now + Duration::from_secs(1), BEN, 9, 4_000_000_000).unwrap();
        assert_eq!(number, Numbered { sequence: 2, timestamp: 960 + 48_000, first: true });
    }

    #[test]
    fn what_was_overtaken_is_placed_once_and_only_if_it_belongs_here() {
        let now = Instant::now();
        let mut line = Timeline::default();
        line.number(now, ANA, 100, 0).unwrap();
        line.number(now, ANA, 102, 1_920).unwrap();
        let late = line.number(now, ANA, 101, 960).unwrap();
        assert_eq!((late.sequence, late.timestamp), (1, 960));
        assert_eq!(line.number(now, ANA, 101, 960), None, "twice");
        assert_eq!(line.number(now, ANA, 99, 0), None, "from before the slot was his");
    }

    #[test]
    fn a_leap_of_numbers_or_of_the_clock_starts_anew() {
        let now = Instant::now();
        let mut line = Timeline::default();
        line.number(now, ANA, 100, 0).unwrap();
        let leap = line.number(now + FRAME, ANA, 40_000, 960).unwrap();
        assert_eq!(leap, Numbered { sequence: 1, timestamp: 960, first: true });
        let back = line.number(now + 2 * FRAME, ANA, 40_001, 5).unwrap();
        assert_eq!(back, Numbered { sequence: 2, timestamp: 1_920, first: true });
    }

    proptest! {
        /// Whatever the sources do, no number is handed out twice: the nonce of a cipher hangs on it.
        #[test]
        fn no_number_twice(
            steps in prop::collection::vec((0u32..3, 0u32..2, 0u64..400, any::<u32>(), 0u64..200), 1..400)
        ) {
            let mut now = Instant::now();
            let mut line = Timeline::default();
            let mut used = HashSet::new();
            let mut highest = None;
            for (speaker, stream, sequence, timestamp, pause) in steps {
                now += Duration::from_millis(pause);
                let source = Source { speaker, stream, turn: 0 };
                if let Some(number) = line.number(now, source, sequence, timestamp) {
                    prop_assert!(used.insert(number.sequence));
                    if let Some(highest) = highest {
                        prop_assert!(number.sequence <= highest + GAP_MAX);
                    }
                    highest = highest.max(Some(number.sequence));
                }
            }
        }

        /// In the order of their numbers, timestamps of honest sources never run backwards.
        #[test]
        fn timestamps_only_grow(
            starts in prop::collection::vec((any::<u16>(), any::<u32>(), 1u64..30, 0u64..3_000), 1..20)
        ) {
            let mut now = Instant::now();
            let mut line = Timeline::default();
            let mut last = None;
            for (speaker, (sequence, timestamp, packets, pause)) in (1u32..).zip(starts) {
                now += Duration::from_millis(pause);
                for n in 0..packets {
                    now += FRAME;
                    let source = Source { speaker, stream: 1, turn: 0 };
                    let ticks = u32::try_from(n).unwrap() * 960;
                    let number = line
                        .number(now, source, u64::from(sequence) + n, timestamp.wrapping_add(ticks))
                        .unwrap();
                    if let Some((last_sequence, last_timestamp)) = last {
                        prop_assert_eq!(number.sequence, last_sequence + 1);
                        let advance = number.timestamp.wrapping_sub(last_timestamp);
                        prop_assert!((FRAME_TICKS..1 << 31).contains(&advance));
                    }
                    last = Some((number.sequence, number.timestamp));
                }
            }
        }
    }
}
