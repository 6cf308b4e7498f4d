//! The way in past the session: what arrives of one participant's track is read, checked and opened here.
//!
//! For everyone who agreed to an AEAD cipher all RTP is ours from the moment the keys are known; the
//! session never sees it. A packet goes through three doors, each dearer than the one before: `header`
//! reads what is readable; then it is dropped if opening it would change nothing; then it is opened, and
//! only now is anything of it believed. Whatever moves here moves for genuine packets alone, except the
//! counters in `arrivals`, which tell the speaker how his packets travel. Knows no rooms and no addresses.
//! Start at [`Intake::take`].
//!
//! # Wrong seals
//!
//! Whoever can write a participant's address on his datagrams can make us open them in vain. That costs a
//! fifth of a microsecond each, less than the kernel has already spent on it, so this is about a bound and
//! not about sparing: a seal is tried as long as not too many of its kind were wrong. The kinds keep the
//! genuine stream from being starved by such people. One who cannot see it must guess 32 bits of SSRC and
//! uses up what is there for [`Likeness::Stranger`]; one with a recording uses up [`Likeness::Doubtful`];
//! neither touches what the next packet of a running stream lives on. Only one who reads along as he
//! writes, thousands of times a second, can make us miss genuine packets, a part of them, as long as he
//! goes on. Right seals cost nothing of all this.

mod arrivals;
mod header;

use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::rtp::RtpPacket;

use crate::forwarder::{Codec, Sound};
use crate::rtcp::ReceptionReport;
use crate::srtp::{Cipher, Indexes};
use crate::stats::Dropped;
use arrivals::Arrivals;
use header::{Header, without_padding};

/// Streams of one participant. A browser has one for each microphone it has used. Further ones are
/// refused and counted.
const STREAMS_MAX: usize = 4;

/// No voice is longer: it fits into one datagram.
const PACKET_LEN_MAX: usize = 1_500;

/// Who is quieter than this is no candidate for a slot: speech begins ten decibels above it.
pub(crate) const CANDIDATE: i8 = -60;

/// How long it must have been quiet before packets are dropped unopened: until speech is over for
/// certain, so that one more quiet packet says nothing new.
const QUIET_FOR: Duration = Duration::from_millis(500);

/// One packet this often is opened all the same: it keeps the rollover right and shows that he is there.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// Who has come this far since the last packet that was opened is opened too, long before the rollover
/// could be misjudged (2^15 packets).
const UNOPENED_MAX: u64 = 1_000;

/// What follows a stream's newest packet at this distance looks like its continuation: five seconds.
const EXPECTED_MAX: u64 = 250;

/// Wrong seals of each kind that are found out in a second; what comes after them waits for the next.
const EXPECTED_WRONG_MAX: u32 = 5_000;
const DOUBTFUL_WRONG_MAX: u32 = 100;
const STRANGERS_WRONG_MAX: u32 = 20;
/// Of any kind, from addresses that are not his. Apart from the others, so that nobody needs to be taken for him to use
/// up what his own packets live on. Who has moved needs one packet.
const ELSEWHERE_WRONG_MAX: u32 = 100;

/// One packet of a track, authenticated and decrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) ssrc: u32,
    /// Extended sequence number.
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    pub(crate) sound: Sound,
    pub(crate) payload: Arc<[u8]>,
}

/// What arrives of one participant.
#[derive(Debug)]
pub(crate) struct Intake {
    cipher: Cipher,
    terms: Terms,
    /// When the worker's clock began.
    born: Instant,
    /// In no order.
    streams: Vec<Stream>,
    expected: WrongSeals,
    doubtful: WrongSeals,
    strangers: WrongSeals,
    elsewhere: WrongSeals,
}

/// Wrong seals of one kind, second by second.
#[derive(Debug)]
struct WrongSeals {
    since: Instant,
    count: u32,
    max: u32,
}

/// What was agreed on for the line he speaks on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) codec: Codec,
    /// How he calls the audio level, if he sends one.
    pub(crate) level: Option<u8>,
    /// The stream he said he would send.
    pub(crate) announced: Option<u32>,
}

/// One stream that has shown to be genuine.
#[derive(Debug)]
struct Stream {
    ssrc: u32,
    indexes: Indexes,
    arrivals: Arrivals,
    /// When a packet was last opened.
    opened_at: Instant,
    /// Since when all opened packets were quiet.
    quiet_since: Option<Instant>,
}

/// What opening a packet is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worth {
    /// It is needed, whatever is in it.
    Needed,
    /// He holds no slot: it is needed unless it is quiet.
    Loud,
    /// He is muted.
    Nothing,
}

