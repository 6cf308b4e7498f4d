//! RTCP (RFC 3550 section 6): what was sent and how it was received, told by either side to the other.
//!
//! Everything read here has been authenticated, but was still written by a stranger. Knows bytes and
//! numbers. Start at [`SenderReport::write`] and [`reception_reports`].

use std::time::Duration;

/// Packet types (RFC 3550 section 12.1).
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;

/// The version, in the two highest bits of every packet.
const VERSION: u8 = 2 << 6;

/// The one item of a source description that must be there.
const CNAME: u8 = 1;

const REPORT_BLOCK_LEN: usize = 24;

/// Blocks in one report: five bits of count would allow more.
const BLOCKS_MAX: usize = 8;

/// Words of four bytes after the first one.
const SENDER_REPORT_WORDS: u8 = 6;

/// Our clock begins with the year 1970, as those expect it who take the moments of RTCP for dates; in
/// seconds since 1900.
const BEGINNING: u64 = 2_208_988_800;

/// Clocks are rounded on the way there and back: a round trip may seem to take less than nothing, in
/// 65536ths of a second.
const ROUNDING: i32 = (1 << 16) / 100;

/// More than a minute is no round trip but a clock that jumped.
const ROUND_TRIP_MAX: i32 = 60 << 16;

/// A moment as RTCP writes it: seconds and their 2^32nd parts since some beginning (RFC 3550 section 4
/// lets a sender count from wherever he likes, as long as all his streams do the same).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ntp(u64);

/// What is told of one stream that is being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SenderReport {
    pub(crate) ssrc: u32,
    /// Now, and the RTP timestamp that a sample taken now would have.
    pub(crate) at: Ntp,
    pub(crate) timestamp: u32,
    pub(crate) packets: u32,
    /// Of payload.
    pub(crate) octets: u32,
}

/// What one side tells of one stream it receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReceptionReport {
    pub(crate) ssrc: u32,
    /// Of 256 packets since the last report.
    pub(crate) fraction_lost: u8,
    /// Since the beginning; duplicates count as the opposite of losses.
    pub(crate) lost: i32,
    /// The newest sequence number that has arrived, with its rollovers.
    pub(crate) highest: u32,
    /// In ticks of the stream's clock.
    pub(crate) jitter: u32,
    /// The middle of the moment in the last sender report; zero if there was none.
    pub(crate) last_report: u32,
    /// How long ago that was, in 65536ths of a second.
    pub(crate) delay: u32,
}

impl Ntp {
    pub(crate) fn after(elapsed: Duration) -> Ntp {
        let fraction = (u64::from(elapsed.subsec_nanos()) << 32) / 1_000_000_000;
        Ntp((elapsed.as_secs() + BEGINNING) << 32 | fraction)
    }

    /// The 32 bits in the middle, by which one report refers to another.
    pub(crate) fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

/// A span of time as reports write it, in 65536ths of a second.
pub(crate) fn delay(span: Duration) -> u32 {
    ((span.as_micros() << 16) / 1_000_000) as u32
}

impl SenderReport {
    /// Appends the report, and what is told of the streams that come from where it goes to.
    pub(crate) fn write(&self, buffer: &mut Vec<u8>, received: &[ReceptionReport]) {
        let (count, words) = head(received);
        buffer.extend_from_slice(&[VERSION | count, SENDER_REPORT, 0, SENDER_REPORT_WORDS + words]);
        buffer.extend_from_slice(&self.ssrc.to_be_bytes());
        buffer.extend_from_slice(&self.at.0.to_be_bytes());
        for word in [self.timestamp, self.packets, self.octets] {
            buffer.extend_from_slice(&word.to_be_bytes());
        }
        write_blocks(buffer, received);
    }
}

/// Appends a report by someone who sends nothing.
pub(crate) fn write_receiver_report(buffer: &mut Vec<u8>, ssrc: u32, received: &[ReceptionReport]) {
    let (count, words) = head(received);
    buffer.extend_from_slice(&[VERSION | count, RECEIVER_REPORT, 0, 1 + words]);
    buffer.extend_from_slice(&ssrc.to_be_bytes());
    write_blocks(buffer, received);
}

/// Appends the name under which a stream is known, which every compound must have.
pub(crate) fn write_description(buffer: &mut Vec<u8>, ssrc: u32, cname: &str) {
    // The name's length is one byte; our own are sixteen letters.
    let cname = cname.as_bytes().get(..255).unwrap_or(cname.as_bytes());
    // Type, length, name, and at least one zero that ends the list (RFC 3550 section 6.5).
    let padding = 4 - (2 + cname.len()) % 4;
    let words = 1 + (2 + cname.len() + padding) / 4;
    buffer.extend_from_slice(&[VERSION | 1, SOURCE_DESCRIPTION, 0, words as u8]);
    buffer.extend_from_slice(&ssrc.to_be_bytes());
    buffer.extend_from_slice(&[CNAME, cname.len() as u8]);
    buffer.extend_from_slice(cname);
    buffer.resize(buffer.len() + padding, 0);
}

/// Appends that a stream ends.
pub(crate) fn write_goodbye(buffer: &mut Vec<u8>, ssrc: u32) {
    buffer.extend_from_slice(&[VERSION | 1, GOODBYE, 0, 1]);
    buffer.extend_from_slice(&ssrc.to_be_bytes());
}

/// How many blocks there are, and their words. No more than a handful are ever told at once.
fn head(received: &[ReceptionReport]) -> (u8, u8) {
    let count = received.len().min(BLOCKS_MAX) as u8;
    (count, count * (REPORT_BLOCK_LEN / 4) as u8)
}

fn write_blocks(buffer: &mut Vec<u8>, received: &[ReceptionReport]) {
    for report in received.iter().take(BLOCKS_MAX) {
        let lost = u32::from(report.fraction_lost) << 24 | report.lost.cast_unsigned() & 0xff_ffff;
        for word in [report.ssrc, lost, report.highest, report.jitter, report.last_report, report.delay] {
            buffer.extend_from_slice(&word.to_be_bytes());
        }
    }
}

impl ReceptionReport {
    fn parse(block: &[u8; REPORT_BLOCK_LEN]) -> ReceptionReport {
        let word = |n: usize| {
            let bytes = block.chunks_exact(4).nth(n).and_then(|word| word.first_chunk::<4>());
            u32::from_be_bytes(bytes.copied().unwrap_or_default())
        };
        ReceptionReport {
            ssrc: word(0),
            fraction_lost: (word(1) >> 24) as u8,
            // 24 bits with a sign.
            lost: (word(1) << 8).cast_signed() >> 8,
            highest: word(2),
            jitter: word(3),
            last_report: word(4),
            delay: word(5),
        }
    }

