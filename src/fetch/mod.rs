//! Fetching: going to an address that somebody wrote into a message, and saying what is there.
//!
//! Must never know: who wrote it, in which message, or what becomes of the answer.
//! Start with [`Fetcher::look`]; where it may go is in [`reach`], the one request in [`http`], what pages and pictures
//! say of themselves in [`page`] and [`picture`].
//!
//! Whoever may write can make this server go anywhere, so it trusts nobody on the way: a host is looked up once, all
//! its addresses are judged, and the connection goes to one of those that were, not to a name; every redirection is a
//! new address that is judged as the first. It sends nothing that knows anybody (no cookie, no name, no referrer), and
//! time, bytes, redirections and how much happens at once have bounds.

pub mod http;
pub mod page;
pub mod picture;
pub mod reach;

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

use self::http::{Answer, Body};
use self::page::Page;
use self::picture::{Picture, Shelf, Size};
use self::reach::Reach;

/// Redirections that are followed: from http to https, to the host with `www.`, to the page.
const REDIRECTIONS_MAX: usize = 3;

/// How long a page, and then its picture, may take in all: the lookup, every redirection, the last byte. Whoever wrote
/// the message looks at it meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);

/// Pictures that are fetched at once because somebody looks at them and they are not on the shelf.
const PICTURES_AT_ONCE: usize = 4;

/// Who may wait for that. More are told that there is no picture; a page then shows none.
const WAITING_MAX: usize = 64;

/// Looks up the addresses of a host.
pub type Resolver = Box<dyn Fn(String) -> Addresses + Send + Sync>;

/// What a [`Resolver`] answers.
pub type Addresses = Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send>>;

/// Goes to addresses.
pub struct Fetcher {
    reach: Reach,
    resolver: Resolver,
    tls: TlsConnector,
    patience: Duration,
    shelf: Shelf,
    pictures_at_once: Semaphore,
    waiting: AtomicUsize,
}

/// What is at an address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// A page, and how large the picture is that it shows of itself.
    Page(Box<Page>, Option<Size>),
    /// A picture.
    Picture(Size),
}

/// Why there is nothing to show. Not worth more than a line for whoever looks for it: most of the web fails somehow.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Failure {
    /// Neither http nor https, or with a name and password in it.
    #[error("not an address that is gone to")]
    Address,
    /// A port that the operator did not name.
    #[error("port {0} is not gone to")]
    Port(u16),
    /// One of its addresses is not the public internet's.
    #[error("{0} is not gone to")]
    Private(IpAddr),
    /// The name has no address.
    #[error("no such host")]
    NoHost,
    /// Nobody answers, or not in the way of TLS and HTTP.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// It leads on and on.
    #[error("too many redirections")]
    Redirections,
    /// The server says no.
    #[error("status {0}")]
    Status(u16),
    /// Compressed, which nobody asked for: a kilobyte may become a gigabyte.
    #[error("compressed without having been asked")]
    Compressed,
    /// Neither a page nor a picture, or one that says nothing of itself.
    #[error("nothing to show")]
    Nothing,
    /// Larger than a picture may be.
    #[error("too large")]
    TooLarge,
    /// It took too long.
    #[error("too slow")]
    Slow,
    /// Too many wait for pictures.
    #[error("too many wait")]
    Busy,
}

impl Fetcher {
    /// One that goes where `reach` lets it, by the names that this machine knows.
    pub fn new(reach: Reach) -> Self {
        let by_system: Resolver = Box::new(|host| {
            Box::pin(async move {
                // The port is put in by us, and taken out again.
                let all = tokio::net::lookup_host((host, 0)).await?;
                Ok(all.map(|address| address.ip()).collect())
            })
        });
        Self::with(reach, by_system, system_roots(), PATIENCE)
    }

    /// One that asks `resolver` for addresses, trusts `roots`, and takes so long over a page and over a picture at most.
    pub fn with(reach: Reach, resolver: Resolver, roots: RootCertStore, patience: Duration) -> Self {
        let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Self {
            reach,
            resolver,
            tls: TlsConnector::from(Arc::new(tls)),
            patience,
            shelf: Shelf::default(),
            pictures_at_once: Semaphore::new(PICTURES_AT_ONCE),
            waiting: AtomicUsize::new(0),
        }
    }

