//! Stories about the WebSocket's frames and those who mean no good (RFC 6455): whatever comes ends one connection at
//! most, and nobody else notices.

use std::net::SocketAddr;

use cromulent::protocol::{MAX_BAD_FRAMES, PROTOCOL, close};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{PATIENCE, TestServer};

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;

/// One frame as a browser writes it: masked, here with zeros, which change nothing.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..126 => bytes.push(0x80 | u8::try_from(short).unwrap()),
        long => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(long).unwrap().to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

fn whole(kind: u8, payload: &[u8]) -> Vec<u8> {
    frame(0x80 | kind, payload)
}

/// A socket whose bytes are ours.
struct Raw {
    stream: TcpStream,
    /// The head of the answer to the handshake.
    head: String,
}

impl Raw {
    async fn open(address: SocketAddr, cookie: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET /api/socket HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nCookie: {cookie}\r\n\
             Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
             Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        Self { stream, head: String::from_utf8(head).unwrap() }
    }

    async fn says_hello(&mut self) {
        let hello = format!(r#"{{"id":1,"type":"hello","protocol":{PROTOCOL},"resume":null}}"#);
        self.says(&whole(TEXT, hello.as_bytes())).await;
    }

    async fn says(&mut self, bytes: &[u8]) {
        // It may be closed before it was said.
        let _ = self.stream.write_all(bytes).await;
    }

    /// Waits until these bytes have come.
    async fn hears(&mut self, words: &[u8]) {
        let mut heard = Vec::new();
        while !heard.windows(words.len()).any(|part| part == words) {
            let byte = tokio::time::timeout(PATIENCE, self.stream.read_u8()).await;
            heard.push(byte.expect("nothing more comes").expect("the socket ended"));
        }
    }

    /// Everything that comes until the other side ends it: the frames' first bytes and payloads.
    async fn hears_the_end(mut self) -> Vec<(u8, Vec<u8>)> {
        let mut bytes = Vec::new();
        let end = self.stream.read_to_end(&mut bytes);
        let _ = tokio::time::timeout(PATIENCE, end).await.expect("the socket stays open");
        let mut frames = Vec::new();
        let mut rest = bytes.as_slice();
        while let [first, length, after @ ..] = rest {
            let (length, after) = match (*length, after) {
                (126, [a, b, after @ ..]) => (usize::from(u16::from_be_bytes([*a, *b])), after),
                (short @ 0..126, after) => (usize::from(short), after),
                _ => break,
            };
            let length = length.min(after.len());
            frames.push((*first, after[..length].to_vec()));
            rest = &after[length..];
        }
        frames
    }
}

fn code(frames: &[(u8, Vec<u8>)]) -> Option<u16> {
    let (_, payload) = frames.iter().find(|(first, _)| *first == 0x80 | CLOSE)?;
    Some(u16::from_be_bytes([*payload.first()?, *payload.get(1)?]))
}

#[tokio::test]
async fn nothing_is_compressed_so_that_no_bomb_fits() {
    let server = TestServer::start().await;
    let ana = server.user("ana").await;
    let mut raw = Raw::open(ana.address, &ana.cookie).await;
    assert!(raw.head.starts_with("HTTP/1.1 101"), "{}", raw.head);
    assert!(!raw.head.to_lowercase().contains("sec-websocket-extensions"), "{}", raw.head);
    raw.says_hello().await;
    // The bit that says "compressed".
    raw.says(&frame(0xC0 | TEXT, b"\xaa\x56\x4a\x2c")).await;
    raw.hears_the_end().await;
}

#[tokio::test]
async fn frames_that_are_none_end_the_socket_and_nobody_elses() {
    let server = TestServer::start().await;
    let [ana, mut ben] = server.users(["ana", "ben"]).await;
    let declared = |length: u64| {
        let mut bytes = vec![0x80 | TEXT, 0xFF];
        bytes.extend(length.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(b"{\"id\":2,");
        bytes
    };
    let bad: Vec<(&str, Vec<u8>)> = vec![
        ("unmasked", b"\x81\x02{}".to_vec()),
        ("two gigabytes", declared(2 << 30)),
        ("all there is", declared(u64::MAX)),
        ("one more than fits", declared(64 * 1024 + 1)),
        ("a bit nobody knows", frame(0xA0 | TEXT, b"{}")),
        ("a kind nobody knows", whole(3, b"{}")),
        ("a control kind nobody knows", whole(0xB, b"")),
        ("the rest of nothing", whole(0, b"{}")),
        ("a second beginning", [frame(TEXT, b"{"), frame(TEXT, b"{")].concat()),
        ("a long ping", whole(PING, &[0; 126])),
        ("a ping in parts", frame(PING, b"a")),
        ("no text", whole(TEXT, b"\xff\xfe{}")),
        ("half a letter", whole(TEXT, b"\xc3")),
        ("parts without end", [frame(TEXT, &[b' '; 60_000]), frame(0, &[b' '; 60_000])].concat()),
        ("a close of one byte", whole(CLOSE, b"\x03")),
        ("a close with a code of nobody's", whole(CLOSE, &999u16.to_be_bytes())),
        ("a close that is no text", whole(CLOSE, b"\x03\xe8\xff")),
    ];
    for (what, bytes) in bad {
        for after_hello in [false, true] {
            let mut raw = Raw::open(ana.address, &ana.cookie).await;
            if after_hello {
                raw.says_hello().await;
            }
            raw.says(&bytes).await;
            let told = raw.hears_the_end().await;
            let refused = code(&told).is_none_or(|code| code != close::GOING_AWAY);
            assert!(refused, "{what}: {:?}", code(&told));
            // Whoever gets in hears of it, and nothing is taken for a request.
            assert!(told.iter().all(|(_, payload)| !payload.starts_with(b"{\"id\":2")), "{what}");
        }
    }
    ben.posts("nobody else noticed").await;
}

#[tokio::test]
async fn what_is_in_parts_or_between_them_is_one_text() {
    let server = TestServer::start().await;
    let ana = server.user("ana").await;
    let mut raw = Raw::open(ana.address, &ana.cookie).await;
    raw.says_hello().await;
    let text = br#"{"id":7,"type":"ping"}"#;
    for (number, byte) in text.iter().enumerate() {
        let kind = if number == 0 { TEXT } else { 0 };
        let last = if number + 1 == text.len() { 0x80 } else { 0 };
        raw.says(&frame(kind | last, &[*byte])).await;
        raw.says(&whole(PING, b"")).await;
    }
    raw.hears(b"{\"id\":7,\"result\"").await;
    raw.says(&whole(CLOSE, &1000u16.to_be_bytes())).await;
    raw.hears_the_end().await;
}

#[tokio::test]
async fn who_sends_no_text_or_asks_without_end_is_shown_out() {
    let server = TestServer::start().await;
    let [ana, mut ben] = server.users(["ana", "ben"]).await;
    for (what, bytes, many) in [
        ("bytes", whole(BINARY, b"\0\x01\x02"), MAX_BAD_FRAMES as usize + 1),
        ("empty texts", whole(TEXT, b""), MAX_BAD_FRAMES as usize + 1),
        ("pings", whole(PING, b"?"), 1_000),
    ] {
        let mut raw = Raw::open(ana.address, &ana.cookie).await;
        raw.says_hello().await;
        raw.says(&bytes.repeat(many)).await;
        // What was not read any more may take the last word along.
        let code = code(&raw.hears_the_end().await);
        assert!(code.is_none_or(|code| code == close::TOO_MANY_ERRORS), "{what}: {code:?}");
    }
    ben.posts("nobody else noticed").await;
}
