//! The readable part of an RTP packet (RFC 3550 section 5.1, RFC 8285).
//!
//! Every byte here was written by a stranger, and nothing of it is authenticated yet: what does not hold
//! together is refused, nothing is allocated, nothing panics. Knows no keys and no streams. Start at
//! [`Header::parse`].

use crate::forwarder::Sound;

/// The part that every packet has.
const FIXED_LEN: usize = 12;

/// The first byte: two bits of version, then flags, then the number of contributing sources.
const VERSION: u8 = 2 << 6;
const VERSION_MASK: u8 = 3 << 6;
const PADDED: u8 = 0x20;
const EXTENDED: u8 = 0x10;
const SOURCES: u8 = 0x0f;

/// The second byte: the marker, then the payload type.
const MARKER: u8 = 0x80;

/// The short form of extensions (RFC 8285 section 4.2), and the long one, whose last four bits are free
/// (section 4.3).
const SHORT_FORM: u16 = 0xbede;
const LONG_FORM: u16 = 0x1000;
const LONG_FORM_MASK: u16 = 0xfff0;

/// Ends the elements of the short form.
const SHORT_END: u8 = 15;

/// What can be read of a packet without a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) marker: bool,
    pub(crate) padded: bool,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    pub(crate) sound: Sound,
    /// Where the sealed part begins.
    pub(crate) len: usize,
}

impl Header {
    /// Reads the header of a packet whose sender calls the audio level (RFC 6464) by this id. `None` when
    /// it does not hold together.
    #[inline]
    pub(crate) fn parse(packet: &[u8], level: Option<u8>) -> Option<Header> {
        let &[first, second, s0, s1, t0, t1, t2, t3, i0, i1, i2, i3] = packet.first_chunk::<FIXED_LEN>()?;
        if first & VERSION_MASK != VERSION {
            return None;
        }
        let mut len = FIXED_LEN + 4 * usize::from(first & SOURCES);
        let mut sound = Sound::default();
        let rest = packet.get(len..)?;
        if first & EXTENDED != 0 {
            let &[p0, p1, w0, w1] = rest.first_chunk::<4>()?;
            let words = usize::from(u16::from_be_bytes([w0, w1]));
            let elements = rest.get(4..)?.get(..4 * words)?;
            len += 4 + elements.len();
            sound = find_sound(u16::from_be_bytes([p0, p1]), elements, level)?;
        }
        Some(Header {
            marker: second & MARKER != 0,
            padded: first & PADDED != 0,
            payload_type: second & !MARKER,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([i0, i1, i2, i3]),
            sound,
            len,
        })
    }
}

/// Takes the padding off an opened body: its last byte counts it, itself included. `None` when that makes
/// no sense.
pub(crate) fn without_padding(body: &[u8]) -> Option<&[u8]> {
    let padding = usize::from(*body.last()?);
    let len = body.len().checked_sub(padding)?;
    body.get(..len).filter(|_| padding > 0)
}

