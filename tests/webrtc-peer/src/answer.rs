//! What a caller must read in the server's answer himself: whose packets come on which line.

use std::collections::HashMap;

/// The level extension (RFC 6464), as SDP names it.
pub(crate) const LEVEL_URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

/// What the answer says about packets.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// By SSRC: the line it belongs to, counted from 0, in the order of the offer.
    pub(crate) lines: HashMap<u32, usize>,
    /// Payload type of Opus.
    pub(crate) opus: Option<u8>,
    /// Id of the level extension.
    pub(crate) level: Option<u8>,
}

impl Answer {
    pub(crate) fn parse(sdp: &str) -> Self {
        let mut answer = Self::default();
        let mut line: Option<usize> = None;
        for text in sdp.lines() {
            if text.starts_with("m=") {
                line = Some(line.map_or(0, |line| line + 1));
            }
            let (Some(line), Some((name, value))) = (line, text.split_once(':')) else { continue };
            let (number, rest) = value.split_once(' ').unwrap_or((value, ""));
            match name {
                "a=ssrc" => answer.lines.extend(number.parse().ok().map(|ssrc: u32| (ssrc, line))),
                "a=rtpmap" if rest.eq_ignore_ascii_case("opus/48000/2") => answer.opus = number.parse().ok(),
                "a=extmap" if rest == LEVEL_URI => answer.level = number.parse().ok(),
                _ => {}
            }
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_belongs_to_the_line_it_is_declared_on() {
        let sdp = "v=0\r\na=ssrc:1 nobody:x\r\nm=audio 9 X 111\r\na=rtpmap:111 opus/48000/2\r\n\
                   a=extmap:3 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\nm=audio 9 X 111\r\na=ssrc:7 cname:x\r\n\
                   a=ssrc:7 msid:a b\r\n";
        let expected = Answer { lines: HashMap::from([(7, 1)]), opus: Some(111), level: Some(3) };
        assert_eq!(Answer::parse(sdp), expected);
    }
}
