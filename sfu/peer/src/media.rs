//! A client's audio past its session: sealed and opened here, with the keys of its own handshake.
//!
//! The session library takes thousands of instructions for a packet, which is nothing for one client and
//! too much for a thousand in one process: then the clients are what is measured. ICE, consent and DTLS
//! stay the session's. Every packet is authenticated and decrypted, and none is taken twice (RFC 3711, RFC
//! 7714). Knows bytes and nothing else. Start at [`Media::open`].
//!
//! What it does not do: it reports neither jitter nor round-trip times, and sends no sender reports.

use std::time::Instant;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use str0m::crypto::dtls::SrtpProfile;

use crate::packets::Speech;
use crate::profile::Agreed;

/// Length of a GCM salt (RFC 7714 section 12).
const SALT_LEN: usize = 12;

/// Key derivation labels (RFC 3711 section 4.3.2).
const LABEL_RTP_KEY: u8 = 0;
const LABEL_RTP_SALT: u8 = 2;
const LABEL_RTCP_KEY: u8 = 3;
const LABEL_RTCP_SALT: u8 = 5;

/// A packet this far behind the newest is too old (RFC 3711 section 3.3.2).
const REPLAY_WINDOW: u64 = 64;

/// As many as a server has slots at most; packets of further streams are refused.
const STREAMS_MAX: usize = 16;

/// The encryption flag before the index of an SRTCP packet (RFC 3711 section 3.4).
const RTCP_ENCRYPTED: u32 = 1 << 31;

/// The numbers under which audio level and line are offered; see the session's configuration.
const AUDIO_LEVEL: u8 = 1;
const MID: u8 = 4;

/// Audio in both directions, without the session.
#[derive(Debug)]
pub struct Media {
    opening: Seal,
    sealing: Seal,
    report_sealing: Seal,
    incoming: Vec<Incoming>,
    outgoing: Outgoing,
    /// Under this number it reports; no stream has it.
    reporter: u32,
    reports_sent: u32,
}

/// A packet that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard<'a> {
    /// The slot's stream.
    pub ssrc: u32,
    /// Extended sequence number.
    pub sequence: u64,
    /// Who speaks: the contributing source.
    pub speaker: Option<u32>,
    /// What was said.
    pub payload: &'a [u8],
}

/// What the session has negotiated for the line it speaks on.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) ssrc: u32,
    pub(crate) mid: String,
    pub(crate) payload_type: u8,
}

/// A key, ready for use, and its salt.
struct Seal {
    key: LessSafeKey,
    salt: [u8; SALT_LEN],
}

/// A stream that is heard.
#[derive(Debug)]
struct Incoming {
    ssrc: u32,
    first: u64,
    newest: u64,
    /// Bit `n`: `newest - n` has come.
    seen: u64,
    received: u64,
    /// As of the last report: what should have come, and what had.
    reported: (u64, u64),
}

/// The stream that is spoken on.
#[derive(Debug)]
struct Outgoing {
    line: Line,
    speech: Speech,
}

/// What is readable of a packet before it is opened (RFC 3550 section 5.1).
#[derive(Clone, Copy, Debug)]
struct Header {
    sequence: u16,
    ssrc: u32,
    speaker: Option<u32>,
    len: usize,
}

impl Media {
    /// `None` unless both sides agreed on an AEAD cipher.
    pub(crate) fn new(agreed: &Agreed, line: Line, speech: Speech, reporter: u32) -> Option<Media> {
        let (algorithm, key_len) = match agreed.profile {
            SrtpProfile::AEAD_AES_128_GCM => (&AES_128_GCM, 16),
            SrtpProfile::AEAD_AES_256_GCM => (&AES_256_GCM, 32),
            SrtpProfile::AES128_CM_SHA1_80 | _ => return None,
        };
        // Client key, server key, client salt, server salt (RFC 5764 section 4.2).
        let (client_key, rest) = agreed.material.split_at_checked(key_len)?;
        let (server_key, rest) = rest.split_at_checked(key_len)?;
        let (client_salt, rest) = rest.split_at_checked(SALT_LEN)?;
        let server_salt = rest.get(..SALT_LEN)?;
        let (client, server) = ((client_key, client_salt), (server_key, server_salt));
        let (ours, theirs) = if agreed.active { (client, server) } else { (server, client) };
        Some(Media {
            opening: Seal::derive(algorithm, theirs, LABEL_RTP_KEY, LABEL_RTP_SALT)?,
            sealing: Seal::derive(algorithm, ours, LABEL_RTP_KEY, LABEL_RTP_SALT)?,
            report_sealing: Seal::derive(algorithm, ours, LABEL_RTCP_KEY, LABEL_RTCP_SALT)?,
            incoming: Vec::new(),
            outgoing: Outgoing { line, speech },
            reporter,
            reports_sent: 0,
        })
    }

