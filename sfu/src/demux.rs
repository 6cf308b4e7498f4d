//! Whose datagram is this? Source address, or the ICE user name of a STUN request; else nobody's.
//!
//! Reads bytes written by strangers, before anything is known about them, so nothing here allocates
//! (apart from [`Demux::learn`], which is only called for what a session has authenticated), panics or
//! answers. Must never touch a session. Start at [`Demux::route`].

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::message::MediaPath;

/// Finds a participant in a worker's table. The generation tells the present owner of a place from a
/// former one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// Where a datagram came from. A TCP connection and a UDP socket may have the same address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) path: MediaPath,
    pub(crate) source: SocketAddr,
}

/// What is to be done with a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// A binding request that names this participant. Not authenticated yet; that is the session's work.
    Binding {
        /// Whom it names.
        to: Key,
        /// Whether it asks to send media to where it came from (RFC 8445 section 7.3.1.5).
        nominates: bool,
    },
    /// DTLS, RTP or RTCP from an address this participant has proven to have.
    Session(Key),
    /// Voice or a report from an address nobody has, under the number of a stream that this participant sends.
    /// Whoever reads along can write that number; it is his when its seal is.
    Stray(Key),
    /// Nobody's.
    Unknown,
    /// No protocol spoken here.
    Malformed,
}

/// The addresses that participants have proven to have, and the streams that they have proven to send.
#[derive(Debug, Default)]
pub(crate) struct Demux {
    // The standard hasher is keyed per process, so that nobody can choose addresses that collide.
    owners: HashMap<Origin, Key>,
    /// By which somebody is found again whose address has changed without notice. As many for each participant as are
    /// taken of him.
    streams: HashMap<u32, Key>,
}

impl Demux {
    /// Says whose datagram this is.
    pub(crate) fn route(&self, origin: Origin, bytes: &[u8]) -> Route {
        match protocol(bytes) {
            // The user name decides, never the address: a browser behind the same address translator may
            // have been given an address that another one had before.
            // An answer is to a question of ours, which went to an address he has.
            Some(Protocol::Stun) if is_binding_success(bytes) => self.session(origin),
            Some(Protocol::Stun) => match BindingRequest::parse(bytes) {
                Some(request) => match parse_user_name(request.local_user_name) {
                    Some(to) => Route::Binding { to, nominates: request.nominates },
                    None => Route::Unknown,
                },
                None => Route::Malformed,
            },
            Some(Protocol::Session) => match self.owner(origin) {
                Some(owner) => Route::Session(owner),
                None => self.stray(bytes).map_or(Route::Unknown, Route::Stray),
            },
            None => Route::Malformed,
        }
    }

    fn session(&self, origin: Origin) -> Route {
        self.owner(origin).map_or(Route::Unknown, Route::Session)
    }

    /// Whether bytes can come first on a TCP connection: a check, or the voice of somebody whose connection was cut.
    pub(crate) fn may_begin(&self, bytes: &[u8]) -> bool {
        BindingRequest::parse(bytes).is_some() || self.stray(bytes).is_some()
    }

    fn stray(&self, bytes: &[u8]) -> Option<Key> {
        self.streams.get(&stream(bytes)?).copied()
    }

    /// Remembers that a participant has proven to have this address.
    pub(crate) fn learn(&mut self, origin: Origin, owner: Key) {
        self.owners.insert(origin, owner);
    }

    pub(crate) fn owner(&self, origin: Origin) -> Option<Key> {
        self.owners.get(&origin).copied()
    }

    /// Forgets an address, if it still is this participant's.
    pub(crate) fn forget(&mut self, origin: Origin, owner: Key) {
        if self.owner(origin) == Some(owner) {
            self.owners.remove(&origin);
        }
    }

    /// Remembers that a participant sends this stream. Of two who send the same, by chance or because one would like
    /// to be taken for the other, the first is found by it.
    pub(crate) fn learn_stream(&mut self, ssrc: u32, owner: Key) {
        self.streams.entry(ssrc).or_insert(owner);
    }