    /// How long a packet takes there and back; `None` before there is an answer to a sender report, or
    /// when the numbers make no sense (RFC 3550 section 6.4.1).
    pub(crate) fn round_trip(&self, now: Ntp) -> Option<Duration> {
        if self.last_report == 0 {
            return None;
        }
        let elapsed = now.middle().wrapping_sub(self.last_report).wrapping_sub(self.delay).cast_signed();
        if !(-ROUNDING..ROUND_TRIP_MAX).contains(&elapsed) {
            return None;
        }
        let elapsed = u64::from(elapsed.max(0).unsigned_abs());
        Some(Duration::from_micros((elapsed * 1_000_000) >> 16))
    }
}

/// All reports of reception in a compound packet, up to where it stops making sense.
pub(crate) fn reception_reports(compound: &[u8]) -> impl Iterator<Item = ReceptionReport> + '_ {
    packets(compound).flat_map(|(kind, count, packet)| {
        let blocks = match kind {
            SENDER_REPORT => packet.get(4 * (usize::from(SENDER_REPORT_WORDS) + 1)..),
            RECEIVER_REPORT => packet.get(8..),
            _ => None,
        };
        let (blocks, _) = blocks.unwrap_or_default().as_chunks::<REPORT_BLOCK_LEN>();
        blocks.iter().take(count).map(ReceptionReport::parse)
    })
}

/// The streams on whose sending a compound packet reports, and when that was.
pub(crate) fn sender_reports(compound: &[u8]) -> impl Iterator<Item = (u32, Ntp)> + '_ {
    packets(compound).filter(|(kind, ..)| *kind == SENDER_REPORT).filter_map(|(_, _, packet)| {
        let (ssrc, rest) = packet.get(4..)?.split_first_chunk::<4>()?;
        Some((u32::from_be_bytes(*ssrc), Ntp(u64::from_be_bytes(*rest.first_chunk::<8>()?))))
    })
}

