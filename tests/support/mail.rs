//! A mail server that keeps what it gets: SMTP (RFC 5321) over TCP, with AUTH PLAIN (RFC 4954) where it is told a name.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::PATIENCE;

/// A letter that arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub from: String,
    pub to: Vec<String>,
    /// Head and body, as they came.
    pub raw: String,
    /// The body, decoded.
    pub body: String,
}

impl Arrived {
    /// The secret in the link to this page.
    pub fn link(&self, page: &str) -> String {
        let mark = format!("/{page}/");
        let at = self.body.find(&mark).unwrap_or_else(|| panic!("no link to {page} in {}", self.body));
        self.body[at + mark.len()..].split_whitespace().next().unwrap().to_owned()
    }
}

pub struct MailSink {
    pub address: SocketAddr,
    letters: watch::Receiver<Vec<Arrived>>,
    read: Mutex<usize>,
}

#[derive(Default)]
struct Rules {
    /// What AUTH PLAIN must say, in base64.
    auth: Option<&'static str>,
    /// Letters to be put off before the first is taken.
    put_off: Mutex<usize>,
}

impl MailSink {
    pub async fn start() -> Self {
        Self::with(Rules::default()).await
    }

    /// One that takes letters only from who says this.
    pub async fn with_auth(plain: &'static str) -> Self {
        Self::with(Rules { auth: Some(plain), ..Rules::default() }).await
    }

    /// One that is busy at first.
    pub async fn that_puts_off(letters: usize) -> Self {
        Self::with(Rules { put_off: Mutex::new(letters), ..Rules::default() }).await
    }

    async fn with(rules: Rules) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (keep, letters) = watch::channel(Vec::new());
        let (keep, rules) = (Arc::new(keep), Arc::new(rules));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (keep, rules) = (keep.clone(), rules.clone());
                // Who breaks off is their own affair.
                tokio::spawn(async move { converse(stream, &keep, &rules).await.ok() });
            }
        });
        Self { address, letters, read: Mutex::new(0) }
    }

    /// The next letter that was not read yet.
    pub async fn next(&self) -> Arrived {
        let at = *self.read.lock().unwrap();
        let mut letters = self.letters.clone();
        let arrived = letters.wait_for(|letters| letters.len() > at);
        let letter =
            tokio::time::timeout(PATIENCE, arrived).await.expect("no letter came").unwrap()[at].clone();
        *self.read.lock().unwrap() += 1;
        letter
    }

    /// How many came so far.
    pub fn len(&self) -> usize {
        self.letters.borrow().len()
    }
}

async fn converse(
    stream: TcpStream,
    keep: &watch::Sender<Vec<Arrived>>,
    rules: &Rules,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut from, mut to, mut known) = (String::new(), Vec::new(), rules.auth.is_none());
    stream.write_all(b"220 sink.example.org ESMTP\r\n").await?;
    loop {
        let mut line = String::new();
        // RFC 5321 section 4.5.3.1.6: no line is longer.
        if (&mut stream).take(1000).read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let (verb, rest) = line.trim_end().split_once([' ', ':']).unwrap_or((line.trim_end(), ""));
        let reply = match verb.to_ascii_uppercase().as_str() {
            "EHLO" if rules.auth.is_some() => "250-sink.example.org\r\n250-8BITMIME\r\n250 AUTH PLAIN",
            "EHLO" => "250-sink.example.org\r\n250 8BITMIME",
            "AUTH" => match rest.strip_prefix("PLAIN ").is_some_and(|given| Some(given) == rules.auth) {
                true => {
                    known = true;
                    "235 2.7.0 welcome"
                }
                false => "535 5.7.8 no",
            },
            "MAIL" if !known => "530 5.7.0 who are you",
            "MAIL" => {
                let mut left = rules.put_off.lock().unwrap();
                if *left > 0 {
                    *left -= 1;
                    "451 4.3.2 later"
                } else {
                    (from, to) = (address(rest), Vec::new());
                    "250 2.1.0 ok"
                }
            }
            "RCPT" if from.is_empty() => "503 5.5.1 MAIL first",
            "RCPT" => {
                to.push(address(rest));
                "250 2.1.5 ok"
            }
            "DATA" if to.is_empty() => "503 5.5.1 RCPT first",
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let raw = data(&mut stream).await?;
                let letter = Arrived { body: decode(&raw), from: from.clone(), to: to.clone(), raw };
                keep.send_modify(|letters| letters.push(letter));
                "250 2.0.0 kept"
            }
            "RSET" | "NOOP" => "250 2.0.0 ok",
            "QUIT" => {
                return stream.write_all(b"221 2.0.0 bye\r\n").await;
            }
            _ => "502 5.5.2 what?",
        };
        stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
}

/// `FROM:<a@b> BODY=8BITMIME` and the like.
fn address(rest: &str) -> String {
    rest.split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}

/// Up to the lonely dot; a dot that was doubled for the way is one again (RFC 5321 section 4.5.2).
async fn data(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

/// The body: quoted-printable (RFC 2045 section 6.7) or as it is.
fn decode(raw: &str) -> String {
    let (head, body) = raw.split_once("\r\n\r\n").unwrap_or(("", raw));
    if !head.to_ascii_lowercase().contains("quoted-printable") {
        return body.to_owned();
    }
    let joined = body.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let code = (byte == b'=').then(|| std::str::from_utf8(after.get(..2)?).ok()).flatten();
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