    /// Forgets a stream, if it is known as this participant's.
    pub(crate) fn forget_stream(&mut self, ssrc: u32, owner: Key) {
        if self.streams.get(&ssrc) == Some(&owner) {
            self.streams.remove(&ssrc);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.owners.len() + self.streams.len()
    }
}

/// The stream that a packet of voice or a report says it is of (RFC 3550 sections 5.1 and 6.4).
fn stream(bytes: &[u8]) -> Option<u32> {
    let ssrc = match bytes {
        [128..=191, 192..=223, _, _, ssrc @ ..] | [128..=191, _, _, _, _, _, _, _, ssrc @ ..] => ssrc,
        _ => return None,
    };
    Some(u32::from_be_bytes(*ssrc.first_chunk::<4>()?))
}

/// Digits of the key at the start of a user name: eight of the index, eight of the generation.
const KEY_DIGITS: usize = 16;

/// The start of the ICE user name by which a participant's binding requests are recognised. What follows
/// it is random.
pub(crate) fn user_name_prefix(key: Key) -> String {
    format!("{:08x}{:08x}", key.index, key.generation)
}

fn parse_user_name(name: &[u8]) -> Option<Key> {
    let digits = name.first_chunk::<KEY_DIGITS>()?;
    let (index, generation) = digits.split_at(KEY_DIGITS / 2);
    Some(Key { index: parse_hex(index)?, generation: parse_hex(generation)? })
}

fn parse_hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |value, digit| {
        Some(value << 4 | char::from(*digit).to_digit(16).filter(|_| !digit.is_ascii_uppercase())?)
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Stun,
    /// DTLS, RTP, RTCP.
    Session,
}

/// Tells the protocols apart by their first byte (RFC 7983 section 7).
fn protocol(bytes: &[u8]) -> Option<Protocol> {
    match bytes.first()? {
        0..=3 => Some(Protocol::Stun),
        20..=63 | 128..=191 => Some(Protocol::Session),
        _ => None,
    }
}

/// Whether bytes are STUN at all.
pub(crate) fn is_stun(bytes: &[u8]) -> bool {
    protocol(bytes) == Some(Protocol::Stun)
}

/// STUN's fixed header (RFC 8489 section 5): type, length, cookie, transaction.
const STUN_HEADER: usize = 20;
const STUN_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const USERNAME: u16 = 0x0006;
/// RFC 8445 section 16.1.
const USE_CANDIDATE: u16 = 0x0025;
/// RFC 8489 section 14.3 allows user names of 508 bytes.
const USER_NAME_MAX: usize = 508;
/// A browser's request has six attributes; the bound keeps a hostile one cheap.
const ATTRIBUTES_MAX: usize = 16;

/// What a STUN binding request says before it is known to be genuine.
#[derive(Debug, PartialEq, Eq)]
struct BindingRequest<'a> {
    /// The part of the user name before the colon: ours.
    local_user_name: &'a [u8],
    nominates: bool,
}