    /// Whether a datagram is audio: RTP and not RTCP (RFC 5761 section 4, RFC 7983 section 7).
    #[must_use]
    pub fn is_audio(datagram: &[u8]) -> bool {
        matches!(datagram, [128..=191, second, ..] if !(192..=223).contains(second))
    }

    /// Opens a packet in place. `None` unless it is genuine and new.
    pub fn open<'a>(&mut self, datagram: &'a mut [u8]) -> Option<Heard<'a>> {
        let header = Header::parse(datagram)?;
        let known = self.incoming.iter().position(|stream| stream.ssrc == header.ssrc);
        let index = match known.and_then(|at| self.incoming.get(at)) {
            Some(stream) => stream.index_of(header.sequence).filter(|index| stream.is_new(*index))?,
            // Who comes late starts with a rollover counter of zero.
            None if self.incoming.len() < STREAMS_MAX => u64::from(header.sequence),
            None => return None,
        };
        let (head, body) = datagram.split_at_mut_checked(header.len)?;
        let nonce = self.opening.nonce(header.ssrc, index);
        let payload = self.opening.key.open_in_place(nonce, Aad::from(&*head), body).ok()?;
        match known.and_then(|at| self.incoming.get_mut(at)) {
            Some(stream) => stream.note(index),
            None => self.incoming.push(Incoming::new(header.ssrc, index)),
        }
        Some(Heard { ssrc: header.ssrc, sequence: index, speaker: header.speaker, payload })
    }

    /// Writes a packet with 20 ms of something, this loud (0 is the loudest, -127 silence), over `packet`.
    /// `None`: it could not be sealed and must not be sent.
    pub fn seal(&mut self, now: Instant, payload: &[u8], level: i8, packet: &mut Vec<u8>) -> Option<()> {
        let Outgoing { line, speech } = &mut self.outgoing;
        let words = speech.next(now);
        // Eight bytes of words that RFC 8285 section 4.2 pads to a multiple of four.
        let mid = line.mid.as_bytes();
        let extensions = (2 + 1 + mid.len()).next_multiple_of(4);
        packet.clear();
        packet.extend([0x90, u8::from(words.marker) << 7 | line.payload_type]);
        packet.extend((words.sequence as u16).to_be_bytes());
        packet.extend(words.timestamp.to_be_bytes());
        packet.extend(line.ssrc.to_be_bytes());
        packet.extend([0xbe, 0xde]);
        packet.extend(u16::try_from(extensions / 4).ok()?.to_be_bytes());
        let end = packet.len() + extensions;
        // RFC 6464 section 3: whether it is speech, and the level without its sign.
        packet.extend([AUDIO_LEVEL << 4, u8::from(level > -50) << 7 | level.unsigned_abs().min(127)]);
        packet.push(MID << 4 | u8::try_from(mid.len().checked_sub(1)?).ok().filter(|len| *len < 16)?);
        packet.extend(mid);
        packet.resize(end, 0);
        packet.extend(payload);
        let (head, body) = packet.split_at_mut_checked(end)?;
        // Numbers only grow, so none is used twice.
        let nonce = self.sealing.nonce(line.ssrc, words.sequence);
        let tag = self.sealing.key.seal_in_place_separate_tag(nonce, Aad::from(&*head), body).ok()?;
        packet.extend(tag.as_ref());
        Some(())
    }

    /// Writes a receiver report about all that is heard (RFC 3550 section 6.4.2) over `packet`. `None` when
    /// nothing has been heard.
    pub fn report(&mut self, packet: &mut Vec<u8>) -> Option<()> {
        const CNAME: &[u8] = b"peer";
        if self.incoming.is_empty() || self.reports_sent >= RTCP_ENCRYPTED {
            return None;
        }
        let blocks = u8::try_from(self.incoming.len()).ok()?;
        packet.clear();
        packet.extend([0x80 | blocks, 201]);
        packet.extend((1 + 6 * u16::from(blocks)).to_be_bytes());
        packet.extend(self.reporter.to_be_bytes());
        self.incoming.iter_mut().for_each(|stream| stream.report(packet));
        // A source description with one name (section 6.5), and zeros up to a multiple of four.
        packet.extend([0x81, 202, 0, 3]);
        packet.extend(self.reporter.to_be_bytes());
        packet.extend([1, CNAME.len() as u8]);
        packet.extend(CNAME);
        packet.extend([0, 0]);
        let trailer = (RTCP_ENCRYPTED | self.reports_sent).to_be_bytes();
        let (clear, body) = packet.split_at_mut_checked(8)?;
        let aad = [&*clear, &trailer].concat();
        let nonce = self.report_sealing.nonce(self.reporter, u64::from(self.reports_sent));
        self.reports_sent += 1;
        let tag = self.report_sealing.key.seal_in_place_separate_tag(nonce, Aad::from(aad), body).ok()?;
        packet.extend(tag.as_ref());
        packet.extend(trailer);
        Some(())
    }
}

