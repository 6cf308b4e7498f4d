//! SRTP with AEAD ciphers (RFC 3711, RFC 7714): seals what we send ourselves, opens what comes.
//!
//! The one thing that must never happen is a nonce used twice with one key: it would give away both
//! packets and let anyone forge more. A nonce is made of a stream's SSRC and a packet index, so the right
//! to seal belongs to a [`Stream`] or [`ReportStream`], which gives each index once, whatever its caller
//! believes. What comes says half of its index, or all of it; [`Indexes`] completes it and tells what has
//! been there before. Knows bytes and nothing else. Start at [`Cipher::seal_rtp`] and [`Cipher::open_rtp`].
//!
//! Keys are wiped when they have become a cipher. The expanded key inside a cipher is the crypto
//! library's own, which does not wipe it when dropped.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::keys::{Key, SALT_LEN};

/// What a seal adds to a packet (RFC 7714 section 12).
pub(crate) const TAG_LEN: usize = 16;

/// The part of an RTCP packet that stays readable: one header with the sender's SSRC (RFC 3711
/// section 3.4).
const RTCP_CLEAR_LEN: usize = 8;

/// The encryption flag and the index at the end of an SRTCP packet.
const RTCP_INDEX_LEN: usize = 4;
const RTCP_ENCRYPTED: u32 = 1 << 31;

/// Packet indexes have 48 bits: the rollover counter's 32 and the sequence number's 16 (RFC 3711
/// section 3.3.1).
const INDEX_END: u64 = 1 << 48;

/// A key, ready for use.
#[derive(Debug)]
pub(crate) struct Cipher {
    key: LessSafeKey,
    salt: [u8; SALT_LEN],
}

/// The packet indexes of one stream under one key.
#[derive(Debug)]
pub(crate) struct Stream {
    ssrc: u32,
    indexes: Indexes,
}

/// The indexes of the reports about one stream under one key.
#[derive(Debug)]
pub(crate) struct ReportStream {
    ssrc: u32,
    next: u32,
}

/// Takes each index once: the ones we give out, and the ones that come in. What is 64 or more behind the
/// newest is refused unseen (RFC 3711 section 3.3.2).
#[derive(Debug, Default)]
pub(crate) struct Indexes {
    /// One more than the newest.
    end: u64,
    /// Bit `n`: `end - 1 - n` was taken.
    given: u64,
}

impl Stream {
    pub(crate) fn new(ssrc: u32) -> Stream {
        Stream { ssrc, indexes: Indexes::default() }
    }

    pub(crate) fn ssrc(&self) -> u32 {
        self.ssrc
    }
}

impl ReportStream {
    pub(crate) fn new(ssrc: u32) -> ReportStream {
        ReportStream { ssrc, next: 0 }
    }

    pub(crate) fn ssrc(&self) -> u32 {
        self.ssrc
    }
}

impl Indexes {
    /// The index that a sequence number most likely stands for (RFC 3711 section 3.3.1 and appendix A):
    /// the nearest to the newest one. A stream begins without a rollover. `None`: before its beginning.
    pub(crate) fn estimate(&self, sequence: u16) -> Option<u64> {
        let Some(newest) = self.newest() else { return Some(u64::from(sequence)) };
        let ahead = i64::from(sequence.wrapping_sub(newest as u16).cast_signed());
        newest.checked_add_signed(ahead).filter(|index| *index < INDEX_END)
    }

    /// The newest index that was taken.
    pub(crate) fn newest(&self) -> Option<u64> {
        self.end.checked_sub(1)
    }

    /// Whether [`Indexes::take`] would take it.
    pub(crate) fn would_take(&self, index: u64) -> bool {
        if index >= self.end {
            return index < INDEX_END;
        }
        let behind = self.end - 1 - index;
        behind < 64 && self.given & 1 << behind == 0
    }

    /// Takes an index, unless it was taken before or is too old. What comes in is taken only once it has
    /// been authenticated.
    pub(crate) fn take(&mut self, index: u64) -> bool {
        if index >= INDEX_END {
            return false;
        }
        if index >= self.end {
            let step = index + 1 - self.end;
            self.given = if step < 64 { self.given << step | 1 } else { 1 };
            self.end = index + 1;
            return true;
        }
        let behind = self.end - 1 - index;
        let bit = if behind < 64 { 1 << behind } else { return false };
        let fresh = self.given & bit == 0;
        self.given |= bit;
        fresh
    }
}

impl Cipher {
    pub(crate) fn new(key: &Key) -> Option<Cipher> {
        let algorithm = if key.bytes.len() == 16 { &AES_128_GCM } else { &AES_256_GCM };
        let unbound = UnboundKey::new(algorithm, &key.bytes).ok()?;
        Some(Cipher { key: LessSafeKey::new(unbound), salt: key.salt })
    }

