//! Relays (TURN, RFC 8656) for pages that no direct way leads to: where one is, what lets somebody use it for a while,
//! and whether it works.
//!
//! Relays are other people's servers. Who may use one is said by the convention that coturn calls `use-auth-secret`:
//! whoever knows the secret makes a name that ends by itself and the password for it. Must never know: who asks, or what
//! is stored. Start with [`credentials`]; [`try_out`] is the only thing that uses the network.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use md5::{Digest, Md5};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket, lookup_host};
use tokio::time::timeout;

use crate::clock::Timestamp;

/// Characters an address of a relay may have: a name in the DNS has at most 253.
pub const URL_MAX: usize = 300;

/// Where relays listen unless somebody says otherwise (RFC 8656 section 3).
const PORT: u16 = 3478;
/// The same, inside TLS.
const TLS_PORT: u16 = 5349;

/// Waits for an answer over UDP, each after asking again (RFC 8489 section 6.2.1, cut short: somebody watches).
const WAITS: [Duration; 3] =
    [Duration::from_millis(500), Duration::from_millis(1000), Duration::from_millis(2000)];

/// The same over TCP, where nothing has to be asked again.
const TCP_WAIT: Duration = Duration::from_secs(4);

/// The longest answer that is read. Those of relays have a few hundred bytes.
const ANSWER_MAX: usize = 2048;

/// The address of a relay, as in `turn:relay.example.org:3478?transport=udp` (RFC 7065).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Url {
    tls: bool,
    host: String,
    port: u16,
    tcp: bool,
}

/// That a text is no address of a relay.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "a relay's address is turn:HOST, turn:HOST:PORT or turns:HOST:PORT, with ?transport=udp or ?transport=tcp behind it"
)]
pub struct BadUrl;

impl FromStr for Url {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Self, BadUrl> {
        let (scheme, rest) = text.split_once(':').ok_or(BadUrl)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "turn" => false,
            "turns" => true,
            _ => return Err(BadUrl),
        };
        let (place, tcp) = match rest.split_once('?') {
            None => (rest, tls),
            Some((place, "transport=udp")) if !tls => (place, false),
            Some((place, "transport=tcp")) => (place, true),
            Some(_) => return Err(BadUrl),
        };
        let (host, port) = match place.strip_prefix('[') {
            Some(v6) => {
                let (host, port) = v6.split_once(']').ok_or(BadUrl)?;
                host.parse::<Ipv6Addr>().map_err(|_| BadUrl)?;
                (host, port.strip_prefix(':'))
            }
            None => match place.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
        if host.is_empty() || text.len() > URL_MAX || !host.bytes().all(named) {
            return Err(BadUrl);
        }
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or(BadUrl)?,
            None if tls => TLS_PORT,
            None => PORT,
        };
        Ok(Self { tls, host: host.to_owned(), port, tcp })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "turns" } else { "turn" };
        let transport = if self.tcp { "tcp" } else { "udp" };
        let Self { host, port, .. } = self;
        match host.contains(':') {
            true => write!(f, "{scheme}:[{host}]:{port}?transport={transport}"),
            false => write!(f, "{scheme}:{host}:{port}?transport={transport}"),
        }
    }
}

/// What a relay and its operator share. Not `Debug`, so that no log can hold one.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret, if it is one: 1 to 200 characters that can be seen.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// For sealing alone.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Name and password at a relay, good for a while.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// When it ends, and for whom it is.
    pub username: String,
    /// Proves that whoever made the name knew the secret.
    pub password: String,
}

/// Lets `who` use the relay until then.
pub fn credentials(secret: &Secret, who: &str, until: Timestamp) -> Credentials {
    let username = format!("{}:{who}", until.as_millis().div_euclid(1000));
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.0.as_bytes());
    let password = BASE64.encode(hmac::sign(&key, username.as_bytes()));
    Credentials { username, password }
}

/// What came of trying a relay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tried {
    /// It gave a place from which it would relay.
    Works {
        /// Which.
        relay: SocketAddr,
    },
    /// It is there, and does not take the name and password: most likely the secret is another one.
    Refused,
    /// It is there, and does not do it for another reason.
    Failed {
        /// As RFC 8656 section 18 and RFC 8489 section 14.8 number them.
        code: u16,
    },
    /// Nobody answers there.
    Unreachable,
    /// Something answers there that is no relay, or does not know the secret.
    NotARelay,
    /// Only a browser can try this one: it is inside TLS.
    NotTried,
}

/// Asks a relay for a place as a page would, and gives it back.
pub async fn try_out(url: &Url, credentials: &Credentials) -> Tried {
    if url.tls {
        return Tried::NotTried;
    }
    let Ok(addresses) = lookup_host((url.host.as_str(), url.port)).await else { return Tried::Unreachable };
    let Some(address) = addresses.into_iter().next() else { return Tried::Unreachable };
    let way = if url.tcp { Way::tcp(address).await } else { Way::udp(address).await };
    match way {
        Ok(mut way) => allocate(&mut way, credentials).await.unwrap_or_else(|fault| fault),
        Err(_) => Tried::Unreachable,
    }
}

