//! The page: its port, the address that people type, the certificate there, and whether the WebSocket gets through.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{CertificateError, ClientConfig, Error as TlsError, RootCertStore};
use url::{Host, Position, Url};

use super::{Finding, Subject};
use crate::clock::Timestamp;
use crate::fetch;
use crate::protocol::rest::ServerInfo;

/// How long each step may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of an answer that are read; ours has some hundred.
const ANSWER_MAX: usize = 64 * 1024;

/// Days before its end that a certificate should have been renewed: those who renew by themselves do it at thirty.
const RENEWED_BY: u64 = 14;

/// Whose certificates are believed.
pub struct Trust(Arc<RootCertStore>);

impl Trust {
    /// Those that this machine believes. Browsers have lists of their own, which differ little.
    pub fn system() -> Self {
        Self(Arc::new(fetch::system_roots()))
    }

    /// These.
    pub fn only(roots: RootCertStore) -> Self {
        Self(Arc::new(roots))
    }
}

/// Whether a server of ours answers where the page listens.
pub(super) async fn is_ours(listen: SocketAddr) -> bool {
    let ask = async {
        let stream = TcpStream::connect(from_here(listen)).await.ok()?;
        info(stream, &listen.to_string()).await
    };
    matches!(timeout(PATIENCE, ask).await, Ok(Some(_)))
}

/// Where something that listens at `listen` is reached from this machine.
fn from_here(listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, listen.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (std::net::Ipv6Addr::LOCALHOST, listen.port()).into(),
        IpAddr::V4(_) | IpAddr::V6(_) => listen,
    }
}

pub(super) async fn port(listen: SocketAddr, running: bool) -> Finding {
    const ABOUT: &str = "page port";
    if running {
        return Finding::good(ABOUT, format!("a server of ours answers at {listen}"));
    }
    match TcpListener::bind(listen).await {
        Ok(_) => Finding::good(ABOUT, format!("{listen} is free")),
        Err(error) => Finding::fault(
            ABOUT,
            format!("{listen}: {error}"),
            if error.kind() == ErrorKind::AddrInUse {
                format!(
                    "find who has it (`ss -ltnp 'sport = {}'`) and end him, or set `listen`",
                    listen.port()
                )
            } else if error.kind() == ErrorKind::PermissionDenied {
                "ports below 1024 need the right to them: `AmbientCapabilities=CAP_NET_BIND_SERVICE` in the unit, or a \
                 proxy before it"
                    .to_owned()
            } else {
                "set `listen` to an address of this machine".to_owned()
            },
        ),
    }
}

/// What people type, and all that is on the way from there to us.
pub(super) async fn address(subject: &Subject, running: bool, now: Timestamp, trust: &Trust) -> Vec<Finding> {
    const ABOUT: &str = "page address";
    let Some(text) = &subject.public_url else {
        return vec![match subject.listen.ip().is_loopback() {
            true => Finding::note(
                ABOUT,
                "only this machine opens the page",
                "for others put a proxy with TLS before it, and set `public-url` to the address they type",
            ),
            false => Finding::fault(
                ABOUT,
                "others open the page without TLS, and browsers give no microphone to such pages",
                "put a proxy with TLS before it, set `public-url` to the address people type, and `listen` to loopback",
            ),
        }];
    };
    let Ok(url) = &Url::parse(text) else {
        return vec![Finding::fault(
            ABOUT,
            format!("`{text}` is no address"),
            "set `public-url` as in `https://chat.example.org`",
        )];
    };
    let secure = url.scheme() == "https";
    if !secure && !is_local(url) {
        return vec![Finding::fault(
            ABOUT,
            format!(
                "{url} is not https: browsers give no microphone to such pages, and passwords go in the clear"
            ),
            "put a proxy with TLS before it, and set `public-url` to its https address",
        )];
    }
    let stream = match timeout(PATIENCE, connect(url)).await {
        Ok(Ok(stream)) => stream,
        failed => {
            let reason = match failed {
                Ok(Err(error)) => error.to_string(),
                Ok(Ok(_)) | Err(_) => "no answer".to_owned(),
            };
            return vec![Finding::fault(
                ABOUT,
                format!("nobody answers at {url}: {reason}"),
                "look at its name in the DNS, at the proxy and at the firewall (some networks reach themselves by another \
                 address only: then look from outside)",
            )];
        }
    };
    if !secure {
        return vec![answers(url, running, info(stream, host(url)).await)];
    }
    match timeout(PATIENCE, tls(url, stream, trust)).await {
        Ok(Ok((stream, chain))) => {
            let mut findings = vec![certificate(url, &chain, now, trust)];
            let answer = timeout(PATIENCE, info(stream, host(url))).await.ok().flatten();
            let through = answer.is_some();
            findings.push(answers(url, running, answer));
            if through {
                findings.push(websocket(url, trust).await);
            }
            findings
        }
        Ok(Err(error)) => vec![untrusted(url, &error)],
        Err(_) => vec![Finding::fault(
            "certificate",
            format!("{url} does not answer in TLS"),
            "look whether the proxy speaks TLS at that port",
        )],
    }
}

/// Whether browsers take the address for this very machine, and give a microphone without TLS.
fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn host(url: &Url) -> &str {
    &url[Position::BeforeHost..Position::AfterPort]
}

