//! Reading an offer at the door: what is taken, what is refused, and at what cost.
//!
//! An offer is text by a stranger. It is looked through line by line, in one pass with a bound on
//! everything, and only what a voice session needs is handed on to the session's own parser. Knows
//! nothing of rooms. Start at [`Offer::parse`].

use str0m::IceCreds;
use str0m::media::Mid;

use crate::message::OfferFault;

/// A browser's audio section has about 35 lines.
const LINES_PER_SECTION: usize = 100;

/// The longest line a browser writes is about 200 bytes.
const LINE_LEN_MAX: usize = 1_024;

/// Lines about streams announced in advance, per section. A browser announces one stream, in two lines.
const SSRC_LINES_MAX: usize = 8;

/// RFC 8839 section 5.4.
const UFRAG_LEN: std::ops::RangeInclusive<usize> = 4..=256;
const PASSWORD_LEN: std::ops::RangeInclusive<usize> = 22..=256;

/// A SHA-256 fingerprint: 32 pairs of digits with colons between them (RFC 8122 section 5).
const FINGERPRINT_LEN: usize = 32 * 3 - 1;

/// An offer that can be answered.
#[derive(Debug)]
pub(crate) struct Offer {
    /// The line the participant speaks on.
    pub(crate) sending: Mid,
    /// The lines he listens on, in order: one per slot.
    pub(crate) receiving: Vec<Mid>,
    /// The text, without what the session must not see.
    pub(crate) sdp: String,
    /// The same as if only the line he speaks on had been offered.
    pub(crate) speaking: String,
    /// His credentials for checks (RFC 8445 section 7.2.2).
    pub(crate) his: IceCreds,
    /// Of his certificate.
    pub(crate) fingerprint: String,
}

/// One media section while it is read.
#[derive(Debug)]
struct Section {
    mid: Option<Mid>,
    direction: Direction,
    opus: bool,
    /// Where it begins in the text that is handed on.
    start: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Sends,
    Receives,
    Neither,
}

/// What must be the same wherever it is repeated, since all lines share one transport.
#[derive(Debug, Default)]
struct Agreed<'a> {
    user_name: Option<&'a str>,
    password: Option<&'a str>,
    fingerprint: Option<String>,
}

impl Offer {
    /// Reads an offer for a room of `slots`.
    pub(crate) fn parse(text: &str, slots: u8) -> Result<Offer, OfferFault> {
        if !text.starts_with("v=0") {
            return Err(OfferFault::NotSdp);
        }
        let mut sections: Vec<Section> = Vec::new();
        let mut agreed = Agreed::default();
        let mut sdp = String::with_capacity(text.len());
        let mut lines_in_section = 0;
        let mut ssrc_lines = 0;
        for line in text.lines().filter(|line| !line.is_empty()) {
            lines_in_section += 1;
            if line.len() > LINE_LEN_MAX || lines_in_section > LINES_PER_SECTION {
                return Err(OfferFault::NotSdp);
            }
            if let Some(media) = line.strip_prefix("m=") {
                if sections.len() > usize::from(slots) {
                    return Err(OfferFault::TooManyLines);
                }
                if !media.starts_with("audio ") {
                    return Err(OfferFault::NotAudio);
                }
                let start = sdp.len();
                sections.push(Section { mid: None, direction: Direction::Sends, opus: false, start });
                (lines_in_section, ssrc_lines) = (0, 0);
            }
            let Some(attribute) = line.strip_prefix("a=") else {
                push_line(&mut sdp, line);
                continue;
            };
            let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
            agreed.take(name, value)?;
            if let Some(section) = sections.last_mut() {
                section.take(name, value)?;
            }
            if name == "ssrc" {
                ssrc_lines += 1;
            }
            if ssrc_lines > SSRC_LINES_MAX {
                return Err(OfferFault::Refused);
            }
            if is_wanted(name) {
                push_line(&mut sdp, line);
            }
        }
        let (his, fingerprint) = agreed.complete()?;
        Self::from_sections(&sections, sdp, his, fingerprint)
    }