/// Where a packet came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whence {
    /// An address that is his.
    His,
    /// One that nobody has: he has moved, or it is not his packet.
    Elsewhere,
}

/// A packet that was taken.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) packet: Packet,
    /// Nothing had come of its stream before.
    pub(crate) began: bool,
    /// Its stream has brought nothing newer before; so it was not recorded somewhere and sent again.
    pub(crate) newest: bool,
}

/// Why a packet was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Its header does not hold together.
    Malformed,
    /// A payload type nobody agreed to, or one stream too many.
    Foreign,
    /// It was there before, or comes too late to tell.
    Replayed,
    /// He sends more than any microphone.
    Flooded,
    /// He is muted.
    Muted,
    /// He holds no slot and is quiet.
    Unheard,
    /// Its seal is wrong.
    Forged,
    /// Too many of its kind had a wrong seal.
    Suspect,
}

/// How much a packet looks like one of his, as far as can be told without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Likeness {
    /// It goes on where a stream of his is.
    Expected,
    /// It has the number of a stream of his.
    Doubtful,
    Stranger,
}

impl Packet {
    /// A packet that the session has opened.
    pub(crate) fn from_session(packet: RtpPacket) -> Packet {
        let header = packet.header;
        Packet {
            ssrc: *header.ssrc,
            sequence: *packet.seq_no,
            timestamp: header.timestamp,
            marker: header.marker,
            payload_type: *header.payload_type,
            sound: Sound { level: header.ext_vals.audio_level, voice: header.ext_vals.voice_activity },
            payload: packet.payload,
        }
    }
}

impl Refusal {
    /// Whether the packet was recognised as his before it was dropped, though not proven to be.
    pub(crate) fn understood(self) -> bool {
        matches!(self, Refusal::Muted | Refusal::Unheard)
    }

    pub(crate) fn count(self, dropped: &mut Dropped) {
        let counter = match self {
            Refusal::Malformed => &mut dropped.malformed,
            Refusal::Foreign => &mut dropped.foreign,
            Refusal::Replayed => &mut dropped.replayed,
            Refusal::Flooded => &mut dropped.flooded,
            Refusal::Muted => &mut dropped.muted,
            Refusal::Unheard => &mut dropped.unheard,
            Refusal::Forged => &mut dropped.forged,
            Refusal::Suspect => &mut dropped.suspect,
        };
        *counter += 1;
    }
}

impl Intake {
    pub(crate) fn new(now: Instant, born: Instant, terms: Terms, cipher: Cipher) -> Intake {
        Intake {
            cipher,
            terms,
            born,
            streams: Vec::new(),
            expected: WrongSeals::new(now, EXPECTED_WRONG_MAX),
            doubtful: WrongSeals::new(now, DOUBTFUL_WRONG_MAX),
            strangers: WrongSeals::new(now, STRANGERS_WRONG_MAX),
            elsewhere: WrongSeals::new(now, ELSEWHERE_WRONG_MAX),
        }
    }

    /// Takes an SRTP packet, if it is genuine and worth it.
    pub(crate) fn take(
        &mut self,
        now: Instant,
        packet: &[u8],
        worth: Worth,
        from: Whence,
    ) -> Result<Taken, Refusal> {
        let header = Header::parse(packet, self.terms.level).ok_or(Refusal::Malformed)?;
        if !self.terms.includes(header.payload_type) {
            return Err(Refusal::Foreign);
        }
        let at = now.saturating_duration_since(self.born);
        let full = self.streams.len() == STREAMS_MAX;
        let stream = self.streams.iter_mut().find(|stream| stream.ssrc == header.ssrc);
        let (index, likeness) = match stream {
            Some(stream) => {
                let index = stream.indexes.estimate(header.sequence).ok_or(Refusal::Replayed)?;
                if !stream.indexes.would_take(index) {
                    return Err(Refusal::Replayed);
                }
                if let Some(refusal) = stream.skips(now, index, header.sound, worth) {
                    stream.arrivals.note(index, header.timestamp, at);
                    return Err(refusal);
                }
                (index, stream.likeness(index))
            }
            None if full => return Err(Refusal::Foreign),
            None if self.terms.announced == Some(header.ssrc) => {
                (u64::from(header.sequence), Likeness::Doubtful)
            }
            None => (u64::from(header.sequence), Likeness::Stranger),
        };
        let wrong = match (from, likeness) {
            (Whence::Elsewhere, _) => &mut self.elsewhere,
            (Whence::His, Likeness::Expected) => &mut self.expected,
            (Whence::His, Likeness::Doubtful) => &mut self.doubtful,
            (Whence::His, Likeness::Stranger) => &mut self.strangers,
        };
        if !wrong.leave_room(now) {
            return Err(Refusal::Suspect);
        }
        let (clear, sealed) = packet.split_at_checked(header.len).ok_or(Refusal::Malformed)?;
        let mut plain = [0; PACKET_LEN_MAX];
        let Some(body) = self.cipher.open_rtp(header.ssrc, index, clear, sealed, &mut plain) else {
            wrong.count += 1;
            return Err(Refusal::Forged);
        };
        let streams = self.streams.len();
        let newest = self.note(now, index, &header);
        let began = self.streams.len() > streams;
        let payload = if header.padded { without_padding(body).ok_or(Refusal::Malformed)? } else { body };
        let packet = Packet {
            ssrc: header.ssrc,
            sequence: index,
            timestamp: header.timestamp,
            marker: header.marker,
            payload_type: header.payload_type,
            sound: header.sound,
            payload: Arc::from(payload),
        };
        Ok(Taken { packet, began, newest })
    }

