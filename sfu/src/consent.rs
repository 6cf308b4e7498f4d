//! Answers the checks of somebody whose path is known, past the session (RFC 7675, RFC 8445 section 7.3).
//!
//! A browser asks every few seconds whether it may go on, and of somebody who is silent nothing else comes. A
//! session looks through all that it might have to do for each of these; here a request is read, authenticated and
//! answered. Whatever is out of the ordinary is left to the session: a name that is not his, another role,
//! attributes that must be understood, no fingerprint.
//!
//! A request can be recorded and sent again from elsewhere, so one that comes from a new address says little about where
//! somebody is. Then he is asked there: what answers a question made up just now was not recorded. Knows neither rooms
//! nor paths. Start at [`Consent::answer`].

use std::net::{IpAddr, SocketAddr};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{Context, HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key};
use crc::{CRC_32_ISO_HDLC, Crc};
use str0m::IceCreds;

/// The fixed header (RFC 8489 section 5): type, length, cookie, transaction.
const HEADER_LEN: usize = 20;
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const REQUEST: [u8; 2] = [0x00, 0x01];
const SUCCESS: [u8; 2] = [0x01, 0x01];

/// What precedes an attribute's value: its type and length.
const HEAD_LEN: usize = 4;

/// RFC 8489 section 18.3, RFC 8445 section 16.1.
const USERNAME: u16 = 0x0006;
const INTEGRITY: u16 = 0x0008;
const MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
/// As of an address that is seen for the first time (RFC 8445 section 5.1.2.1); nothing hangs on it, since the other
/// side chooses.
const PRIORITY_OF_OURS: u32 = 110 << 24 | 0x00ff_ffff;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const CONTROLLED: u16 = 0x8029;

/// Attributes up to this one must be understood (RFC 8489 section 14).
const MUST_BE_UNDERSTOOD: u16 = 0x7fff;

/// What tells one request from another.
pub(crate) const TRANSACTION_LEN: usize = 12;

/// The length of HMAC-SHA1 (RFC 8489 section 14.5).
const INTEGRITY_LEN: usize = 20;

/// What the checksum is mixed with (RFC 8489 section 14.7).
const FINGERPRINT_MARK: u32 = 0x5354_554e;

/// A browser's request has six attributes; the bound keeps a hostile one cheap.
const ATTRIBUTES_MAX: usize = 16;

static CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// What it takes to tell one participant's checks.
pub(crate) struct Consent {
    /// Ours, a colon, his (RFC 8445 section 7.2.2).
    user_name: Box<[u8]>,
    /// Ours: it seals his requests and our answers.
    password: Box<[u8]>,
    /// His: it seals our requests and his answers.
    his_password: Box<[u8]>,
}

impl Consent {
    pub(crate) fn new(ours: &IceCreds, his: &IceCreds) -> Consent {
        let user_name = format!("{}:{}", ours.ufrag, his.ufrag).into_bytes().into();
        let [password, his_password] = [ours, his].map(|credentials| credentials.pass.as_bytes().into());
        Consent { user_name, password, his_password }
    }

    /// Appends a request that only he can answer.
    pub(crate) fn ask(&self, transaction: &[u8; TRANSACTION_LEN], request: &mut Vec<u8>) -> Option<()> {
        let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.his_password);
        let colon = self.user_name.iter().position(|byte| *byte == b':')?;
        let (ours, his) = self.user_name.split_at_checked(colon)?;
        let name = [his.get(1..)?, b":", ours].concat();
        let start = request.len();
        request.extend_from_slice(&REQUEST);
        request.extend_from_slice(&[0, 0]);
        request.extend_from_slice(&COOKIE);
        request.extend_from_slice(transaction);
        write_head(USERNAME, name.len(), request);
        request.extend_from_slice(&name);
        request.resize(start + (request.len() - start).next_multiple_of(4), 0);
        write_head(PRIORITY, size_of::<u32>(), request);
        request.extend_from_slice(&PRIORITY_OF_OURS.to_be_bytes());
        write_head(CONTROLLED, size_of::<u64>(), request);
        request.extend_from_slice(&[0; size_of::<u64>()]);
        seal(&key, request, start)
    }

    /// Whether this is his answer to the request of this transaction.
    pub(crate) fn is_answer(&self, answer: &[u8], transaction: &[u8; TRANSACTION_LEN]) -> bool {
        let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.his_password);
        is_answer(answer, transaction, &key).is_some()
    }

    /// Appends the answer to a request from this address. `None`, and nothing appended, unless it is genuine and
    /// as it always is.
    pub(crate) fn answer(&self, request: &[u8], from: SocketAddr, answer: &mut Vec<u8>) -> Option<()> {
        let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.password);
        self.authenticate(request, &key)?;
        let transaction = request.get(HEAD_LEN + COOKIE.len()..HEADER_LEN)?;
        let start = answer.len();
        answer.extend_from_slice(&SUCCESS);
        answer.extend_from_slice(&[0, 0]);
        answer.extend_from_slice(&COOKIE);
        answer.extend_from_slice(transaction);
        write_mapped_address(from, transaction, answer);
        seal(&key, answer, start)
    }

    fn authenticate(&self, request: &[u8], key: &Key) -> Option<()> {
        let (header, body) = request.split_at_checked(HEADER_LEN)?;
        let [t0, t1, l0, l1, c0, c1, c2, c3, ..] = *header else { return None };
        let len = usize::from(u16::from_be_bytes([l0, l1]));
        if [t0, t1] != REQUEST || [c0, c1, c2, c3] != COOKIE || len != body.len() {
            return None;
        }
        let mut named = false;
        let mut at = HEADER_LEN;
        for _ in 0..ATTRIBUTES_MAX {
            let (kind, value) = attribute(request, at)?;
            match kind {
                USERNAME if !named => {
                    named = *value == *self.user_name;
                    if !named {
                        return None;
                    }
                }
                INTEGRITY if named => return ends_well(request, at, value, key),
                PRIORITY | USE_CANDIDATE => {}
                CONTROLLED | FINGERPRINT | 0..=MUST_BE_UNDERSTOOD => return None,
                _ => {}
            }
            at += HEAD_LEN + value.len().next_multiple_of(4);
        }
        None
    }
}

