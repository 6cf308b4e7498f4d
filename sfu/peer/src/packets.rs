//! The packets a client sends and hears.
//!
//! Start at [`Packet`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::rtp::RtpPacket;

/// Opus counts 48,000 ticks a second in RTP (RFC 7587 section 4.1).
const TICKS_PER_MS: u64 = 48;

/// One packet holds 20 ms.
const FRAME: Duration = Duration::from_millis(20);
const FRAME_TICKS: u32 = 960;

/// The longest block that RED can carry along: ten bits of length (RFC 2198 section 3).
const RED_BLOCK_MAX: usize = 1_023;

/// How packets travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// Frames on a TCP connection.
    Tcp,
}

/// A packet that was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// In which slot, from zero in the order of the offer.
    pub slot: usize,
    /// The slot's stream.
    pub ssrc: u32,
    /// Extended sequence number.
    pub sequence: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Start of a talkspurt.
    pub marker: bool,
    /// Who speaks: the contributing source.
    pub speaker: Option<u32>,
    /// The audio level that came along.
    pub level: Option<i8>,
    /// Whether the payload is RED.
    pub red: bool,
    /// What was said.
    pub payload: Arc<[u8]>,
    /// What the other side last reported about the stream (RFC 3550 section 6.4.1).
    pub report: Option<Report>,
}

/// A sender report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Packets sent so far.
    pub packets: u32,
    /// Bytes of payload in them.
    pub octets: u32,
    /// The RTP timestamp of the moment of the report.
    pub timestamp: u32,
}

impl Packet {
    pub(crate) fn new(slot: usize, packet: RtpPacket, red: Option<u8>) -> Packet {
        let header = packet.header;
        Packet {
            slot,
            ssrc: *header.ssrc,
            sequence: *packet.seq_no,
            timestamp: header.timestamp,
            marker: header.marker,
            speaker: header.csrc.first().copied().filter(|_| header.csrc_count > 0),
            level: header.ext_vals.audio_level,
            red: red == Some(*header.payload_type),
            payload: packet.payload,
            report: packet.last_sender_info.map(|info| Report {
                packets: info.sender_packet_count,
                octets: info.sender_octet_count,
                timestamp: info.rtp_time.numer() as u32,
            }),
        }
    }
}

/// The numbering of what a client says.
#[derive(Clone, Debug)]
pub(crate) struct Speech {
    started: Instant,
    sequence: u64,
    timestamp: u32,
    spoke_at: Option<Instant>,
    previous: Option<(Instant, Vec<u8>)>,
}

/// The numbers of one packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
}

impl Speech {
    pub(crate) fn new(started: Instant) -> Speech {
        // Close to the rollover, so that every longer test crosses it.
        Speech { started, sequence: 65_000, timestamp: 0, spoke_at: None, previous: None }
    }

    /// Whether anything was said.
    pub(crate) fn has_begun(&self) -> bool {
        self.spoke_at.is_some()
    }

    /// The next packet's numbers: the clock goes on while nothing is said, the sequence does not.
    pub(crate) fn next(&mut self, now: Instant) -> Words {
        let elapsed = now.saturating_duration_since(self.started);
        let clock = (elapsed.as_millis() as u64 * TICKS_PER_MS) as u32;
        let marker = self.spoke_at.is_none_or(|at| now.saturating_duration_since(at) > 2 * FRAME);
        self.timestamp = if marker {
            clock.max(self.timestamp.wrapping_add(FRAME_TICKS))
        } else {
            self.timestamp.wrapping_add(FRAME_TICKS)
        };
        self.sequence += 1;
        self.spoke_at = Some(now);
        Words { sequence: self.sequence, timestamp: self.timestamp, marker }
    }

    /// What was said just before, if it was just before.
    pub(crate) fn previous(&self, now: Instant) -> Option<&[u8]> {
        let (at, payload) = self.previous.as_ref()?;
        (now.saturating_duration_since(*at) <= 2 * FRAME).then_some(payload)
    }

    pub(crate) fn remember(&mut self, now: Instant, payload: &[u8]) {
        self.previous = Some((now, payload.to_vec()));
    }
}

/// A RED payload (RFC 2198): the newest block, and the one before it if there is one.
pub(crate) fn red_payload(opus: u8, newest: &[u8], previous: Option<&[u8]>) -> Vec<u8> {
    let mut red = Vec::with_capacity(newest.len() + 8);
    let previous = previous.filter(|block| block.len() <= RED_BLOCK_MAX).unwrap_or_default();
    if !previous.is_empty() {
        // One bit "more follows", seven of payload type, fourteen of offset, ten of length.
        let offset_and_length = FRAME_TICKS << 10 | previous.len() as u32;
        red.push(0x80 | opus);
        red.extend(offset_and_length.to_be_bytes().into_iter().skip(1));
    }
    red.push(opus);
    red.extend(previous);
    red.extend(newest);
    red
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn red_carries_the_block_before() {
        let red = red_payload(111, b"new", Some(b"old!"));
        assert_eq!(red, [0x80 | 111, 0x0f, 0x00, 4, 111, b'o', b'l', b'd', b'!', b'n', b'e', b'w']);
        assert_eq!(red_payload(111, b"new", None), [111, b'n', b'e', b'w']);
    }

    #[test]
    fn the_clock_goes_on_while_nothing_is_said() {
        let now = Instant::now();
        let mut speech = Speech::new(now);
        let first = speech.next(now);
        let second = speech.next(now + FRAME);
        let third = speech.next(now + Duration::from_secs(10));
        assert_eq!([first.marker, second.marker, third.marker], [true, false, true]);
        assert_eq!(second.timestamp - first.timestamp, FRAME_TICKS);
        assert_eq!(third.timestamp, 480_000);
        assert_eq!(third.sequence, first.sequence + 2);
    }
}
