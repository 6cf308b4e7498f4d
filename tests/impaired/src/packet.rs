//! What a datagram is, by its first bytes (RFC 7983, RFC 5761): media have their own chance.
//!
//! Must not know what happens to it.

/// Whether a datagram carries media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A packet of RTP.
    Media,
    /// STUN, DTLS, RTCP, anything else.
    Other,
}

impl Kind {
    /// Reads it off the datagram.
    pub(crate) fn of(datagram: &[u8]) -> Self {
        // RTP and RTCP begin with 128 to 191; RTCP's types, as second byte, with 192 to 223. An RTP header has 12 bytes.
        match datagram {
            [128..=191, 192..=223, ..] => Kind::Other,
            [128..=191, _, ..] if datagram.len() >= 12 => Kind::Media,
            _ => Kind::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_are_told_from_what_keeps_them_going() {
        let with = |first: u8, second: u8| {
            let mut datagram = [0_u8; 60];
            (datagram[0], datagram[1]) = (first, second);
            Kind::of(&datagram)
        };
        assert_eq!(with(0x90, 111), Kind::Media);
        assert_eq!(with(0x80, 0x80 | 63), Kind::Media, "with the marker");
        assert_eq!(with(0x80, 200), Kind::Other, "a sender report");
        assert_eq!(with(0x00, 0x01), Kind::Other, "STUN");
        assert_eq!(with(22, 254), Kind::Other, "DTLS");
        assert_eq!(Kind::of(&[0x80, 111]), Kind::Other, "too short for a header");
        assert_eq!(Kind::of(&[]), Kind::Other);
    }
}