async fn connect(url: &Url) -> std::io::Result<TcpStream> {
    let port = url.port_or_known_default().unwrap_or(443);
    let name = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    TcpStream::connect((name, port)).await
}

type Secured = tokio_rustls::client::TlsStream<TcpStream>;

async fn tls(
    url: &Url,
    stream: TcpStream,
    trust: &Trust,
) -> std::io::Result<(Secured, Vec<CertificateDer<'static>>)> {
    let config = ClientConfig::builder().with_root_certificates(trust.0.clone()).with_no_client_auth();
    let stream = TlsConnector::from(Arc::new(config)).connect(name(url)?, stream).await?;
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let chain = chain.iter().map(|one| one.clone().into_owned()).collect();
    Ok((stream, chain))
}

fn name(url: &Url) -> std::io::Result<ServerName<'static>> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    ServerName::try_from(host).map_err(std::io::Error::other)
}

/// How long a chain that is good now will be good: it is judged as if it were later.
fn certificate(url: &Url, chain: &[CertificateDer<'_>], now: Timestamp, trust: &Trust) -> Finding {
    const ABOUT: &str = "certificate";
    const DAY: u64 = 24 * 60 * 60;
    let good_in = |days: u64| {
        let verifier = WebPkiServerVerifier::builder(trust.0.clone()).build().ok()?;
        let (first, rest) = chain.split_first()?;
        let then =
            Duration::from_millis(u64::try_from(now.as_millis()).ok()?) + Duration::from_secs(days * DAY);
        let name = name(url).ok()?;
        verifier.verify_server_cert(first, rest, &name, &[], UnixTime::since_unix_epoch(then)).ok()
    };
    if good_in(RENEWED_BY).is_some() {
        return Finding::good(ABOUT, format!("{} is good for {RENEWED_BY} days at least", host(url)));
    }
    let days = (0..RENEWED_BY).rev().find(|days| good_in(*days).is_some()).unwrap_or(0);
    Finding::fault(
        ABOUT,
        format!("{} ends within {} days", host(url), days + 1),
        "it should have been renewed by now: look at the log of what renews it (certbot, the proxy)",
    )
}

fn untrusted(url: &Url, error: &std::io::Error) -> Finding {
    const ABOUT: &str = "certificate";
    let advice = match error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
        Some(TlsError::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => "it has ended: renew it",
        Some(TlsError::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        )) => "it begins later: look at the clock of this machine",
        Some(TlsError::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => "it is for another name: get one for the name in `public-url`",
        Some(TlsError::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "browsers will not believe it: get one from a public authority (Let's Encrypt), and let the proxy send the \
             whole chain"
        }
        _ => "look at the proxy's log",
    };
    Finding::fault(ABOUT, format!("{}: {error}", host(url)), advice)
}

fn answers(url: &Url, running: bool, answer: Option<ServerInfo>) -> Finding {
    const ABOUT: &str = "page address";
    match answer {
        Some(info) => Finding::good(ABOUT, format!("{} answers at {url}", info.name)),
        None if running => Finding::fault(
            ABOUT,
            format!("what answers at {url} is not this server"),
            "let the proxy pass everything on to the address in `listen`",
        ),
        None => Finding::note(
            ABOUT,
            format!("{url} is there, but the server does not run"),
            "start it, and run this once more",
        ),
    }
}

/// Asks for a WebSocket without having signed in: the refusal says whether the wish arrived.
async fn websocket(url: &Url, trust: &Trust) -> Finding {
    const ABOUT: &str = "websocket";
    const UNAUTHORIZED: u16 = 401;
    let request = Request::get("/api/socket")
        .header(header::HOST, host(url))
        .header(header::ORIGIN, &url[..Position::BeforePath])
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        // Of RFC 6455 section 1.3; whose key it is makes no difference.
        .header(header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ==")
        .body(Empty::new());
    let ask = async {
        let (stream, _) = tls(url, connect(url).await.ok()?, trust).await.ok()?;
        exchange(stream, request.ok()?).await
    };
    match timeout(PATIENCE, ask).await.ok().flatten() {
        Some((UNAUTHORIZED, _)) => Finding::good(ABOUT, "gets through to the server"),
        _ => Finding::fault(
            ABOUT,
            "does not get through: the page will say that it is offline",
            "let the proxy pass on `Upgrade` and `Connection` (nginx: `proxy_http_version 1.1; proxy_set_header Upgrade \
             $http_upgrade; proxy_set_header Connection \"upgrade\";`)",
        ),
    }
}

/// What a server of ours says of itself; None when something else answers.
async fn info(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    host: &str,
) -> Option<ServerInfo> {
    let request = Request::get("/api/server").header(header::HOST, host).body(Empty::new()).ok()?;
    let (status, body) = exchange(stream, request).await?;
    (status == 200).then(|| serde_json::from_slice(&body).ok()).flatten()
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Empty<Bytes>>,
) -> Option<(u16, Bytes)> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    // Ends with this function, whatever the other side does.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let (head, body) = sender.send_request(request).await.ok()?.into_parts();
    let body = Limited::new(body, ANSWER_MAX).collect().await.ok()?.to_bytes();
    Some((head.status.as_u16(), body))
}