    /// The streams that have shown to be genuine.
    pub(crate) fn streams(&self) -> impl Iterator<Item = u32> + '_ {
        self.streams.iter().map(|stream| stream.ssrc)
    }

    /// What is to be told of his streams on which something has come since the last time.
    pub(crate) fn reports(&mut self) -> impl Iterator<Item = ReceptionReport> + '_ {
        self.streams.iter_mut().filter_map(|stream| stream.arrivals.report(stream.ssrc))
    }

    /// Notes a genuine packet. Whether it is the newest of its stream.
    fn note(&mut self, now: Instant, index: u64, header: &Header) -> bool {
        let at = now.saturating_duration_since(self.born);
        let quiet = is_quiet(header.sound);
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.ssrc == header.ssrc) {
            stream.arrivals.note(index, header.timestamp, at);
            let newest = stream.indexes.newest().is_none_or(|newest| index > newest);
            stream.indexes.take(index);
            stream.opened_at = now;
            if !quiet {
                stream.quiet_since = None;
            } else if newest {
                stream.quiet_since.get_or_insert(now);
            }
            return newest;
        }
        let mut indexes = Indexes::default();
        indexes.take(index);
        self.streams.push(Stream {
            ssrc: header.ssrc,
            indexes,
            arrivals: Arrivals::new(index, header.timestamp, at),
            opened_at: now,
            quiet_since: quiet.then_some(now),
        });
        true
    }
}

impl WrongSeals {
    fn new(now: Instant, max: u32) -> WrongSeals {
        WrongSeals { since: now, count: 0, max }
    }

    fn leave_room(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= Duration::from_secs(1) {
            (self.since, self.count) = (now, 0);
        }
        self.count < self.max
    }
}

impl Terms {
    fn includes(&self, payload_type: u8) -> bool {
        payload_type == self.codec.opus || self.codec.red == Some(payload_type)
    }
}

impl Stream {
    /// Why a packet need not be opened, if so. It has not proven anything yet; so it must not matter if
    /// what it says of itself is wrong.
    fn skips(&self, now: Instant, index: u64, sound: Sound, worth: Worth) -> Option<Refusal> {
        let refusal = match worth {
            Worth::Needed => return None,
            Worth::Loud => Refusal::Unheard,
            Worth::Nothing => Refusal::Muted,
        };
        let ahead = index.saturating_sub(self.indexes.newest().unwrap_or(index));
        let sampled = now.saturating_duration_since(self.opened_at) < SAMPLE_EVERY;
        if !sampled || !(1..=UNOPENED_MAX).contains(&ahead) {
            return None;
        }
        let quiet_for = self.quiet_since.map(|since| now.saturating_duration_since(since));
        let quiet = is_quiet(sound) && quiet_for.is_some_and(|time| time >= QUIET_FOR);
        (quiet || worth == Worth::Nothing).then_some(refusal)
    }

    fn likeness(&self, index: u64) -> Likeness {
        let ahead = index.saturating_sub(self.indexes.newest().unwrap_or(index));
        if (1..=EXPECTED_MAX).contains(&ahead) { Likeness::Expected } else { Likeness::Doubtful }
    }
}

/// Who does not say how loud he is may be loud.
fn is_quiet(sound: Sound) -> bool {
    sound.level.is_some_and(|level| level < CANDIDATE)
}

#[cfg(test)]
mod tests;
