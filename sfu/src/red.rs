//! RED (RFC 2198): audio that carries earlier audio along.
//!
//! A publisher may wrap each packet with copies of the ones before it. Listeners who agreed to RED get it
//! as it is, apart from the payload type numbers inside; the others get the newest block alone. Every
//! byte here was written by a stranger: nothing is trusted, nothing panics. Knows no sessions and no
//! listeners. Start at [`Red::parse`].

use std::sync::Arc;

/// A RED payload with more blocks than this comes from no browser (libwebrtc sends two at most, and can
/// be told to send nine).
const BLOCKS_MAX: usize = 10;

/// Bytes of the header of a redundant block: one bit "more follows", seven of payload type, fourteen of
/// timestamp offset, ten of length (RFC 2198 section 3).
const HEADER_LEN: usize = 4;

/// The bit that says another block header follows.
const MORE: u8 = 0x80;

/// A RED payload that holds together and carries one codec only.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Red<'a> {
    payload: &'a [u8],
    /// How many redundant blocks precede the primary one.
    redundant: usize,
    primary: &'a [u8],
}

impl<'a> Red<'a> {
    /// Takes a payload apart; `None` unless every block is of payload type `codec` and all lengths agree.
    pub(crate) fn parse(payload: &'a [u8], codec: u8) -> Option<Red<'a>> {
        let mut rest = payload;
        let mut redundant = 0;
        let mut redundant_len = 0;
        loop {
            let (&first, after) = rest.split_first()?;
            if first & !MORE != codec {
                return None;
            }
            if first & MORE == 0 {
                let primary = after.get(redundant_len..)?;
                return (!primary.is_empty()).then_some(Red { payload, redundant, primary });
            }
            let [_, _, high, low] = *rest.first_chunk::<HEADER_LEN>()?;
            redundant_len += usize::from(high & 0x03) << 8 | usize::from(low);
            redundant += 1;
            if redundant > BLOCKS_MAX {
                return None;
            }
            rest = rest.get(HEADER_LEN..)?;
        }
    }

    /// The newest audio, which is all that a listener without RED can use.
    pub(crate) fn primary(&self) -> &'a [u8] {
        self.primary
    }

    /// The same payload for a listener who calls the codec by another number.
    pub(crate) fn with_codec(&self, codec: u8) -> Arc<[u8]> {
        let mut copy: Arc<[u8]> = Arc::from(self.payload);
        if let Some(bytes) = Arc::get_mut(&mut copy) {
            let headers = bytes.iter_mut().step_by(HEADER_LEN).take(self.redundant + 1);
            for byte in headers {
                *byte = *byte & MORE | codec & !MORE;
            }
        }
        copy
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const OPUS: u8 = 111;

    /// One redundant block "ab", 960 ticks back, then the primary "xyz".
    const ONE_BEHIND: &[u8] = &[MORE | OPUS, 0x0f, 0x00, 2, OPUS, b'a', b'b', b'x', b'y', b'z'];

    #[test]
    fn the_primary_is_what_follows_the_redundant_blocks() {
        assert_eq!(Red::parse(ONE_BEHIND, OPUS).unwrap().primary(), b"xyz");
        assert_eq!(Red::parse(&[OPUS, b'x'], OPUS).unwrap().primary(), b"x");
    }

    #[test]
    fn a_renamed_codec_changes_headers_only() {
        let renamed = Red::parse(ONE_BEHIND, OPUS).unwrap().with_codec(109);
        let red = Red::parse(&renamed, 109).unwrap();
        assert_eq!((red.redundant, red.primary()), (1, &b"xyz"[..]));
        assert_eq!(renamed[1..4], ONE_BEHIND[1..4]);
        assert_eq!(renamed[5..], ONE_BEHIND[5..]);
    }

    #[test]
    fn hostile_payloads_are_refused() {
        let cases: [(&str, &[u8]); 7] = [
            ("empty", &[]),
            ("no primary", &[MORE | OPUS, 0, 0, 0]),
            ("empty primary", &[OPUS]),
            ("length beyond the end", &[MORE | OPUS, 0, 3, 255, OPUS, 1, 2]),
            ("header cut short", &[MORE | OPUS, 0]),
            ("another codec", &[MORE | 9, 0, 0, 0, OPUS, 1]),
            ("RED inside RED", &[63, OPUS, 1]),
        ];
        for (name, payload) in cases {
            assert_eq!(Red::parse(payload, OPUS), None, "{name}");
        }
        let mut many = [MORE | OPUS, 0, 0, 0].repeat(32);
        many.extend([OPUS, 1]);
        assert_eq!(Red::parse(&many, OPUS), None, "32 blocks");
    }

    proptest! {
        /// Any bytes at all: no panic, and what is accepted survives renaming.
        #[test]
        fn any_bytes(mut payload in prop::collection::vec(any::<u8>(), 0..200), blocks in 0usize..12) {
            for byte in payload.iter_mut().step_by(HEADER_LEN).take(blocks) {
                *byte = MORE | OPUS;
            }
            if let Some(byte) = payload.get_mut(blocks * HEADER_LEN) {
                *byte = OPUS;
            }
            if let Some(red) = Red::parse(&payload, OPUS) {
                let renamed = red.with_codec(96);
                let again = Red::parse(&renamed, 96).unwrap();
                prop_assert_eq!(again.primary(), red.primary());
                prop_assert_eq!(&again.with_codec(OPUS)[..], &payload[..]);
            }
        }
    }
}