impl<'a> BindingRequest<'a> {
    fn parse(bytes: &'a [u8]) -> Option<BindingRequest<'a>> {
        let (header, mut rest) = bytes.split_at_checked(STUN_HEADER)?;
        let [t0, t1, l0, l1, c0, c1, c2, c3, ..] = *header else { return None };
        let right = u16::from_be_bytes([t0, t1]) == BINDING_REQUEST
            && [c0, c1, c2, c3] == STUN_COOKIE
            && usize::from(u16::from_be_bytes([l0, l1])) == rest.len()
            && rest.len().is_multiple_of(4);
        if !right {
            return None;
        }
        let mut user_name = None;
        let mut nominates = false;
        for _ in 0..ATTRIBUTES_MAX {
            let Some(([t0, t1, l0, l1], after)) = rest.split_first_chunk::<4>() else { break };
            let len = usize::from(u16::from_be_bytes([*l0, *l1]));
            let value = after.get(..len)?;
            match u16::from_be_bytes([*t0, *t1]) {
                // Of two user names the first counts (RFC 8489 section 14).
                USERNAME if user_name.is_none() => user_name = Some(value),
                USE_CANDIDATE => nominates = true,
                _ => {}
            }
            rest = after.get(len.next_multiple_of(4)..)?;
        }
        let user_name = user_name.filter(|name| name.len() <= USER_NAME_MAX)?;
        let colon = user_name.iter().position(|byte| *byte == b':')?;
        Some(BindingRequest { local_user_name: user_name.get(..colon)?, nominates })
    }
}

/// Whether bytes are the answer that an ICE agent only gives to a request it has authenticated.
pub(crate) fn is_binding_success(bytes: &[u8]) -> bool {
    bytes.first_chunk::<2>().is_some_and(|kind| u16::from_be_bytes(*kind) == BINDING_SUCCESS)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const KEY: Key = Key { index: 7, generation: 3 };

    fn origin(port: u16) -> Origin {
        Origin { path: MediaPath::Udp, source: ([192, 0, 2, 1], port).into() }
    }

    fn binding_request(user_name: &[u8], extra: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (kind, value) in [(USERNAME, user_name)].iter().chain(extra) {
            body.extend(kind.to_be_bytes());
            body.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let mut bytes = BINDING_REQUEST.to_be_bytes().to_vec();
        bytes.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
        bytes.extend(STUN_COOKIE);
        bytes.extend([9; 12]);
        bytes.extend(body);
        bytes
    }

    fn named(key: Key) -> Vec<u8> {
        format!("{}rest:theirs", user_name_prefix(key)).into_bytes()
    }

    #[test]
    fn a_binding_request_goes_to_whom_it_names() {
        let demux = Demux::default();
        let plain = binding_request(&named(KEY), &[]);
        assert_eq!(demux.route(origin(1), &plain), Route::Binding { to: KEY, nominates: false });
        let nominating = binding_request(&named(KEY), &[(0x0024, &[0; 4]), (USE_CANDIDATE, &[])]);
        assert_eq!(demux.route(origin(1), &nominating), Route::Binding { to: KEY, nominates: true });
    }

    #[test]
    fn the_name_counts_even_from_an_address_that_is_anothers() {
        let mut demux = Demux::default();
        demux.learn(origin(1), Key { index: 9, generation: 9 });
        let request = binding_request(&named(KEY), &[]);
        assert_eq!(demux.route(origin(1), &request), Route::Binding { to: KEY, nominates: false });
    }

    #[test]
    fn everything_else_needs_a_known_address() {
        let mut demux = Demux::default();
        demux.learn(origin(1), KEY);
        let rtp = [0x80, 111, 0, 1];
        assert_eq!(demux.route(origin(1), &rtp), Route::Session(KEY));
        assert_eq!(demux.route(origin(2), &rtp), Route::Unknown);
        let over_tcp = Origin { path: MediaPath::Tcp, ..origin(1) };
        assert_eq!(demux.route(over_tcp, &rtp), Route::Unknown);
    }

    #[test]
    fn a_stream_is_found_at_an_address_nobody_has_and_stays_whose_it_was_first() {
        let mut demux = Demux::default();
        let other = Key { index: 9, generation: 9 };
        demux.learn_stream(0x0102_0304, KEY);
        demux.learn_stream(0x0102_0304, other);
        let rtp = [0x80, 111, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 9, 9];
        let report = [0x80, 201, 0, 1, 1, 2, 3, 4, 9, 9];
        for bytes in [&rtp[..], &report] {
            assert_eq!(demux.route(origin(1), bytes), Route::Stray(KEY));
        }
        assert_eq!(demux.route(origin(1), &rtp[..11]), Route::Unknown, "cut short");
        demux.learn(origin(1), other);
        assert_eq!(demux.route(origin(1), &rtp), Route::Session(other), "who is there already");
        demux.forget_stream(0x0102_0304, other);
        assert_eq!(demux.route(origin(2), &rtp), Route::Stray(KEY));
        demux.forget_stream(0x0102_0304, KEY);
        assert_eq!(demux.route(origin(2), &rtp), Route::Unknown);
    }

    #[test]
    fn an_answer_goes_to_whose_address_it_comes_from() {
        let mut demux = Demux::default();
        let answer = [1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        assert_eq!(demux.route(origin(1), &answer), Route::Unknown);
        demux.learn(origin(1), KEY);
        assert_eq!(demux.route(origin(1), &answer), Route::Session(KEY));
    }

    #[test]
    fn an_address_is_forgotten_by_its_owner_only() {
        let mut demux = Demux::default();
        demux.learn(origin(1), KEY);
        demux.forget(origin(1), Key { generation: 4, ..KEY });
        assert_eq!(demux.owner(origin(1)), Some(KEY));
        demux.forget(origin(1), KEY);
        assert_eq!(demux.len(), 0);
    }

    #[test]
    fn a_request_cut_at_any_length_is_refused() {
        let whole = binding_request(&named(KEY), &[(USE_CANDIDATE, &[])]);
        for len in 0..whole.len() {
            assert_eq!(Demux::default().route(origin(1), &whole[..len]), Route::Malformed, "{len}");
        }
    }

    #[test]
    fn hostile_requests_name_nobody() {
        let long = [named(KEY), vec![b'x'; 600]].concat();
        let mut wrong_cookie = binding_request(&named(KEY), &[]);
        wrong_cookie[4] = 0;
        let mut indication = binding_request(&named(KEY), &[]);
        indication[1] = 0x11;
        let cases = [
            ("no colon", binding_request(b"0000000700000003", &[])),
            ("name too long", binding_request(&long, &[])),
            ("wrong cookie", wrong_cookie),
            ("indication", indication),
        ];
        for (name, bytes) in cases {
            assert_eq!(Demux::default().route(origin(1), &bytes), Route::Malformed, "{name}");
        }
        for name in [&b"zzzzzzzzzzzzzzzz:x"[..], b"07:x", b"0000000700000 03:x", b"000000070000000F:x"] {
            let bytes = binding_request(name, &[]);
            assert_eq!(Demux::default().route(origin(1), &bytes), Route::Unknown);
        }
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            Demux::default().route(origin(1), &bytes);
        }

        /// A genuine start and an arbitrary rest reach deeper than noise does.
        #[test]
        fn any_attributes(rest in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = binding_request(&named(KEY), &[]);
            bytes.extend(rest);
            let len = u16::try_from(bytes.len() - STUN_HEADER).unwrap();
            bytes[2..4].copy_from_slice(&len.to_be_bytes());
            Demux::default().route(origin(1), &bytes);
        }

        #[test]
        fn a_name_comes_back(index: u32, generation: u32) {
            let key = Key { index, generation };
            prop_assert_eq!(parse_user_name(user_name_prefix(key).as_bytes()), Some(key));
        }
    }
}
