//! A mail server that keeps what it gets: SMTP (RFC 5321) over TCP, with AUTH PLAIN (RFC 4954) where it is told a name,
//! and STARTTLS (RFC 3207) where it has a certificate.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

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
    /// It came through TLS.
    pub sealed: bool,
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
    /// How many who called have hung up.
    ended: watch::Receiver<usize>,
    read: Mutex<usize>,
}

#[derive(Default)]
struct Rules {
    /// What AUTH PLAIN must say, in base64.
    auth: Option<&'static str>,
    /// Letters to be put off before the first is taken.
    put_off: Mutex<usize>,
    /// What it proves itself with, to whoever wants TLS; it takes nothing without.
    tls: Option<TlsAcceptor>,
}

impl MailSink {
    pub async fn start() -> Self {
        Self::with(Rules::default()).await
    }

    /// One that takes letters only from who says this.
    pub async fn with_auth(plain: &'static str) -> Self {
        Self::with(Rules { auth: Some(plain), ..Rules::default() }).await
    }

    /// One that takes letters through TLS alone, and its certificate, which is for `localhost` and its own issuer.
    pub async fn with_tls() -> (Self, String) {
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let tls = Some(TlsAcceptor::from(Arc::new(config)));
        (Self::with(Rules { tls, ..Rules::default() }).await, cert.pem())
    }

    /// One that is busy at first.
    pub async fn that_puts_off(letters: usize) -> Self {
        Self::with(Rules { put_off: Mutex::new(letters), ..Rules::default() }).await
    }

    async fn with(rules: Rules) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (keep, letters) = watch::channel(Vec::new());
        let (hang_up, ended) = watch::channel(0);
        let (keep, rules, hang_up) = (Arc::new(keep), Arc::new(rules), Arc::new(hang_up));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (keep, rules, hang_up) = (keep.clone(), rules.clone(), hang_up.clone());
                tokio::spawn(async move {
                    // Who breaks off is their own affair.
                    let _ = serve(stream, &keep, &rules).await;
                    hang_up.send_modify(|ended| *ended += 1);
                });
            }
        });
        Self { address, letters, ended, read: Mutex::new(0) }
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

    /// Waits until somebody has called and hung up.
    pub async fn was_called(&self) {
        let mut ended = self.ended.clone();
        let called = ended.wait_for(|ended| *ended > 0);
        tokio::time::timeout(PATIENCE, called).await.expect("nobody called").unwrap();
    }

    /// How many came so far.
    pub fn len(&self) -> usize {
        self.letters.borrow().len()
    }
}

async fn serve(
    mut stream: TcpStream,
    keep: &watch::Sender<Vec<Arrived>>,
    rules: &Rules,
) -> std::io::Result<()> {
    stream.write_all(b"220 sink.example.org ESMTP\r\n").await?;
    let End::StartTls(stream) = converse(stream, keep, rules, rules.tls.is_none()).await? else {
        return Ok(());
    };
    let Some(tls) = &rules.tls else { return Ok(()) };
    converse(tls.accept(stream).await?, keep, rules, true).await.map(drop)
}

/// How a conversation ended.
enum End<S> {
    Over,
    /// It goes on through TLS.
    StartTls(S),
}

/// `secure`: nothing more is wanted before letters are taken.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    keep: &watch::Sender<Vec<Arrived>>,
    rules: &Rules,
    secure: bool,
) -> std::io::Result<End<S>> {
    let sealed = secure && rules.tls.is_some();
    let mut stream = BufReader::new(stream);
    let (mut from, mut to, mut known) = (String::new(), Vec::new(), rules.auth.is_none());
    loop {
        let mut line = String::new();
        // RFC 5321 section 4.5.3.1.6: no line is longer.
        if (&mut stream).take(1000).read_line(&mut line).await? == 0 {
            return Ok(End::Over);
        }
        let (verb, rest) = line.trim_end().split_once([' ', ':']).unwrap_or((line.trim_end(), ""));
        let reply = match verb.to_ascii_uppercase().as_str() {
            "EHLO" if !secure => "250-sink.example.org\r\n250 STARTTLS",
            "STARTTLS" if !secure => {
                stream.write_all(b"220 2.0.0 go on\r\n").await?;
                // Whatever was said behind it in clear is nobody's word (RFC 3207 section 6).
                assert!(stream.buffer().is_empty(), "there is more behind STARTTLS");
                return Ok(End::StartTls(stream.into_inner()));
            }
            "MAIL" if !secure => "530 5.7.0 STARTTLS first",
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
                let letter = Arrived { body: decode(&raw), from: from.clone(), to: to.clone(), raw, sealed };
                keep.send_modify(|letters| letters.push(letter));
                "250 2.0.0 kept"
            }
            "RSET" | "NOOP" => "250 2.0.0 ok",
            "QUIT" => {
                stream.write_all(b"221 2.0.0 bye\r\n").await?;
                return Ok(End::Over);
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
async fn data(stream: &mut (impl AsyncBufReadExt + Unpin)) -> std::io::Result<String> {
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