impl Seal {
    fn derive(
        algorithm: &'static Algorithm,
        (master, master_salt): (&[u8], &[u8]),
        key_label: u8,
        salt_label: u8,
    ) -> Option<Seal> {
        let mut key = vec![0; master.len()];
        derive(master, master_salt, key_label, &mut key)?;
        let mut salt = [0; SALT_LEN];
        derive(master, master_salt, salt_label, &mut salt)?;
        Some(Seal { key: LessSafeKey::new(UnboundKey::new(algorithm, &key).ok()?), salt })
    }

    /// RFC 7714 sections 8.1 and 9.1: two zeros, the SSRC, and six bytes of index, mixed with the salt.
    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let [s0, s1, s2, s3] = ssrc.to_be_bytes();
        let [_, _, i0, i1, i2, i3, i4, i5] = index.to_be_bytes();
        let mut nonce = [0, 0, s0, s1, s2, s3, i0, i1, i2, i3, i4, i5];
        nonce.iter_mut().zip(&self.salt).for_each(|(byte, salt)| *byte ^= salt);
        Nonce::assume_unique_for_key(nonce)
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seal").finish_non_exhaustive()
    }
}

/// RFC 3711 section 4.3: AES in counter mode over nothing, from the salt with the label in its seventh byte.
fn derive(master: &[u8], salt: &[u8], label: u8, derived: &mut [u8]) -> Option<()> {
    let algorithm = if master.len() == 16 { &AES_128 } else { &AES_256 };
    let mut start = [0; 16];
    start.get_mut(..salt.len())?.copy_from_slice(salt);
    start[7] ^= label;
    let key = UnboundCipherKey::new(algorithm, master).and_then(EncryptingKey::ctr).ok()?;
    key.less_safe_encrypt(derived, EncryptionContext::Iv128(FixedLength::from(start))).ok()?;
    Some(())
}

impl Incoming {
    fn new(ssrc: u32, index: u64) -> Incoming {
        Incoming { ssrc, first: index, newest: index, seen: 1, received: 1, reported: (0, 0) }
    }

    /// The index whose low bits these are and that is nearest to the newest.
    fn index_of(&self, sequence: u16) -> Option<u64> {
        let ahead = sequence.wrapping_sub(self.newest as u16) as i16;
        self.newest.checked_add_signed(ahead.into())
    }

    fn is_new(&self, index: u64) -> bool {
        match self.newest.checked_sub(index) {
            None => true,
            Some(behind) => behind < REPLAY_WINDOW && self.seen & 1 << behind == 0,
        }
    }

    fn note(&mut self, index: u64) {
        self.received += 1;
        match self.newest.checked_sub(index) {
            None => {
                let step = index - self.newest;
                self.seen = if step < REPLAY_WINDOW { self.seen << step | 1 } else { 1 };
                self.newest = index;
            }
            Some(behind) if behind < REPLAY_WINDOW => self.seen |= 1 << behind,
            Some(_) => {}
        }
    }