    /// What is at an address: a page with its picture, or a picture.
    pub async fn look(&self, url: &Url) -> Result<Found, Failure> {
        let (at, body) = self.in_time(self.get(url)).await?;
        match body {
            Body::Page { content_type, bytes } => {
                let mut page = page::read(&bytes, &content_type, &at).ok_or(Failure::Nothing)?;
                // A page is worth showing without its picture.
                let size = match &page.picture {
                    Some(url) => self.in_time(self.fetch_picture(url)).await.ok().map(|found| found.size),
                    None => None,
                };
                page.picture = page.picture.filter(|_| size.is_some());
                Ok(Found::Page(Box::new(page), size))
            }
            Body::Picture(bytes) => Ok(Found::Picture(self.keep(url, bytes)?.size)),
        }
    }

    /// A picture for somebody who looks at it.
    pub async fn picture(&self, url: &Url) -> Result<Arc<Picture>, Failure> {
        if let Some(picture) = self.shelf.get(url) {
            return Ok(picture);
        }
        let _place = Place::take(&self.waiting)?;
        // Never closed.
        let _turn = self.pictures_at_once.acquire().await.map_err(|_| Failure::Busy)?;
        // Whoever was before us may have wanted the same one.
        match self.shelf.get(url) {
            Some(picture) => Ok(picture),
            None => self.in_time(self.fetch_picture(url)).await,
        }
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        timeout(self.patience, work).await.unwrap_or(Err(Failure::Slow))
    }

    async fn fetch_picture(&self, url: &Url) -> Result<Arc<Picture>, Failure> {
        match self.get(url).await? {
            (_, Body::Picture(bytes)) => self.keep(url, bytes),
            (_, Body::Page { .. }) => Err(Failure::Nothing),
        }
    }

    fn keep(&self, url: &Url, bytes: Vec<u8>) -> Result<Arc<Picture>, Failure> {
        let picture = Arc::new(Picture::read(bytes).ok_or(Failure::Nothing)?);
        self.shelf.put(url.clone(), picture.clone());
        Ok(picture)
    }

    /// What is there, and where that was in the end.
    async fn get(&self, url: &Url) -> Result<(Url, Body), Failure> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTIONS_MAX {
            let addresses = self.judged(&url).await?;
            match http::get(&url, &addresses, &self.tls).await? {
                Answer::Here(body) => return Ok((url, body)),
                Answer::Elsewhere(place) => url = url.join(&place).map_err(|_| Failure::Address)?,
            }
        }
        Err(Failure::Redirections)
    }

    /// Where to go for this address: all of them are the public internet's, or the operator named them. A host with one
    /// that is not is not gone to at all, or it would depend on chance.
    async fn judged(&self, url: &Url) -> Result<Vec<SocketAddr>, Failure> {
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some()
        {
            return Err(Failure::Address);
        }
        let port = url.port_or_known_default().ok_or(Failure::Address)?;
        if !self.reach.admits_port(port) {
            return Err(Failure::Port(port));
        }
        let addresses = match url.host().ok_or(Failure::Address)? {
            Host::Domain(name) => (self.resolver)(name.to_owned()).await.map_err(|_| Failure::NoHost)?,
            // However it was written, decimal, octal or hexadecimal: the parser reads it as a browser does.
            Host::Ipv4(address) => vec![address.into()],
            Host::Ipv6(address) => vec![address.into()],
        };
        if let Some(private) = addresses.iter().find(|address| !self.reach.admits(**address)) {
            return Err(Failure::Private(*private));
        }
        if addresses.is_empty() {
            return Err(Failure::NoHost);
        }
        Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }
}

/// A place among those who wait, given back when it is dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Result<Self, Failure> {
        let place = Self(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) < WAITING_MAX { Ok(place) } else { Err(Failure::Busy) }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whom to trust, the system's certificates say. Without any, every page over https fails, which is logged once.
/// The certificates that this machine believes.
pub fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (good, _) = roots.add_parsable_certificates(found.certs);
    if good == 0 {
        tracing::warn!(
            "this machine has no certificates to trust: there are no previews of pages over https"
        );
    }
    roots
}