/// The packets of a compound: kind, count and bytes of each.
fn packets(compound: &[u8]) -> impl Iterator<Item = (u8, usize, &[u8])> + '_ {
    let mut rest = compound;
    std::iter::from_fn(move || {
        let [first, kind, high, low] = *rest.first_chunk::<4>()?;
        let len = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
        let (packet, after) = rest.split_at_checked(len)?;
        rest = after;
        (first & 0xc0 == VERSION).then_some((kind, usize::from(first & 0x1f), packet))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn second() -> Ntp {
        Ntp::after(Duration::from_millis(500))
    }

    fn report() -> SenderReport {
        SenderReport { ssrc: 0x0102_0304, at: second(), timestamp: 48_000, packets: 50, octets: 5_000 }
    }

    /// A receiver report by 9 with these blocks.
    fn receiver_report(blocks: &[[u32; 6]]) -> Vec<u8> {
        let words = 1 + 6 * blocks.len() as u8;
        let mut packet = vec![VERSION | blocks.len() as u8, RECEIVER_REPORT, 0, words, 0, 0, 0, 9];
        packet.extend(blocks.iter().flatten().flat_map(|word| word.to_be_bytes()));
        packet
    }

    #[test]
    fn a_sender_report_names_its_stream_and_counts() {
        let mut packet = Vec::new();
        report().write(&mut packet, &[]);
        write_description(&mut packet, report().ssrc, "abc");
        assert_eq!(packet[..8], [0x80, 200, 0, 6, 1, 2, 3, 4]);
        assert_eq!(packet[8..16], [0x83, 0xaa, 0x7e, 0x80, 0x80, 0, 0, 0], "half a second");
        assert_eq!(packet[16..28], [0, 0, 0xbb, 0x80, 0, 0, 0, 50, 0, 0, 0x13, 0x88]);
        let description = [0x81, 202, 0, 3, 1, 2, 3, 4, 1, 3, b'a', b'b', b'c', 0, 0, 0];
        assert_eq!(packet[28..], description);
        packet.clear();
        write_goodbye(&mut packet, report().ssrc);
        assert_eq!(packet, [0x81, 203, 0, 1, 1, 2, 3, 4]);
    }

    #[test]
    fn a_name_of_any_length_ends_on_a_word() {
        for len in 0..300 {
            let mut packet = Vec::new();
            write_description(&mut packet, 1, &"x".repeat(len));
            let words = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
            assert_eq!(packet.len(), 4 * (words + 1), "{len}");
            assert_eq!(packet.last(), Some(&0));
        }
    }

    #[test]
    fn reception_is_read_from_all_reports_of_a_compound() {
        let mut packet =
            receiver_report(&[[7, 0x40_00_00_05, 70_000, 480, 0, 0], [8, 0xff_ff_ff, 1, 2, 0, 0]]);
        report().write(&mut packet, &[]);
        write_description(&mut packet, 1, "abc");
        packet.extend(receiver_report(&[[9, 0, 0, 0, 0, 0]]));
        let reports: Vec<_> = reception_reports(&packet).collect();
        assert_eq!(reports.iter().map(|report| report.ssrc).collect::<Vec<_>>(), [7, 8, 9]);
        let first = reports[0];
        assert_eq!((first.fraction_lost, first.lost, first.highest, first.jitter), (64, 5, 70_000, 480));
        assert_eq!(reports[1].lost, -1, "duplicates");
    }

    #[test]
    fn what_is_told_of_reception_is_read_as_it_was_meant() {
        let block = |ssrc, lost| ReceptionReport {
            ssrc,
            fraction_lost: 64,
            lost,
            highest: 70_000,
            jitter: 480,
            last_report: second().middle(),
            delay: delay(Duration::from_millis(500)),
        };
        let told = [block(7, 5), block(8, -3)];
        let mut packet = Vec::new();
        report().write(&mut packet, &told);
        write_description(&mut packet, report().ssrc, "abc");
        write_receiver_report(&mut packet, 9, &told);
        assert_eq!(packet[3], 18);
        assert_eq!(reception_reports(&packet).collect::<Vec<_>>(), [told, told].concat());
        assert_eq!(sender_reports(&packet).collect::<Vec<_>>(), [(report().ssrc, second())]);
        packet.clear();
        write_receiver_report(&mut packet, 9, &[block(1, 0); 20]);
        assert_eq!(reception_reports(&packet).count(), BLOCKS_MAX);
        assert_eq!(packet.len(), 8 + BLOCKS_MAX * REPORT_BLOCK_LEN);
        assert_eq!(delay(Duration::from_millis(1_500)), 3 << 15);
    }

    #[test]
    fn a_round_trip_is_what_the_other_side_did_not_spend() {
        let sent = Ntp::after(Duration::from_secs(10));
        let now = Ntp::after(Duration::from_millis(10_300));
        let answer = |last, delay| receiver_report(&[[7, 0, 0, 0, last, delay]]);
        let round_trip = |packet: Vec<u8>| reception_reports(&packet).next().unwrap().round_trip(now);
        let quarter = 1 << 14;
        let expected = Duration::from_millis(50);
        let measured = round_trip(answer(sent.middle(), quarter)).unwrap();
        assert!(measured.abs_diff(expected) < Duration::from_millis(1), "{measured:?}");
        assert_eq!(round_trip(answer(0, 0)), None);
        assert_eq!(round_trip(answer(sent.middle(), 1 << 16)), None, "longer than ago");
        assert_eq!(round_trip(answer(now.middle().wrapping_add(1 << 16), 0)), None, "from the future");
    }

    proptest! {
        /// Any bytes at all: no panic, no more than there is room for.
        #[test]
        fn any_packet(packet in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(sender_reports(&packet).count() <= packet.len() / 16);
            prop_assert!(reception_reports(&packet).count() <= packet.len() / REPORT_BLOCK_LEN);
        }
    }
}