    /// An answer to this offer in which the lines he listens on are those of streams that there are: number and name of
    /// each, in order.
    pub(crate) fn with_streams(&self, answer: &str, streams: &[(u32, String)]) -> String {
        let mut text = String::with_capacity(answer.len());
        let mut sections = answer.split("\r\nm=");
        text.push_str(sections.next().unwrap_or_default());
        for section in sections {
            text.push_str("\r\nm=");
            let mid = section.lines().find_map(|line| line.strip_prefix("a=mid:"));
            let place = self.receiving.iter().position(|line| mid.is_some_and(|mid| *line == Mid::from(mid)));
            let Some((ssrc, cname)) = place.and_then(|place| streams.get(place)) else {
                text.push_str(section);
                continue;
            };
            let renamed = section.split("\r\n").map(|line| match line.strip_prefix("a=ssrc:") {
                Some(rest) => match rest.split_once(' ').map_or("", |(_, rest)| rest) {
                    rest if rest.starts_with("cname:") => format!("a=ssrc:{ssrc} cname:{cname}"),
                    rest => format!("a=ssrc:{ssrc} {rest}"),
                },
                None => line.to_owned(),
            });
            text.push_str(&renamed.collect::<Vec<_>>().join("\r\n"));
        }
        text
    }

    fn from_sections(
        sections: &[Section],
        sdp: String,
        his: IceCreds,
        fingerprint: String,
    ) -> Result<Offer, OfferFault> {
        let mut mids = Vec::with_capacity(sections.len());
        for section in sections {
            let mid = section.mid.ok_or(OfferFault::NoMid)?;
            if mids.contains(&mid) {
                return Err(OfferFault::DuplicateMid);
            }
            mids.push(mid);
        }
        let lines = |direction| {
            let pairs = sections.iter().zip(&mids);
            pairs
                .filter(move |(section, _)| section.direction == direction)
                .map(|(section, mid)| (section, *mid))
        };
        let mut sending = lines(Direction::Sends);
        let (section, mid) = sending.next().ok_or(OfferFault::NoSendingLine)?;
        if sending.next().is_some() {
            return Err(OfferFault::ManySendingLines);
        }
        if !section.opus {
            return Err(OfferFault::NoOpus);
        }
        let receiving = lines(Direction::Receives).map(|(_, mid)| mid).collect();
        let transport = format!(
            "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\n",
            his.ufrag, his.pass
        );
        let speaking = Self::with_one_line(sections, section, mid, &sdp, &transport);
        Ok(Offer { sending: mid, receiving, sdp, speaking, his, fingerprint })
    }

    /// The text with `section` alone, on a transport of its own. What was said of the shared one stands there, since it
    /// may have been said in a section that is left out (RFC 9143 section 7.1.3).
    fn with_one_line(
        sections: &[Section],
        section: &Section,
        mid: Mid,
        sdp: &str,
        transport: &str,
    ) -> String {
        let starts = sections.iter().map(|section| section.start);
        let end = starts.clone().find(|start| *start > section.start).unwrap_or(sdp.len());
        let head = starts.min().and_then(|start| sdp.get(..start)).unwrap_or_default();
        let body = sdp.get(section.start..end).unwrap_or_default();
        let mut text = String::with_capacity(head.len() + body.len() + transport.len());
        head.lines().filter(|line| !is_of_transport(line)).for_each(|line| push_line(&mut text, line));
        push_line(&mut text, &format!("a=group:BUNDLE {mid}"));
        body.lines().filter(|line| !is_of_transport(line)).for_each(|line| push_line(&mut text, line));
        push_line(&mut text, &format!("a=mid:{mid}"));
        text + transport
    }
}

impl Section {
    fn take(&mut self, name: &str, value: &str) -> Result<(), OfferFault> {
        match name {
            "mid" => {
                if self.mid.is_some() {
                    return Err(OfferFault::DuplicateMid);
                }
                self.mid = Some(parse_mid(value)?);
            }
            "sendonly" | "sendrecv" => self.direction = Direction::Sends,
            "recvonly" => self.direction = Direction::Receives,
            "inactive" => self.direction = Direction::Neither,
            "rtpmap" => {
                let codec = value.split_once(' ').map_or("", |(_, codec)| codec);
                self.opus |= codec.eq_ignore_ascii_case("opus/48000/2");
            }
            _ => {}
        }
        Ok(())
    }
}

impl<'a> Agreed<'a> {
    fn take(&mut self, name: &str, value: &'a str) -> Result<(), OfferFault> {
        match name {
            "ice-ufrag" => agree(&mut self.user_name, value, UFRAG_LEN)?,
            "ice-pwd" => agree(&mut self.password, value, PASSWORD_LEN)?,
            "fingerprint" => {
                let fingerprint = parse_fingerprint(value).ok_or(OfferFault::NoFingerprint)?;
                if self.fingerprint.get_or_insert_with(|| fingerprint.clone()) != &fingerprint {
                    return Err(OfferFault::NoFingerprint);
                }
            }
            // We wait for the handshake, always: a server that dials out is a server that can be aimed.
            "setup" if value != "actpass" && value != "active" => return Err(OfferFault::Refused),
            // Two lite agents never check each other (RFC 8445 section 2.5).
            "ice-lite" => return Err(OfferFault::Refused),
            _ => {}
        }
        Ok(())
    }