    /// Seals the RTP packet that begins at `start` of the buffer and ends with it. The header of
    /// `header_len` bytes, which must be the stream's and carry the low bits of `index`, stays readable.
    ///
    /// `None`: nothing was sealed, and the packet must not be sent.
    #[inline]
    pub(crate) fn seal_rtp(
        &self,
        stream: &mut Stream,
        index: u64,
        buffer: &mut Vec<u8>,
        start: usize,
        header_len: usize,
    ) -> Option<()> {
        let packet = buffer.get_mut(start..)?;
        let (header, body) = packet.split_at_mut_checked(header_len)?;
        if !stream.indexes.take(index) {
            return None;
        }
        let nonce = self.nonce(stream.ssrc, index);
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(&*header), body).ok()?;
        buffer.extend_from_slice(tag.as_ref());
        Some(())
    }

    /// Seals the compound RTCP packet that begins at `start` of the buffer and ends with it (RFC 7714
    /// section 9).
    pub(crate) fn seal_rtcp(
        &self,
        stream: &mut ReportStream,
        buffer: &mut Vec<u8>,
        start: usize,
    ) -> Option<()> {
        let index = stream.next;
        if index >= RTCP_ENCRYPTED {
            return None;
        }
        let packet = buffer.get_mut(start..)?;
        let (clear, body) = packet.split_at_mut_checked(RTCP_CLEAR_LEN)?;
        let trailer = (RTCP_ENCRYPTED | index).to_be_bytes();
        let aad = rtcp_aad(clear, trailer)?;
        stream.next += 1;
        let nonce = self.nonce(stream.ssrc, u64::from(index));
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(aad), body).ok()?;
        buffer.extend_from_slice(tag.as_ref());
        buffer.extend_from_slice(&trailer);
        Some(())
    }

    /// Opens the body of an RTP packet, which ends with its tag, into `plain`. Returns what was in it;
    /// `None` unless it is genuine (RFC 7714 section 8).
    #[inline]
    pub(crate) fn open_rtp<'a>(
        &self,
        ssrc: u32,
        index: u64,
        header: &[u8],
        body: &[u8],
        plain: &'a mut [u8],
    ) -> Option<&'a [u8]> {
        let (sealed, tag) = body.split_last_chunk::<TAG_LEN>()?;
        let plain = plain.get_mut(..sealed.len())?;
        let nonce = self.nonce(ssrc, index);
        self.key.open_separate_gather(nonce, Aad::from(header), sealed, tag, plain).ok()?;
        Some(plain)
    }

    /// The SSRC and the index that an SRTCP packet says it has. To be believed once it is opened.
    pub(crate) fn rtcp_index(packet: &[u8]) -> Option<(u32, u64)> {
        let ssrc = packet.get(..RTCP_CLEAR_LEN)?.last_chunk::<4>()?;
        let index = u32::from_be_bytes(*packet.last_chunk::<RTCP_INDEX_LEN>()?);
        Some((u32::from_be_bytes(*ssrc), u64::from(index & !RTCP_ENCRYPTED)))
    }

    /// Opens an SRTCP packet in place. `None` unless it is genuine.
    pub(crate) fn open_rtcp<'a>(&self, packet: &'a mut [u8]) -> Option<&'a [u8]> {
        let body_end = packet.len().checked_sub(RTCP_INDEX_LEN)?;
        let (message, trailer) = packet.split_at_mut_checked(body_end)?;
        let trailer = *trailer.first_chunk::<RTCP_INDEX_LEN>()?;
        let index = u32::from_be_bytes(trailer);
        // Browsers encrypt always (RFC 8827 section 6.5).
        if index & RTCP_ENCRYPTED == 0 {
            return None;
        }
        let (clear, body) = message.split_at_mut_checked(RTCP_CLEAR_LEN)?;
        let aad = rtcp_aad(clear, trailer)?;
        let ssrc = clear.last_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes))?;
        let nonce = self.nonce(ssrc, u64::from(index & !RTCP_ENCRYPTED));
        let opened = self.key.open_in_place(nonce, Aad::from(aad), body).ok()?.len();
        message.get(..RTCP_CLEAR_LEN + opened)
    }

    /// RFC 7714 sections 8.1 and 9.1: two zeros, the SSRC, and six bytes of index, mixed with the salt.
    #[inline]
    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let [s0, s1, s2, s3] = ssrc.to_be_bytes();
        let [_, _, i0, i1, i2, i3, i4, i5] = index.to_be_bytes();
        let mut nonce = [0, 0, s0, s1, s2, s3, i0, i1, i2, i3, i4, i5];
        for (byte, salt) in nonce.iter_mut().zip(&self.salt) {
            *byte ^= salt;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}

/// What is authenticated without being encrypted: the clear header and the index.
fn rtcp_aad(clear: &[u8], trailer: [u8; RTCP_INDEX_LEN]) -> Option<[u8; RTCP_CLEAR_LEN + RTCP_INDEX_LEN]> {
    let mut aad = [0; RTCP_CLEAR_LEN + RTCP_INDEX_LEN];
    let (head, tail) = aad.split_at_mut(RTCP_CLEAR_LEN);
    head.copy_from_slice(clear.get(..RTCP_CLEAR_LEN)?);
    tail.copy_from_slice(&trailer);
    Some(aad)
}

#[cfg(test)]
mod tests;
