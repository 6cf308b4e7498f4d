//! RED (RFC 2198): audio that carries earlier audio along.
//!
//! A publisher may wrap each packet with copies of the ones before it, by which what was lost on the way here is found
//! again; listeners who agreed to RED get as many copies as their line needs. Every byte that is read here was written by
//! a stranger: nothing is trusted, nothing panics. Knows no sessions and no listeners. Start at [`Red::parse`].

use std::sync::Arc;

/// A RED payload with more blocks than this comes from no browser (libwebrtc sends two at most, and can
/// be told to send nine).
const BLOCKS_MAX: usize = 10;

/// Bytes of the header of a redundant block: one bit "more follows", seven of payload type, fourteen of
/// timestamp offset, ten of length (RFC 2198 section 3).
const HEADER_LEN: usize = 4;

/// The bit that says another block header follows.
const MORE: u8 = 0x80;

/// What the offset and the length of a redundant block have room for.
const OFFSET_MAX: u32 = (1 << 14) - 1;
const BLOCK_MAX: usize = (1 << 10) - 1;

/// What we make stays in one datagram on every path, with everything around it.
const PACKED_MAX: usize = 1_100;

/// A RED payload that holds together and carries one codec only.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Red<'a> {
    headers: &'a [u8],
    redundant: &'a [u8],
    primary: &'a [u8],
}

/// Earlier audio in a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block<'a> {
    /// Ticks before the newest.
    pub(crate) offset: u32,
    pub(crate) contents: &'a [u8],
}

impl<'a> Red<'a> {
    /// Takes a payload apart; `None` unless every block is of payload type `codec` and all lengths agree.
    pub(crate) fn parse(payload: &'a [u8], codec: u8) -> Option<Red<'a>> {
        let mut rest = payload;
        let mut redundant_len = 0;
        for count in 0..=BLOCKS_MAX {
            let (&first, after) = rest.split_first()?;
            if first & !MORE != codec {
                return None;
            }
            if first & MORE == 0 {
                let headers = payload.get(..count * HEADER_LEN)?;
                let (redundant, primary) = after.split_at_checked(redundant_len)?;
                return (!primary.is_empty()).then_some(Red { headers, redundant, primary });
            }
            let (_, len) = offset_and_len(rest.first_chunk()?);
            redundant_len += len;
            rest = rest.get(HEADER_LEN..)?;
        }
        None
    }

    /// The newest audio.
    pub(crate) fn primary(&self) -> &'a [u8] {
        self.primary
    }

    /// What it carries along, oldest first.
    pub(crate) fn blocks(&self) -> impl ExactSizeIterator<Item = Block<'a>> + use<'a> {
        let (headers, _) = self.headers.as_chunks::<HEADER_LEN>();
        let mut rest = self.redundant;
        headers.iter().map(move |header| {
            let (offset, len) = offset_and_len(header);
            let (contents, after) = rest.split_at_checked(len).unwrap_or_default();
            rest = after;
            Block { offset, contents }
        })
    }
}

fn offset_and_len(header: &[u8; HEADER_LEN]) -> (u32, usize) {
    let word = u32::from_be_bytes(*header);
    (word >> 10 & OFFSET_MAX, word as usize & BLOCK_MAX)
}

/// A payload with as much of what was before it (the last first) as there is room for; `None` when there is none.
pub(crate) fn packed<'a>(
    codec: u8,
    primary: &[u8],
    past: impl Iterator<Item = Block<'a>>,
) -> Option<Arc<[u8]>> {
    let mut blocks = Vec::new();
    let mut len = 1 + primary.len();
    for block in past {
        let fits =
            (1..=OFFSET_MAX).contains(&block.offset) && (1..=BLOCK_MAX).contains(&block.contents.len());
        len += HEADER_LEN + block.contents.len();
        if !fits || len > PACKED_MAX {
            break;
        }
        blocks.push(block);
    }
    if blocks.is_empty() {
        return None;
    }
    blocks.reverse();
    let mut payload = Vec::with_capacity(len);
    for block in &blocks {
        let word = u32::from(MORE | codec) << 24 | block.offset << 10 | block.contents.len() as u32;
        payload.extend_from_slice(&word.to_be_bytes());
    }
    payload.push(codec & !MORE);
    blocks.iter().for_each(|block| payload.extend_from_slice(block.contents));
    payload.extend_from_slice(primary);
    Some(payload.into())
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
    fn what_is_packed_can_be_taken_apart() {
        let past = [Block { offset: 960, contents: b"cd" }, Block { offset: 1_920, contents: b"a" }];
        let payload = packed(OPUS, b"xyz", past.into_iter()).unwrap();
        let red = Red::parse(&payload, OPUS).unwrap();
        assert_eq!(red.primary(), b"xyz");
        assert_eq!(red.blocks().collect::<Vec<_>>(), [past[1], past[0]]);
        let one = packed(OPUS, b"xyz", [Block { offset: 960, contents: b"ab" }].into_iter()).unwrap();
        assert_eq!(&one[..], ONE_BEHIND);
    }

    #[test]
    fn what_has_no_room_is_left_out() {
        let long = [7; BLOCK_MAX];
        let block = |offset, contents| Block { offset, contents };
        assert_eq!(
            packed(OPUS, &[1; 100], [block(960, &long[..])].into_iter()),
            None,
            "no datagram is so long"
        );
        let payload =
            packed(OPUS, &[1; 400], [block(960, &long[..300]), block(1_920, &long[..400])].into_iter());
        assert_eq!(Red::parse(&payload.unwrap(), OPUS).unwrap().blocks().len(), 1);
        for offset in [0, OFFSET_MAX + 1] {
            assert_eq!(packed(OPUS, b"x", [block(offset, &b"y"[..])].into_iter()), None);
        }
        assert_eq!(packed(OPUS, b"x", [block(960, &b""[..])].into_iter()), None);
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
        /// Any bytes at all: no panic, and what is accepted is accounted for to the last byte.
        #[test]
        fn any_bytes(mut payload in prop::collection::vec(any::<u8>(), 0..200), blocks in 0usize..12) {
            for byte in payload.iter_mut().step_by(HEADER_LEN).take(blocks) {
                *byte = MORE | OPUS;
            }
            if let Some(byte) = payload.get_mut(blocks * HEADER_LEN) {
                *byte = OPUS;
            }
            if let Some(red) = Red::parse(&payload, OPUS) {
                let carried: usize = red.blocks().map(|block| block.contents.len()).sum();
                let headers = HEADER_LEN * red.blocks().len() + 1;
                prop_assert_eq!(headers + carried + red.primary().len(), payload.len());
            }
        }
    }
}