/// Appends the seal and the checksum of the message that begins at `start`.
fn seal(key: &Key, buffer: &mut Vec<u8>, start: usize) -> Option<()> {
    let message = buffer.get(start..)?;
    let seal = integrity(key, message, message.len())?;
    write_head(INTEGRITY, seal.as_ref().len(), buffer);
    buffer.extend_from_slice(seal.as_ref());
    // The checksum is made as if it were in already.
    let len = buffer.len() - start + HEAD_LEN + size_of::<u32>() - HEADER_LEN;
    buffer.get_mut(start + SUCCESS.len()..start + HEAD_LEN)?.copy_from_slice(&(len as u16).to_be_bytes());
    let checksum = fingerprint(buffer.get(start..)?);
    write_head(FINGERPRINT, checksum.len(), buffer);
    buffer.extend_from_slice(&checksum);
    Some(())
}

fn is_answer(answer: &[u8], transaction: &[u8; TRANSACTION_LEN], key: &Key) -> Option<()> {
    let (header, body) = answer.split_at_checked(HEADER_LEN)?;
    let (head, named) = header.split_at_checked(HEAD_LEN + COOKIE.len())?;
    let [t0, t1, l0, l1, cookie @ ..] = head else { return None };
    let len = usize::from(u16::from_be_bytes([*l0, *l1]));
    if [*t0, *t1] != SUCCESS || *cookie != COOKIE || named != transaction || len != body.len() {
        return None;
    }
    let mut at = HEADER_LEN;
    for _ in 0..ATTRIBUTES_MAX {
        let (kind, value) = attribute(answer, at)?;
        if kind == INTEGRITY {
            return ends_well(answer, at, value, key);
        }
        at += HEAD_LEN + value.len().next_multiple_of(4);
    }
    None
}

/// Whether the seal that begins at `at` is right, and followed by a checksum that is, and by nothing else.
fn ends_well(request: &[u8], at: usize, seal: &[u8], key: &Key) -> Option<()> {
    let end = at + HEAD_LEN + INTEGRITY_LEN;
    let (FINGERPRINT, checksum) = attribute(request, end)? else { return None };
    let last = request.len() == end + HEAD_LEN + checksum.len();
    if !last || *checksum != fingerprint(request.get(..end)?) {
        return None;
    }
    verify_slices_are_equal(integrity(key, request, at)?.as_ref(), seal).ok()
}

/// The attribute that begins at `at`.
fn attribute(message: &[u8], at: usize) -> Option<(u16, &[u8])> {
    let (head, rest) = message.get(at..)?.split_first_chunk::<HEAD_LEN>()?;
    let [k0, k1, l0, l1] = *head;
    let value = rest.get(..usize::from(u16::from_be_bytes([l0, l1])))?;
    Some((u16::from_be_bytes([k0, k1]), value))
}

/// The seal of what comes before `at`, with the length the message has up to the end of the seal.
fn integrity(key: &Key, message: &[u8], at: usize) -> Option<aws_lc_rs::hmac::Tag> {
    let len = u16::try_from(at + HEAD_LEN + INTEGRITY_LEN - HEADER_LEN).ok()?;
    let mut context = Context::with_key(key);
    context.update(message.get(..SUCCESS.len())?);
    context.update(&len.to_be_bytes());
    context.update(message.get(HEAD_LEN..at)?);
    Some(context.sign())
}