    /// His credentials and the fingerprint of his certificate.
    fn complete(&self) -> Result<(IceCreds, String), OfferFault> {
        let (Some(user_name), Some(password)) = (self.user_name, self.password) else {
            return Err(OfferFault::NoIceCredentials);
        };
        let fingerprint = self.fingerprint.clone().ok_or(OfferFault::NoFingerprint)?;
        Ok((IceCreds { ufrag: user_name.to_owned(), pass: password.to_owned() }, fingerprint))
    }
}

/// Whether a line says something about the transport that lines share, or which these are.
fn is_of_transport(line: &str) -> bool {
    let name = line.strip_prefix("a=").map(|attribute| attribute.split(':').next().unwrap_or(attribute));
    matches!(name, Some("ice-ufrag" | "ice-pwd" | "fingerprint" | "setup" | "group" | "mid"))
}

fn agree<'a>(
    known: &mut Option<&'a str>,
    value: &'a str,
    len: std::ops::RangeInclusive<usize>,
) -> Result<(), OfferFault> {
    // Some clients go beyond RFC 8839's letters, digits, `+` and `/`; only the colon, which separates the
    // two halves of a STUN user name, would do harm.
    let clean = value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
    if !len.contains(&value.len()) || !clean || known.is_some_and(|known| known != value) {
        return Err(OfferFault::NoIceCredentials);
    }
    *known = Some(value);
    Ok(())
}

/// Mids as browsers write them. The session's own type holds sixteen letters, digits and `_`; others
/// would be changed there silently, and the answer would name lines that were never offered.
fn parse_mid(value: &str) -> Result<Mid, OfferFault> {
    let plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if value.is_empty() || value.len() > 16 || !plain {
        return Err(OfferFault::NoMid);
    }
    Ok(Mid::from(value))
}

/// SHA-256 only: all browsers use it, and older hashes can be forged.
fn parse_fingerprint(value: &str) -> Option<String> {
    let (hash, digest) = value.split_once(' ')?;
    let pairs = digest.split(':').all(|pair| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit()));
    let right = hash.eq_ignore_ascii_case("sha-256") && digest.len() == FINGERPRINT_LEN && pairs;
    right.then(|| digest.to_ascii_uppercase())
}

/// What the session may see. Candidates are of no use to a lite agent and would only be a way to make it
/// look at addresses of the offerer's choice; layers are a matter of video.
fn is_wanted(attribute: &str) -> bool {
    !matches!(attribute, "candidate" | "end-of-candidates" | "remote-candidates" | "rid" | "simulcast")
}