/// The two steps of RFC 8656 section 7: the first request is refused with what the second one needs.
async fn allocate(way: &mut Way, credentials: &Credentials) -> Result<Tried, Tried> {
    let challenge = way.ask(&Request::new(ALLOCATE).with(REQUESTED_TRANSPORT, &UDP).finish()).await?;
    let Some(mut nonce) = challenge.attribute(NONCE) else {
        return Err(match challenge.error() {
            Some(code) => Tried::Failed { code },
            None => Tried::NotARelay,
        });
    };
    let realm = challenge.attribute(REALM).ok_or(Tried::NotARelay)?;
    let key = long_term_key(credentials, &realm);
    let authenticated = |method, nonce: &[u8]| {
        Request::new(method)
            .with(USERNAME, credentials.username.as_bytes())
            .with(REALM, &realm)
            .with(NONCE, nonce)
    };
    // A nonce may be too old at once; once more, then.
    for _ in 0..2 {
        let request = authenticated(ALLOCATE, &nonce).with(REQUESTED_TRANSPORT, &UDP).sign(&key);
        let answer = way.ask(&request).await?;
        match answer.error() {
            Some(STALE_NONCE) => nonce = answer.attribute(NONCE).ok_or(Tried::NotARelay)?,
            Some(UNAUTHORIZED | WRONG_CREDENTIALS) => return Err(Tried::Refused),
            Some(code) => return Err(Tried::Failed { code }),
            // Whoever cannot sign does not know the secret, whatever he answers.
            None if !answer.is_signed(&key) => return Err(Tried::NotARelay),
            None => {
                let relay = answer.address(XOR_RELAYED_ADDRESS).ok_or(Tried::NotARelay)?;
                let end = authenticated(REFRESH, &nonce).with(LIFETIME, &[0; 4]).sign(&key);
                // It ends by itself too, in some minutes.
                let _ = way.ask(&end).await;
                return Ok(Tried::Works { relay });
            }
        }
    }
    Err(Tried::Failed { code: STALE_NONCE })
}

/// RFC 8489 section 9.2.2.
fn long_term_key(credentials: &Credentials, realm: &[u8]) -> hmac::Key {
    let mut digest = Md5::new();
    for part in [credentials.username.as_bytes(), b":", realm, b":", credentials.password.as_bytes()] {
        digest.update(part);
    }
    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &digest.finalize())
}

/// How the relay is reached.
enum Way {
    Udp(UdpSocket),
    Tcp(TcpStream),
}

impl Way {
    async fn udp(to: SocketAddr) -> std::io::Result<Self> {
        let any: IpAddr =
            if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0)).await?;
        socket.connect(to).await?;
        Ok(Self::Udp(socket))
    }

    async fn tcp(to: SocketAddr) -> std::io::Result<Self> {
        let stream = timeout(TCP_WAIT, TcpStream::connect(to)).await;
        Ok(Self::Tcp(stream.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))?))
    }

    async fn ask(&mut self, request: &Finished) -> Result<Answer, Tried> {
        match self {
            Self::Udp(socket) => {
                for wait in WAITS {
                    // What a closed port has to say to the last datagram comes out of here.
                    if socket.send(&request.bytes).await.is_err() {
                        return Err(Tried::Unreachable);
                    }
                    if let Ok(heard) = timeout(wait, hear(socket, request)).await {
                        return heard.ok_or(Tried::Unreachable);
                    }
                }
                Err(Tried::Unreachable)
            }
            Self::Tcp(stream) => {
                let exchanged = timeout(TCP_WAIT, exchange(stream, request)).await;
                exchanged.map_err(|_| Tried::Unreachable)?
            }
        }
    }
}

/// The answer to a request; others that come before it are somebody's noise. None when nobody is there.
async fn hear(socket: &UdpSocket, request: &Finished) -> Option<Answer> {
    let mut buffer = [0; ANSWER_MAX];
    loop {
        let length = socket.recv(&mut buffer).await.ok()?;
        if let Some(answer) = Answer::parse(&buffer[..length], request) {
            return Some(answer);
        }
    }
}

async fn exchange(stream: &mut TcpStream, request: &Finished) -> Result<Answer, Tried> {
    let lost = |_| Tried::NotARelay;
    stream.write_all(&request.bytes).await.map_err(lost)?;
    let mut bytes = vec![0; HEAD];
    stream.read_exact(&mut bytes).await.map_err(lost)?;
    let length = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
    if HEAD + length > ANSWER_MAX {
        return Err(Tried::NotARelay);
    }
    bytes.resize(HEAD + length, 0);
    stream.read_exact(&mut bytes[HEAD..]).await.map_err(lost)?;
    Answer::parse(&bytes, request).ok_or(Tried::NotARelay)
}