    fn report(&mut self, packet: &mut Vec<u8>) {
        let expected = self.newest - self.first + 1;
        let (expected_before, received_before) = self.reported;
        let (expected_since, received_since) = (expected - expected_before, self.received - received_before);
        self.reported = (expected, self.received);
        let lost_since = expected_since.saturating_sub(received_since);
        let fraction = (lost_since * 256).checked_div(expected_since).unwrap_or(0).min(255);
        let lost = expected.saturating_sub(self.received).min(0x7f_ffff);
        packet.extend(self.ssrc.to_be_bytes());
        packet.extend(((fraction as u32) << 24 | lost as u32).to_be_bytes());
        packet.extend((self.newest as u32).to_be_bytes());
        // Jitter, and what a round-trip time is made from: not measured.
        packet.extend([0; 12]);
    }
}

impl Header {
    fn parse(datagram: &[u8]) -> Option<Header> {
        let fixed = datagram.first_chunk::<12>()?;
        let [flags, _, sequence @ .., _, _, _, _, _, _, _, _] = *fixed;
        let word = |at: usize| datagram.get(at..)?.first_chunk::<4>().map(|word| u32::from_be_bytes(*word));
        let csrcs = usize::from(flags & 15);
        let mut len = 12 + 4 * csrcs;
        if flags & 0x10 != 0 {
            len += 4 + 4 * (word(len)? & 0xffff) as usize;
        }
        let speaker = if csrcs > 0 { word(12) } else { None };
        Some(Header { sequence: u16::from_be_bytes(sequence), ssrc: word(8)?, speaker, len })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn pair() -> (Media, Media) {
        let agreed =
            |active| Agreed { profile: SrtpProfile::AEAD_AES_256_GCM, material: (0..88).collect(), active };
        let line = || Line { ssrc: 7, mid: "abc".to_owned(), payload_type: 111 };
        let speech = || Speech::new(Instant::now());
        let one = Media::new(&agreed(true), line(), speech(), 1).unwrap();
        (one, Media::new(&agreed(false), line(), speech(), 2).unwrap())
    }

    #[test]
    fn what_is_said_is_heard_once_and_over_the_rollover() {
        let (mut mouth, mut ear) = pair();
        let mut packet = Vec::new();
        for n in 0..1_000_u32 {
            mouth.seal(Instant::now(), &n.to_be_bytes(), -20, &mut packet).unwrap();
            assert!(Media::is_audio(&packet));
            let mut again = packet.clone();
            let heard = ear.open(&mut packet).unwrap();
            assert_eq!((heard.ssrc, heard.payload), (7, &n.to_be_bytes()[..]));
            assert_eq!(heard.sequence, 65_001 + u64::from(n));
            assert_eq!(ear.open(&mut again), None, "a replay");
        }
    }

    #[test]
    fn what_was_changed_on_the_way_is_refused() {
        let (mut mouth, mut ear) = pair();
        let mut packet = Vec::new();
        mouth.seal(Instant::now(), b"words", -20, &mut packet).unwrap();
        for at in 0..packet.len() {
            let mut changed = packet.clone();
            changed[at] ^= 1;
            assert_eq!(ear.open(&mut changed), None, "byte {at}");
        }
        for len in 0..packet.len() {
            assert_eq!(ear.open(&mut packet[..len].to_vec()), None, "{len} bytes");
        }
        assert!(ear.open(&mut packet).is_some());
    }

    #[test]
    fn a_report_tells_what_was_lost() {
        let (mut mouth, mut ear) = pair();
        let mut packet = Vec::new();
        assert_eq!(ear.report(&mut packet), None);
        for n in 0..8 {
            mouth.seal(Instant::now(), b"words", -20, &mut packet).unwrap();
            if n % 4 != 1 {
                ear.open(&mut packet).unwrap();
            }
        }
        let mut plain = Vec::new();
        ear.incoming[0].report(&mut plain);
        assert_eq!(plain[..12], [0, 0, 0, 7, 64, 0, 0, 2, 0, 0, 0xfd, 0xf0]);
        ear.report(&mut packet).unwrap();
        assert_eq!(packet.len(), 8 + 24 + 20 + 16 + 4 - 4);
        assert!(!Media::is_audio(&packet));
    }
}