/// Looks for the level among the elements of an extension. `None` when one of them runs past the end.
fn find_sound(form: u16, elements: &[u8], level: Option<u8>) -> Option<Sound> {
    let short = form == SHORT_FORM;
    if !short && form & LONG_FORM_MASK != LONG_FORM {
        // Something else, which RFC 3550 section 5.3.1 lets us pass over.
        return Some(Sound::default());
    }
    let mut sound = Sound::default();
    let mut rest = elements;
    while let Some((&head, after)) = rest.split_first() {
        if head == 0 {
            rest = after;
            continue;
        }
        let (id, len, after) = if short {
            (head >> 4, usize::from(head & 0x0f) + 1, after)
        } else {
            let (&len, after) = after.split_first()?;
            (head, usize::from(len), after)
        };
        // Section 4.2: both end the list.
        if short && (id == 0 || id == SHORT_END) {
            break;
        }
        let (data, after) = after.split_at_checked(len)?;
        rest = after;
        if let ([byte], true) = (data, sound.level.is_none() && level == Some(id)) {
            sound = Sound { level: Some(-((byte & 0x7f).cast_signed())), voice: Some(byte & 0x80 != 0) };
        }
    }
    Some(sound)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const FIXED: [u8; FIXED_LEN] = [0x80, 111, 1, 2, 0, 0, 0, 3, 0, 0, 0, 4];

    fn extended(form: [u8; 2], words: u16, elements: &[u8]) -> Vec<u8> {
        let mut packet = FIXED.to_vec();
        packet[0] |= EXTENDED;
        packet.extend(form);
        packet.extend(words.to_be_bytes());
        packet.extend(elements);
        packet
    }

    fn level_of(packet: &[u8]) -> Option<i8> {
        Header::parse(packet, Some(1)).unwrap().sound.level
    }

    #[test]
    fn the_fixed_part_is_read() {
        let mut packet = FIXED.to_vec();
        packet[1] |= MARKER;
        packet[0] |= PADDED | 2;
        packet.extend([9; 8]);
        packet.extend(b"sealed");
        let header = Header::parse(&packet, Some(1)).unwrap();
        let expected = Header {
            marker: true,
            padded: true,
            payload_type: 111,
            sequence: 0x0102,
            timestamp: 3,
            ssrc: 4,
            sound: Sound::default(),
            len: 20,
        };
        assert_eq!(header, expected);
    }

    #[test]
    fn the_level_is_found_in_both_forms() {
        let short = extended([0xbe, 0xde], 2, &[0x41, b'm', b'i', 0, 0x10, 0x80 | 20, 0, 0]);
        let header = Header::parse(&short, Some(1)).unwrap();
        assert_eq!(header.sound, Sound { level: Some(-20), voice: Some(true) });
        assert_eq!(header.len, short.len());
        let long = extended([0x10, 0x05], 2, &[0, 4, 0, 1, 1, 127, 0, 0]);
        let header = Header::parse(&long, Some(1)).unwrap();
        assert_eq!(header.sound, Sound { level: Some(-127), voice: Some(false) });
        assert_eq!(Header::parse(&short, Some(2)).unwrap().sound, Sound::default(), "another number");
        assert_eq!(Header::parse(&short, None).unwrap().sound, Sound::default(), "never agreed on");
    }

    #[test]
    fn what_ends_the_short_form_ends_it() {
        assert_eq!(level_of(&extended([0xbe, 0xde], 1, &[0xf0, 0, 0x10, 20])), None);
        assert_eq!(level_of(&extended([0xbe, 0xde], 1, &[0x03, 0, 0x10, 20])), None);
        assert_eq!(level_of(&extended([0xbe, 0xde], 1, &[0x11, 20, 20, 0])), None, "a level is one byte");
        assert_eq!(level_of(&extended([0xbe, 0xde], 1, &[0x10, 20, 0x10, 30])), Some(-20), "the first");
        assert_eq!(level_of(&extended([0xab, 0xcd], 1, &[0x10, 20, 0, 0])), None, "an unknown form");
        assert_eq!(level_of(&extended([0xbe, 0xde], 0, &[])), None);
    }

    #[test]
    fn what_does_not_hold_together_is_refused() {
        let cases: [(&str, Vec<u8>); 8] = [
            ("version 1", [&[0x40], &FIXED[1..]].concat()),
            ("sources beyond the end", [&[0x8f], &FIXED[1..]].concat()),
            ("no extension after all", [&[0x90], &FIXED[1..]].concat()),
            ("extension beyond the end", extended([0xbe, 0xde], 2, &[0; 7])),
            ("extension far beyond the end", extended([0xbe, 0xde], 0xffff, &[0; 1_400])),
            ("short element beyond the end", extended([0xbe, 0xde], 1, &[0x1f, 1, 2, 3])),
            ("long element beyond the end", extended([0x10, 0], 1, &[1, 200, 2, 3])),
            ("long element without a length", extended([0x10, 0], 1, &[0, 0, 0, 1])),
        ];
        for (name, packet) in cases {
            assert_eq!(Header::parse(&packet, Some(1)), None, "{name}");
        }
        for len in 0..FIXED_LEN {
            assert_eq!(Header::parse(&FIXED[..len], None), None, "{len} bytes");
        }
    }

    #[test]
    fn padding_counts_itself() {
        assert_eq!(without_padding(&[7, 8, 9, 1]), Some(&[7, 8, 9][..]));
        assert_eq!(without_padding(&[7, 0, 0, 3]), Some(&[7][..]));
        assert_eq!(without_padding(&[0, 0, 3]), Some(&[][..]), "nothing else");
        assert_eq!(without_padding(&[7, 0]), None, "no padding");
        assert_eq!(without_padding(&[7, 3]), None, "more than there is");
        assert_eq!(without_padding(&[]), None);
    }

    proptest! {
        /// Any bytes at all: no panic, and a header lies within its packet.
        #[test]
        fn any_bytes(mut packet in prop::collection::vec(any::<u8>(), 0..1_500), form in 0u8..4, words in 0u8..20) {
            if let Some(first) = packet.first_mut() {
                *first = VERSION | *first & (PADDED | EXTENDED | 1);
            }
            // The place of the extension when there are no sources.
            if let Some(place) = packet.get_mut(12..16) {
                match form {
                    0 => place.copy_from_slice(&[0xbe, 0xde, 0, words]),
                    1 => place.copy_from_slice(&[0x10, 0, 0, words]),
                    _ => {}
                }
            }
            if let Some(header) = Header::parse(&packet, Some(1)) {
                prop_assert!((FIXED_LEN..=packet.len()).contains(&header.len));
                prop_assert!(header.sound.level.is_none_or(|level| level <= 0));
            }
            if let Some(body) = without_padding(&packet) {
                prop_assert!(body.len() < packet.len());
            }
        }
    }
}