// Messages: RFC 8489 section 5 and 14, RFC 8656 section 17 and 18.

const HEAD: usize = 20;
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

const ALLOCATE: u16 = 0x0003;
const REFRESH: u16 = 0x0004;
/// What makes the type of an answer out of that of a request.
const SUCCESS: u16 = 0x0100;
const ERROR: u16 = 0x0110;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const LIFETIME: u16 = 0x000d;
const REALM: u16 = 0x0014;
const NONCE: u16 = 0x0015;
const XOR_RELAYED_ADDRESS: u16 = 0x0016;
const REQUESTED_TRANSPORT: u16 = 0x0019;

/// The protocol number of UDP, and three bytes that mean nothing.
const UDP: [u8; 4] = [17, 0, 0, 0];

const UNAUTHORIZED: u16 = 401;
const STALE_NONCE: u16 = 438;
const WRONG_CREDENTIALS: u16 = 441;

/// Bytes of a signature, with its head.
const SIGNATURE: usize = 24;

/// A request that is being written.
struct Request {
    bytes: Vec<u8>,
}

/// One that is complete.
struct Finished {
    bytes: Vec<u8>,
}

impl Request {
    fn new(method: u16) -> Self {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend(method.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(COOKIE);
        let mut id = [0; 12];
        // Without randomness the address it comes from is what tells an answer from noise.
        let _ = getrandom::fill(&mut id);
        bytes.extend(id);
        Self { bytes }
    }

    fn with(mut self, attribute: u16, value: &[u8]) -> Self {
        self.bytes.extend(attribute.to_be_bytes());
        // Values are parts of what was parsed: an answer of 2 KiB at most, or our own short ones.
        self.bytes.extend((value.len() as u16).to_be_bytes());
        self.bytes.extend(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }

    fn sign(mut self, key: &hmac::Key) -> Finished {
        self.set_length(self.bytes.len() - HEAD + SIGNATURE);
        let signature = hmac::sign(key, &self.bytes);
        self.with(MESSAGE_INTEGRITY, signature.as_ref()).finish()
    }

    fn finish(mut self) -> Finished {
        self.set_length(self.bytes.len() - HEAD);
        Finished { bytes: self.bytes }
    }

    fn set_length(&mut self, length: usize) {
        self.bytes[2..4].copy_from_slice(&(length as u16).to_be_bytes());
    }
}

/// What a relay said.
#[derive(Debug)]
struct Answer {
    bytes: Vec<u8>,
    /// Kind, and where its value is. Whatever stands behind a signature is not signed, and left out.
    attributes: Vec<(u16, std::ops::Range<usize>)>,
}

impl Answer {
    /// The answer, if it is one to this request. Whatever length any part claims, nothing outside is read.
    fn parse(bytes: &[u8], request: &Finished) -> Option<Self> {
        let head = bytes.get(..HEAD)?;
        let method = u16::from_be_bytes([request.bytes[0], request.bytes[1]]);
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let answers = kind == method | SUCCESS || kind == method | ERROR;
        if !answers || head[4..] != request.bytes[4..HEAD] || bytes.len() != HEAD + length {
            return None;
        }
        let mut attributes = Vec::new();
        let mut at = HEAD;
        while at < bytes.len() {
            let front = bytes.get(at..at + 4)?;
            let attribute = u16::from_be_bytes([front[0], front[1]]);
            let length = usize::from(u16::from_be_bytes([front[2], front[3]]));
            let value = at + 4..at + 4 + length;
            bytes.get(value.clone())?;
            at = value.end.next_multiple_of(4);
            attributes.push((attribute, value));
            if attribute == MESSAGE_INTEGRITY {
                break;
            }
        }
        Some(Self { bytes: bytes.to_vec(), attributes })
    }

    fn find(&self, attribute: u16) -> Option<std::ops::Range<usize>> {
        self.attributes.iter().find(|(kind, _)| *kind == attribute).map(|(_, value)| value.clone())
    }

    fn attribute(&self, attribute: u16) -> Option<Vec<u8>> {
        self.find(attribute).map(|value| self.bytes[value].to_vec())
    }

    /// The number of a refusal; 0 when it refuses without one.
    fn error(&self) -> Option<u16> {
        if u16::from_be_bytes([self.bytes[0], self.bytes[1]]) & ERROR != ERROR {
            return None;
        }
        let value = self.attribute(ERROR_CODE).unwrap_or_default();
        Some(value.get(2..4).map_or(0, |code| u16::from(code[0] & 7) * 100 + u16::from(code[1])))
    }

    fn is_signed(&self, key: &hmac::Key) -> bool {
        let Some(value) = self.find(MESSAGE_INTEGRITY) else { return false };
        let mut signed = self.bytes[..value.start - 4].to_vec();
        signed[2..4].copy_from_slice(&((value.end - HEAD) as u16).to_be_bytes());
        hmac::verify(key, &signed, &self.bytes[value]).is_ok()
    }

    /// RFC 8489 section 14.2.
    fn address(&self, attribute: u16) -> Option<SocketAddr> {
        let value = self.attribute(attribute)?;
        let (family, rest) = (*value.get(1)?, value.get(2..)?);
        let port = u16::from_be_bytes([rest.first()? ^ COOKIE[0], rest.get(1)? ^ COOKIE[1]]);
        let mask = &self.bytes[4..HEAD];
        let plain: Vec<u8> = rest[2..].iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
        let ip: IpAddr = match family {
            1 => <[u8; 4]>::try_from(plain).ok()?.into(),
            2 => <[u8; 16]>::try_from(plain).ok()?.into(),
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_written_whole() {
        for (text, whole) in [
            ("turn:relay.example.org", "turn:relay.example.org:3478?transport=udp"),
            ("TURN:relay.example.org:443?transport=tcp", "turn:relay.example.org:443?transport=tcp"),
            ("turns:relay.example.org", "turns:relay.example.org:5349?transport=tcp"),
            ("turn:192.0.2.7:80", "turn:192.0.2.7:80?transport=udp"),
            ("turn:[2001:db8::7]:80", "turn:[2001:db8::7]:80?transport=udp"),
        ] {
            assert_eq!(text.parse::<Url>().unwrap().to_string(), whole);
            assert_eq!(whole.parse::<Url>().unwrap().to_string(), whole);
        }
        for bad in [
            "",
            "turn",
            "turn:",
            "stun:a",
            "http://a",
            "turn://a",
            "turn:a:0",
            "turn:a:70000",
            "turn:a:x",
            "turn:a b",
            "turn:a?transport=sctp",
            "turns:a?transport=udp",
            "turn:[::1",
            "turn:[a]:1",
            "turn:a\n",
            "turn:ä",
            &format!("turn:{}", "a".repeat(URL_MAX)),
        ] {
            assert_eq!(bad.parse::<Url>(), Err(BadUrl), "{bad:?}");
        }
    }

    #[test]
    fn credentials_end_by_themselves_and_are_those_that_every_relay_makes_of_the_secret() {
        let secret = Secret::parse("logen").unwrap();
        let made = credentials(&secret, "ana", Timestamp::from_millis(1_700_000_000_999));
        assert_eq!(made.username, "1700000000:ana");
        // printf %s 1700000000:ana | openssl dgst -sha1 -hmac logen -binary | base64
        assert_eq!(made.password, "GJy/eUmDFfYOTa9vjAaLE6R0p90=");
        for bad in ["", "two words", "tab\t", "ä", &"a".repeat(201)] {
            assert!(Secret::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_signature_holds_for_what_stands_before_it_and_for_one_key() {
        let key = |text: &str| hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
        let request = Request::new(ALLOCATE).finish();
        let mut bytes = Request { bytes: request.bytes.clone() }.with(REALM, b"house").sign(&key("a")).bytes;
        bytes[0..2].copy_from_slice(&(ALLOCATE | SUCCESS).to_be_bytes());
        // The kind is signed too.
        assert!(!Answer::parse(&bytes, &request).unwrap().is_signed(&key("a")));
        let mut answer = Request { bytes: request.bytes.clone() };
        answer.bytes[0..2].copy_from_slice(&(ALLOCATE | SUCCESS).to_be_bytes());
        let bytes = answer.with(REALM, b"house").sign(&key("a")).bytes;
        let answer = Answer::parse(&bytes, &request).unwrap();
        assert!(answer.is_signed(&key("a")) && !answer.is_signed(&key("b")));
        assert_eq!(answer.attribute(REALM).unwrap(), b"house");
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_arrives_makes_the_parser_panic(
            kind in 0u16..0x200, rest in proptest::collection::vec(0u8.., 0..120), honest: bool
        ) {
            let request = Request::new(ALLOCATE).finish();
            let mut bytes = request.bytes.clone();
            bytes[0..2].copy_from_slice(&kind.to_be_bytes());
            bytes.extend(rest);
            if honest {
                let length = (bytes.len() - HEAD) as u16;
                bytes[2..4].copy_from_slice(&length.to_be_bytes());
            }
            if let Some(answer) = Answer::parse(&bytes, &request) {
                let _ = (answer.error(), answer.address(XOR_RELAYED_ADDRESS), answer.attribute(NONCE));
                let _ = answer.is_signed(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"a"));
            }
        }
    }
}
