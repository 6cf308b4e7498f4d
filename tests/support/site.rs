//! Another site on the web, on loopback: it answers as it is told, whatever that is, and remembers who asked.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use url::Url;

use super::PATIENCE;

/// How it answers.
#[derive(Clone)]
pub enum Reply {
    /// With these bytes, and then it closes.
    Bytes(Vec<u8>),
    /// With these, and then with some more without end.
    Endless(Vec<u8>),
    /// With these, and then with nothing more.
    Stalls(Vec<u8>),
    /// With these, when it is let go.
    Held(Vec<u8>),
}

pub struct Site {
    pub address: SocketAddr,
    scheme: &'static str,
    asked: watch::Receiver<Vec<String>>,
    replies: Arc<Mutex<HashMap<String, Reply>>>,
    most_at_once: Arc<AtomicUsize>,
    let_go: watch::Sender<bool>,
}

/// What every connection needs to know.
#[derive(Clone)]
struct Ways {
    replies: Arc<Mutex<HashMap<String, Reply>>>,
    asked: Arc<watch::Sender<Vec<String>>>,
    at_once: Arc<AtomicUsize>,
    most_at_once: Arc<AtomicUsize>,
    let_go: watch::Receiver<bool>,
}

impl Site {
    pub async fn start() -> Self {
        Self::over(None).await
    }

    /// Over https, with what proves who it is.
    pub async fn over_tls(tls: TlsAcceptor) -> Self {
        Self::over(Some(tls)).await
    }

    async fn over(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asking, asked) = watch::channel(Vec::new());
        let (let_go, wait) = watch::channel(false);
        let replies: Arc<Mutex<HashMap<String, Reply>>> = Arc::default();
        let most_at_once = Arc::default();
        let ways = Ways {
            replies: replies.clone(),
            asked: Arc::new(asking),
            at_once: Arc::default(),
            most_at_once: Arc::clone(&most_at_once),
            let_go: wait,
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (ways, tls) = (ways.clone(), tls.clone());
                tokio::spawn(async move {
                    // Who breaks off is their own affair.
                    match tls {
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, ways).await.ok(),
                            Err(_) => None,
                        },
                        None => serve(stream, ways).await.ok(),
                    }
                });
            }
        });
        Self { address, scheme, asked, replies, most_at_once, let_go }
    }

    /// From now on it answers this at this path; at all others with 404.
    pub fn answers(&self, path: &str, reply: Reply) {
        self.replies.lock().unwrap().insert(path.to_owned(), reply);
    }

    /// A page.
    pub fn has_page(&self, path: &str, html: &str) {
        self.answers(path, Reply::Bytes(ok("text/html; charset=utf-8", html.as_bytes())));
    }

    /// Something else.
    pub fn has(&self, path: &str, content_type: &str, bytes: &[u8]) {
        self.answers(path, Reply::Bytes(ok(content_type, bytes)));
    }

    /// Leads elsewhere.
    pub fn leads(&self, path: &str, place: &str) {
        let head = format!("HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n");
        self.answers(path, Reply::Bytes(head.into_bytes()));
    }

    pub fn url(&self, path: &str) -> Url {
        self.url_at("127.0.0.1", path)
    }

    /// The same by another name.
    pub fn url_at(&self, host: &str, path: &str) -> Url {
        Url::parse(&format!("{}://{host}:{}{path}", self.scheme, self.address.port())).unwrap()
    }

    /// Every request so far, with all its lines.
    pub fn was_asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }

    /// The paths of them.
    pub fn paths(&self) -> Vec<String> {
        self.was_asked().iter().map(|head| head.split(' ').nth(1).unwrap_or_default().to_owned()).collect()
    }

    /// Waits until so many asked.
    pub async fn is_asked(&self, times: usize) {
        let mut asked = self.asked.clone();
        let enough = asked.wait_for(|all| all.len() >= times);
        tokio::time::timeout(PATIENCE, enough).await.expect("nobody asks").unwrap();
    }

    /// The most connections there ever were at the same time.
    pub fn most_at_once(&self) -> usize {
        self.most_at_once.load(Ordering::SeqCst)
    }

    /// Lets go of everything that is held.
    pub fn lets_go(&self) {
        self.let_go.send_replace(true);
    }
}

/// An answer with a head that says what it is.
pub fn ok(content_type: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// The head of a PNG that says it is so large, and so many more bytes.
pub fn png(width: u32, height: u32, more: usize) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 6, 0, 0, 0]);
    bytes.extend(vec![0; more]);
    bytes
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, mut ways: Ways) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let at_once = ways.at_once.fetch_add(1, Ordering::SeqCst) + 1;
    ways.most_at_once.fetch_max(at_once, Ordering::SeqCst);
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    ways.asked.send_modify(|all| all.push(head));
    let reply = ways.replies.lock().unwrap().get(&path).cloned();
    let done = answer(&mut stream, &mut ways, reply).await;
    ways.at_once.fetch_sub(1, Ordering::SeqCst);
    done
}

async fn answer(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    ways: &mut Ways,
    reply: Option<Reply>,
) -> std::io::Result<()> {
    match reply {
        None => stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await?,
        Some(Reply::Bytes(bytes)) => stream.write_all(&bytes).await?,
        Some(Reply::Endless(bytes)) => {
            stream.write_all(&bytes).await?;
            loop {
                stream.write_all(&[b' '; 4096]).await?;
            }
        }
        Some(Reply::Stalls(bytes)) => {
            stream.write_all(&bytes).await?;
            // Until the other side gives up.
            stream.read_u8().await?;
        }
        Some(Reply::Held(bytes)) => {
            // An error means that the story is over.
            let _ = ways.let_go.wait_for(|go| *go).await;
            stream.write_all(&bytes).await?;
        }
    }
    stream.shutdown().await
}