fn fingerprint(message: &[u8]) -> [u8; 4] {
    (CHECKSUM.checksum(message) ^ FINGERPRINT_MARK).to_be_bytes()
}

/// RFC 8489 section 14.2: mixed with the cookie and the transaction, so that nothing on the way rewrites it.
fn write_mapped_address(address: SocketAddr, transaction: &[u8], to: &mut Vec<u8>) {
    let mut mask = COOKIE.iter().chain(transaction);
    let mut mixed = |bytes: &[u8], to: &mut Vec<u8>| {
        to.extend(bytes.iter().zip(mask.by_ref()).map(|(byte, mask)| byte ^ mask));
    };
    let [p0, p1] = address.port().to_be_bytes();
    let [m0, m1, ..] = COOKIE;
    let (family, len) = if address.is_ipv4() { (1, 8) } else { (2, 20) };
    write_head(MAPPED_ADDRESS, len, to);
    to.extend_from_slice(&[0, family, p0 ^ m0, p1 ^ m1]);
    match address.ip() {
        IpAddr::V4(ip) => mixed(&ip.octets(), to),
        IpAddr::V6(ip) => mixed(&ip.octets(), to),
    }
}

fn write_head(kind: u16, len: usize, to: &mut Vec<u8>) {
    to.extend_from_slice(&kind.to_be_bytes());
    // None of ours is as long as 64 KiB: a name has 537 bytes at most.
    to.extend_from_slice(&(len as u16).to_be_bytes());
}

