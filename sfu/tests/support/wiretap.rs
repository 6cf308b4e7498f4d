//! Listens on the worker's line, without keys, for what must never be heard there: a nonce used twice.
//!
//! With AEAD ciphers a nonce follows from the SSRC and the packet index (RFC 7714 sections 8.1 and 9.1),
//! which anyone can read: the index from the sequence numbers of RTP, and from the end of each RTCP
//! packet. Streams are told apart by their random SSRC.

use std::collections::{HashMap, HashSet};

#[derive(Debug, Default)]
pub struct Wiretap {
    rtp: HashSet<(u32, u64)>,
    rtcp: HashSet<(u32, u32)>,
    /// The newest index of each stream.
    newest: HashMap<u32, u64>,
    /// Who reports, and how often.
    pub reports: HashMap<u32, u64>,
}

impl Wiretap {
    /// Takes a datagram of the worker. Panics when it breaks the promise.
    pub fn hear(&mut self, datagram: &[u8]) {
        let word = |at: usize| u32::from_be_bytes(datagram[at..at + 4].try_into().unwrap());
        match datagram {
            [128..=191, 192..=223, ..] => {
                let (ssrc, index) = (word(4), word(datagram.len() - 4));
                assert!(self.rtcp.insert((ssrc, index)), "RTCP nonce {ssrc:08x} {index:08x} was used twice");
                *self.reports.entry(ssrc).or_default() += 1;
            }
            [128..=191, ..] => {
                let ssrc = word(8);
                let newest = self.newest.get(&ssrc).copied().unwrap_or(0);
                let sequence = u64::from(word(0) & 0xffff);
                // The nearest number to the newest one that ends like this.
                let rollovers = (newest >> 16).saturating_sub(1)..=(newest >> 16) + 1;
                let candidates = rollovers.map(|rollover| rollover << 16 | sequence);
                let index = candidates.min_by_key(|index| index.abs_diff(newest)).unwrap();
                self.newest.insert(ssrc, newest.max(index));
                assert!(self.rtp.insert((ssrc, index)), "RTP nonce {ssrc:08x} {index} was used twice");
            }
            _ => {}
        }
    }

    /// How many packets were sent on all streams.
    pub fn packets(&self) -> usize {
        self.rtp.len()
    }

    /// Whether this is the SSRC of a stream that was heard.
    pub fn is_stream(&self, ssrc: u32) -> bool {
        self.newest.contains_key(&ssrc)
    }
}