fn push_line(sdp: &mut String, line: &str) {
    sdp.push_str(line);
    sdp.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const SLOTS: u8 = 4;

    fn head() -> String {
        let digest = vec!["AB"; 32].join(":");
        format!(
            "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
             a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 {digest}\r\n\
             a=setup:actpass\r\n"
        )
    }

    fn section(mid: &str, direction: &str) -> String {
        format!(
            "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na={direction}\r\n\
             a=rtpmap:111 opus/48000/2\r\n"
        )
    }

    fn fault(text: &str) -> OfferFault {
        Offer::parse(text, SLOTS).unwrap_err()
    }

    #[test]
    fn one_line_to_speak_and_some_to_listen() {
        let text = head() + &section("0", "sendonly") + &section("1", "recvonly") + &section("x", "inactive");
        let offer = Offer::parse(&text, SLOTS).unwrap();
        assert_eq!(offer.sending, Mid::from("0"));
        assert_eq!(offer.receiving, [Mid::from("1")]);
        assert_eq!(offer.sdp, text);
    }

    #[test]
    fn the_line_he_speaks_on_can_stand_alone() {
        let own = |line: &str| line.starts_with("a=ice") || line.starts_with("a=finger");
        let (transport, rest): (Vec<_>, Vec<_>) =
            head().lines().map(str::to_owned).partition(|line| own(line));
        let (transport, rest) = (transport.join("\r\n") + "\r\n", rest.join("\r\n") + "\r\n");
        // As browsers write it, and with the transport in a section that is left out.
        for text in [
            head() + &section("0", "sendonly") + &section("1", "recvonly"),
            rest + &section("1", "recvonly") + &transport + &section("0", "sendonly"),
        ] {
            let speaking = Offer::parse(&text, SLOTS).unwrap().speaking;
            let alone = Offer::parse(&speaking, SLOTS).unwrap();
            assert_eq!((alone.sending, alone.receiving.len()), (Mid::from("0"), 0));
            assert_eq!(speaking.matches("m=audio").count(), 1);
            assert!(transport.lines().all(|line| speaking.matches(line).count() == 1), "{speaking}");
            assert_eq!(speaking.matches("a=group:BUNDLE 0\r\n").count(), 1, "{speaking}");
        }
    }

    #[test]
    fn candidates_never_reach_the_session() {
        let candidate = "a=candidate:1 1 udp 2122260223 169.254.169.254 80 typ host\r\n";
        let text = head() + &section("0", "sendonly") + candidate;
        assert!(!Offer::parse(&text, SLOTS).unwrap().sdp.contains("169.254"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let good = head() + &section("0", "sendonly");
        let digest = vec!["AB"; 32].join(":");
        let other_digest = vec!["CD"; 32].join(":");
        let cases = [
            (String::new(), OfferFault::NotSdp),
            ("x".repeat(1 << 20), OfferFault::NotSdp),
            (head(), OfferFault::NoSendingLine),
            (head() + &section("0", "recvonly"), OfferFault::NoSendingLine),
            (good.clone() + &section("1", "sendrecv"), OfferFault::ManySendingLines),
            (good.clone() + &section("0", "recvonly"), OfferFault::DuplicateMid),
            (good.clone() + "a=mid:7\r\n", OfferFault::DuplicateMid),
            (good.clone() + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n", OfferFault::NotAudio),
            (good.clone() + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n", OfferFault::NotAudio),
            (good.replace("a=mid:0\r\n", ""), OfferFault::NoMid),
            (good.replace("a=mid:0", "a=mid:a-b"), OfferFault::NoMid),
            (good.replace("opus", "PCMU"), OfferFault::NoOpus),
            (good.replace("a=fingerprint", "a=finger"), OfferFault::NoFingerprint),
            (good.replace("sha-256", "md5"), OfferFault::NoFingerprint),
            (good.replace("sha-256 AB:", "sha-256 AB"), OfferFault::NoFingerprint),
            (good.clone() + &format!("a=fingerprint:sha-256 {other_digest}\r\n"), OfferFault::NoFingerprint),
            (good.replace("a=ice-ufrag:abcd", "a=ice-ufrag:a"), OfferFault::NoIceCredentials),
            (
                good.replace("a=ice-ufrag:abcd", &format!("a=ice-ufrag:{}", "a".repeat(257))),
                OfferFault::NoIceCredentials,
            ),
            (good.clone() + "a=ice-ufrag:other\r\n", OfferFault::NoIceCredentials),
            (good.replace("a=ice-pwd", "a=ice-pass"), OfferFault::NoIceCredentials),
            (good.replace("actpass", "holdconn"), OfferFault::Refused),
            (good.replace("actpass", "passive"), OfferFault::Refused),
            (good.clone() + "a=ice-lite\r\n", OfferFault::Refused),
            (good.clone() + &"a=ssrc:1 cname:x\r\n".repeat(9), OfferFault::Refused),
            (good.clone() + &"a=x:y\r\n".repeat(200), OfferFault::NotSdp),
            (good.clone() + &format!("a=rtpmap:96 {}/90000\r\n", "c".repeat(4_096)), OfferFault::NotSdp),
        ];
        for (text, expected) in cases {
            assert_eq!(fault(&text), expected, "{}", &text[text.len().saturating_sub(80)..]);
        }
        let same = good + &format!("a=fingerprint:sha-256 {digest}\r\n");
        assert!(Offer::parse(&same, SLOTS).is_ok(), "the same fingerprint twice");
    }

    #[test]
    fn ten_thousand_lines_are_refused_at_the_sixth() {
        let text = head() + &section("0", "sendonly") + &"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n".repeat(10_000);
        assert_eq!(fault(&text), OfferFault::TooManyLines);
    }

    proptest! {
        #[test]
        fn any_text(text in "\\PC{0,400}") {
            let _ = Offer::parse(&text, SLOTS);
        }

        #[test]
        fn a_good_offer_with_a_hole_or_a_wart(at in 0usize..400, len in 0usize..40, wart in "\\PC{0,20}") {
            let text = head() + &section("0", "sendonly") + &section("1", "recvonly");
            let cut: String = text.chars().take(at).collect();
            let rest: String = text.chars().skip(at + len).collect();
            let _ = Offer::parse(&format!("{cut}{wart}{rest}"), SLOTS);
        }
    }
}