impl std::fmt::Debug for Consent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The password must not find its way into a log.
        f.debug_struct("Consent").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const FROM: &str = "192.0.2.1:32853";

    /// RFC 5769 section 2.2: the answer to a request, under this password.
    const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";
    const SAMPLE: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae\
        8022000b7465737420766563746f7220\
        002000080001a147e112a643\
        000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7\
        80280004c07d4c96";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.chars().filter_map(|digit| digit.to_digit(16)).map(|n| n as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    fn key() -> Key {
        Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, PASSWORD.as_bytes())
    }

    fn consent() -> Consent {
        let credentials =
            |name: &str, password: &str| IceCreds { ufrag: name.to_owned(), pass: password.to_owned() };
        Consent::new(&credentials("ours", PASSWORD), &credentials("his", "his password"))
    }

    /// A request with these attributes, sealed and with its checksum.
    fn request(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut message = bytes("000100002112a442b7e7a701bc34d686fa87dfae");
        for (kind, value) in attributes {
            write_head(*kind, value.len(), &mut message);
            message.extend(*value);
            message.resize(message.len().next_multiple_of(4), 0);
        }
        let seal = integrity(&key(), &message, message.len()).unwrap();
        write_head(INTEGRITY, INTEGRITY_LEN, &mut message);
        message.extend(seal.as_ref());
        let len = (message.len() + 8 - HEADER_LEN) as u16;
        message[2..4].copy_from_slice(&len.to_be_bytes());
        let checksum = fingerprint(&message);
        write_head(FINGERPRINT, 4, &mut message);
        message.extend(checksum);
        message
    }

    /// As browsers write it: with a network id (an attribute that need not be understood) and a role.
    fn usual() -> Vec<u8> {
        request(&[
            (USERNAME, b"ours:his"),
            (0xc057, &[0, 1, 0, 10]),
            (0x802a, &[1; 8]),
            (USE_CANDIDATE, b""),
            (PRIORITY, &[0x6e, 0x7f, 0x1e, 0xff]),
        ])
    }

    fn answered(request: &[u8], from: &str) -> Option<Vec<u8>> {
        let mut answer = b"before".to_vec();
        let done = consent().answer(request, from.parse().unwrap(), &mut answer);
        assert_eq!(answer[..6], *b"before");
        assert!(done.is_some() || answer.len() == 6, "something was appended");
        done.map(|()| answer.split_off(6))
    }

    #[test]
    fn seals_and_checksums_are_those_of_the_standard() {
        let sample = bytes(SAMPLE);
        let (body, checksum) = sample.split_at(sample.len() - 8);
        assert_eq!(fingerprint(body), checksum[4..]);
        let (said, seal) = body.split_at(body.len() - 24);
        assert_eq!(integrity(&key(), &sample, said.len()).unwrap().as_ref(), &seal[4..]);
        let mut address = Vec::new();
        write_mapped_address(FROM.parse().unwrap(), &sample[8..20], &mut address);
        assert_eq!(address, sample[36..48]);
        // Section 2.3.
        let mut address = Vec::new();
        let from = "[2001:db8:1234:5678:11:2233:4455:6677]:32853";
        write_mapped_address(from.parse().unwrap(), &sample[8..20], &mut address);
        assert_eq!(address, bytes("002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"));
    }

    #[test]
    fn a_check_is_answered_where_it_came_from() {
        let answer = answered(&usual(), FROM).unwrap();
        assert_eq!(answer[..2], SUCCESS);
        assert_eq!(answer[8..20], usual()[8..20], "the transaction");
        assert_eq!(attribute(&answer, 20).unwrap(), (MAPPED_ADDRESS, &bytes("0001a147e112a643")[..]));
        let (kind, seal) = attribute(&answer, 32).unwrap();
        assert_eq!(kind, INTEGRITY);
        assert!(ends_well(&answer, 32, seal, &key()).is_some());
        assert!(answered(&usual(), "[2001:db8::1]:9").is_some());
    }

    #[test]
    fn what_is_out_of_the_ordinary_is_left_to_the_session() {
        let name = (USERNAME, &b"ours:his"[..]);
        for (attributes, why) in [
            (&[(USERNAME, &b"ours:hers"[..])][..], "another name"),
            (&[(USERNAME, b"ours:hers"), name], "another name first"),
            (&[], "no name"),
            (&[name, (CONTROLLED, &[1; 8])], "a role that is ours"),
            (&[name, (0x0019, &[0; 4])], "something that must be understood"),
            (&[name, (FINGERPRINT, &[0; 4])], "a checksum that is not the end"),
            (&[(0xc057, &[0; 4][..]); 20][..], "too many"),
        ] {
            assert_eq!(answered(&request(attributes), FROM), None, "{why}");
        }
        assert_eq!(answered(&bytes(SAMPLE), FROM), None, "an answer");
        let usual = usual();
        assert_eq!(answered(&usual[..usual.len() - 8], FROM), None, "no checksum");
        assert_eq!(answered(&[&usual[..], &[0; 4]].concat(), FROM), None, "something behind it");
        assert!(answered(&request(&[name, name]), FROM).is_none(), "two names");
    }

    #[test]
    fn a_question_is_answered_by_him_alone_and_once() {
        let asked = [5; TRANSACTION_LEN];
        let mut question = Vec::new();
        consent().ask(&asked, &mut question).unwrap();
        assert_eq!((&question[..2], &question[8..20]), (&REQUEST[..], &asked[..]));
        assert_eq!(attribute(&question, 20).unwrap(), (USERNAME, &b"his:ours"[..]));
        let mut answer = [&SUCCESS[..], &[0, 0], &COOKIE, &asked].concat();
        write_mapped_address(FROM.parse().unwrap(), &asked, &mut answer);
        let unsealed = answer.clone();
        seal(&Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"his password"), &mut answer, 0).unwrap();
        assert!(consent().is_answer(&answer, &asked));
        assert!(!consent().is_answer(&answer, &[6; TRANSACTION_LEN]), "to another question");
        let mut ours = unsealed;
        seal(&key(), &mut ours, 0).unwrap();
        assert!(!consent().is_answer(&ours, &asked), "under our password, which he knows too");
        for at in 0..answer.len() {
            let mut wrong = answer.clone();
            wrong[at] ^= 1;
            assert!(!consent().is_answer(&wrong, &asked), "byte {at}");
            assert!(!consent().is_answer(&answer[..at], &asked), "cut at {at}");
        }
    }

    proptest! {
        /// Nobody who does not know the password is answered.
        #[test]
        fn what_was_changed_on_the_way_is_not_answered(at in 0usize..200, bit in 0u32..8) {
            let mut request = usual();
            let at = at % request.len();
            request[at] ^= 1 << bit;
            prop_assert_eq!(answered(&request, FROM), None);
        }

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(answered(&bytes, FROM), None);
        }

        /// The checksum alone, which everybody can make, opens nothing; nor do odd lengths panic.
        #[test]
        fn attributes_that_lie(kinds in prop::collection::vec((any::<u16>(), any::<u16>()), 1..6)) {
            let mut message = bytes("000100002112a442b7e7a701bc34d686fa87dfae");
            write_head(USERNAME, 8, &mut message);
            message.extend(b"ours:his");
            for (kind, len) in kinds {
                message.extend(kind.to_be_bytes());
                message.extend((len % 64).to_be_bytes());
                message.extend([7; 20]);
            }
            let len = (message.len() - HEADER_LEN) as u16;
            message[2..4].copy_from_slice(&len.to_be_bytes());
            prop_assert_eq!(answered(&message, FROM), None);
        }
    }
}
