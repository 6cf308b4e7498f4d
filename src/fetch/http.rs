//! One request over HTTP/1.1 to an address that was judged before, and the beginning of what it answers.
//!
//! Must never know: names of hosts beyond what TLS and the `Host` line need. It connects to the addresses it is given
//! and looks nothing up. Start with [`get`].

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use url::{Position, Url};

use super::Failure;
use super::picture::PICTURE_MAX;

/// Bytes of a page that are read: what it says of itself stands at its beginning. The rest is not waited for.
pub const PAGE_MAX: usize = 256 * 1024;

/// Bytes of all lines before the body together. Large cookies are the longest that anybody sends, and they are not for us.
const HEAD_MAX: usize = 32 * 1024;

/// Lines before the body.
const HEADERS_MAX: usize = 100;

/// Addresses of one host that are tried, and how long each. A host that has more has them for others.
const TRIES: usize = 4;
const CONNECT: Duration = Duration::from_secs(2);

/// Who we are, for those who look into their logs or shape what they answer to programs.
const USER_AGENT: &str = concat!("Cromulent/", env!("CARGO_PKG_VERSION"), " LinkPreview");

/// What the server answered.
pub enum Answer {
    /// It is here.
    Here(Body),
    /// It is at this address, absolute or not.
    Elsewhere(String),
}

/// What is there.
pub enum Body {
    /// HTML, at most [`PAGE_MAX`] bytes of it.
    Page {
        /// As the server said.
        content_type: String,
        /// From the beginning.
        bytes: Vec<u8>,
    },
    /// What the server calls a picture, all of it.
    Picture(Vec<u8>),
}

/// Asks one of these addresses for what is at `url`.
pub async fn get(url: &Url, addresses: &[SocketAddr], tls: &TlsConnector) -> Result<Answer, Failure> {
    let stream = connect(addresses).await?;
    if url.scheme() != "https" {
        return exchange(url, stream).await;
    }
    let host = url.host_str().ok_or(Failure::Address)?.trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host).map_err(|_| Failure::Address)?;
    let stream = tls.connect(name, stream).await.map_err(no_answer)?;
    exchange(url, stream).await
}

async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
    let mut failure = Failure::NoHost;
    for address in addresses.iter().take(TRIES) {
        match timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = no_answer(error),
            Err(_) => failure = Failure::Slow,
        }
    }
    Err(failure)
}

async fn exchange<S>(url: &Url, stream: S) -> Result<Answer, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_MAX)
        .max_buf_size(2 * HEAD_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(no_answer)?;
    // Ends with this function, whatever the other side does.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let request = Request::get(&url[Position::BeforePath..Position::AfterQuery])
        .header(header::HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::ACCEPT, "text/html, application/xhtml+xml, image/*;q=0.9")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(no_answer)?;
    let response = sender.send_request(request).await.map_err(no_answer)?;
    answer(response).await
}

async fn answer(response: Response<Incoming>) -> Result<Answer, Failure> {
    let (head, body) = response.into_parts();
    let status = head.status.as_u16();
    if let 301 | 302 | 303 | 307 | 308 = status {
        let place = text(&head.headers, header::LOCATION).ok_or(Failure::Status(status))?;
        return Ok(Answer::Elsewhere(place));
    }
    if !head.status.is_success() {
        return Err(Failure::Status(status));
    }
    if text(&head.headers, header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(Failure::Compressed);
    }
    let content_type = text(&head.headers, header::CONTENT_TYPE).unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "text/html" | "application/xhtml+xml" => {
            let (bytes, _) = beginning(body, PAGE_MAX).await?;
            Ok(Answer::Here(Body::Page { content_type, bytes }))
        }
        // Which of them we show, their first bytes say.
        picture if picture.starts_with("image/") => match beginning(body, PICTURE_MAX).await? {
            (bytes, Whole::Yes) => Ok(Answer::Here(Body::Picture(bytes))),
            (_, Whole::No) => Err(Failure::TooLarge),
        },
        _ => Err(Failure::Nothing),
    }
}

enum Whole {
    Yes,
    No,
}

/// At most `max` bytes, and whether that was all.
async fn beginning(mut body: Incoming, max: usize) -> Result<(Vec<u8>, Whole), Failure> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(no_answer)?.into_data() else { continue };
        let room = max - bytes.len();
        bytes.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            return Ok((bytes, Whole::No));
        }
    }
    Ok((bytes, Whole::Yes))
}

/// A header that is text.
fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(|value| value.trim().to_owned())
}

fn no_answer(error: impl std::fmt::Display) -> Failure {
    Failure::NoAnswer(error.to_string())
}
