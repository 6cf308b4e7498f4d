//! Connections of the page and its programs, from the first byte: HTTP/1.1, and patience that ends.
//!
//! axum's own loop waits for ever for the rest of a head or of a body; whoever opens thousands of connections and
//! says a letter a minute would so keep everybody else out. Must never know: what is asked for. Start with [`receive`].

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

/// Lines of a head. A browser behind two proxies sends thirty; of more, none is read.
const HEADERS_MAX: usize = 100;

/// Bytes of a head, which wait in memory until it is whole.
const HEAD_MAX: usize = 64 * 1024;

/// How long to wait after the system had no file for another connection.
const NO_FILE: Duration = Duration::from_millis(200);

/// How long visitors may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a head, and between two requests: longer than the slowest phone needs, and than proxies keep a connection
    /// that is not used.
    pub head: Duration,
    /// From the head to the answer: the rest of the body, and the work. A password that waits for its turn takes seconds.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { head: Duration::from_secs(30), answer: Duration::from_secs(60) }
    }
}

/// Serves everybody who comes, until it is said to stop; then until the last one has gone.
pub async fn receive(
    listener: TcpListener,
    router: Router,
    patience: Patience,
    mut stopped: watch::Receiver<bool>,
) {
    // Nothing is ever sent: it ends when the last visitor has dropped his half.
    let (inside, mut empty) = mpsc::channel::<()>(1);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop(&mut stopped) => break,
        };
        match accepted {
            Ok((stream, from)) => {
                let (router, stopped, inside) = (router.clone(), stopped.clone(), inside.clone());
                tokio::spawn(async move {
                    serve(stream, from, router, patience, stopped).await;
                    drop(inside);
                });
            }
            // Who changed his mind is no fault of the listener's.
            Err(error) if is_of_one_visitor(&error) => {}
            Err(error) => {
                tracing::error!(%error, "nobody can be let in");
                tokio::time::sleep(NO_FILE).await;
            }
        }
    }
    drop((listener, inside));
    let _ = empty.recv().await;
}

async fn serve(
    stream: TcpStream,
    from: SocketAddr,
    router: Router,
    patience: Patience,
    mut stopped: watch::Receiver<bool>,
) {
    let doors = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(from));
        let answer = doors.call(request);
        async move { tokio::time::timeout(patience.answer, answer).await.unwrap_or_else(|_| Ok(too_slow())) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(patience.head)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_MAX);
    let connection = http.serve_connection(TokioIo::new(stream), service).with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended badly");
    }
}

/// The connection goes too: the rest of the body would be taken for the next request.
fn too_slow() -> Response<Body> {
    let close = [(header::CONNECTION, HeaderValue::from_static("close"))];
    (StatusCode::REQUEST_TIMEOUT, close).into_response()
}

async fn stop(stopped: &mut watch::Receiver<bool>) {
    // An error means that the server value itself is gone, which is a stop as well.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

fn is_of_one_visitor(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use axum::routing::post;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const LONG: Duration = Duration::from_secs(600);
    const SHORT: Duration = Duration::from_millis(50);

    /// What a visitor is told who says this and then no more, until the connection ends.
    async fn says(patience: Patience, words: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", post(|body: String| async move { body }));
        let (_running, stopped) = watch::channel(false);
        let server = tokio::spawn(receive(listener, router, patience, stopped));
        let mut visitor = TcpStream::connect(address).await.unwrap();
        visitor.write_all(words.as_bytes()).await.unwrap();
        let mut told = String::new();
        visitor.read_to_string(&mut told).await.unwrap();
        server.abort();
        told
    }

    #[tokio::test]
    async fn a_head_without_an_end_is_not_waited_for() {
        let patience = Patience { head: SHORT, answer: LONG };
        for words in ["", "P", "POST / HTTP/1.1\r\nHost: a\r\nX: "] {
            let told = says(patience, words).await;
            assert!(told.is_empty() || told.starts_with("HTTP/1.1 408"), "{words:?}: {told}");
        }
    }

    #[tokio::test]
    async fn nor_is_the_next_request_or_the_rest_of_a_body() {
        let whole = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
        let told = says(Patience { head: SHORT, answer: LONG }, whole).await;
        assert!(told.starts_with("HTTP/1.1 200") && told.ends_with("hi"), "{told}");
        let part = whole.replace("Length: 2", "Length: 9");
        let told = says(Patience { head: LONG, answer: SHORT }, &part).await;
        assert!(told.starts_with("HTTP/1.1 408") && told.contains("connection: close"), "{told}");
    }

    #[tokio::test]
    async fn a_head_has_a_bound() {
        let patience = Patience { head: LONG, answer: LONG };
        for many in ["X: y\r\n".repeat(100_000), format!("X: {}\r\n", "y".repeat(HEAD_MAX))] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut visitor = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (_running, stopped) = watch::channel(false);
            let server = tokio::spawn(receive(listener, Router::new(), patience, stopped));
            let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{many}\r\n");
            // It may be refused before it was said.
            let _ = visitor.write_all(head.as_bytes()).await;
            let mut told = Vec::new();
            let _ = visitor.read_to_end(&mut told).await;
            let told = String::from_utf8_lossy(&told);
            assert!(told.is_empty() || told.starts_with("HTTP/1.1 431"), "{told:.80}");
            server.abort();
        }
    }
}
