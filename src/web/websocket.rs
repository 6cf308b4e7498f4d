//! The WebSocket below `socket`: its handshake, the sizes of its buffers, and long messages in parts.
//!
//! Most sockets are silent most of the time, and there are ten thousand of them, so what one holds at rest is small.
//! The socket library keeps a buffer as large as the largest frame it ever wrote, and the first event of a connection
//! names everybody: in a house of 300 that was 64 KiB for each of them, for good. So a long message goes out as
//! several frames (RFC 6455 section 5.4), which no client can tell from one. That they leave in few calls of the
//! system is [`Gathered`]'s affair, whose buffer is there only while something is under way.
//!
//! axum checks the handshake; the stream is taken here and not from axum, which sends whole messages only.
//!
//! It must never know what is said. Start at [`Handshake::open`].

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};

use crate::protocol::MAX_FRAME_BYTES;

/// Bytes the socket library reads at once, and holds for it. Its default of 128 KiB would be a gigabyte for 10,000 idle
/// sockets; most requests fit into this, and a long one takes some calls more.
const READ_BUFFER: usize = 1024;

/// Bytes of answers and events that may wait inside the socket library. Nothing waits there but what is on its way
/// into [`Gathered`], a frame at a time.
const WRITE_BUFFER_MAX: usize = 1024 * 1024;

/// Bytes that are gathered before they are written without being asked to, so that a handful of events cost one call
/// of the system and not one each. What is written at once is at most this and one frame more.
const GATHERED: usize = 16 * 1024;

/// Bytes of one frame of a long message: with its header (RFC 6455 section 5.2: 4 bytes, unmasked, below 64 KiB) a
/// kilobyte. That is what a socket keeps for good; all but the longest texts fit into one.
const PART: usize = 1024 - 4;

/// One socket, from our side.
pub type WebSocket = WebSocketStream<Gathered<TokioIo<Upgraded>>>;

/// A stream that holds back what is written until a flush, or until [`GATHERED`] bytes are there, and that keeps no
/// buffer when all is written.
pub struct Gathered<S> {
    stream: S,
    waiting: Vec<u8>,
    /// Of these, what is written already.
    written: usize,
}

impl<S: AsyncWrite + Unpin> Gathered<S> {
    fn new(stream: S) -> Self {
        Self { stream, waiting: Vec::new(), written: 0 }
    }

    fn poll_write_out(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.waiting.len() {
            let rest = &self.waiting[self.written..];
            match ready!(Pin::new(&mut self.stream).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        self.waiting = Vec::new();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.waiting.len() >= GATHERED {
            ready!(self.poll_write_out(context))?;
        }
        self.waiting.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_out(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_out(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

/// A request that asks for a WebSocket as it should (RFC 6455 section 4.2.1).
pub struct Handshake {
    upgrade: OnUpgrade,
    /// The answer to its key.
    accept: HeaderValue,
}

impl<S: Send + Sync> FromRequestParts<S> for Handshake {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        // Before axum, which takes it out of the request.
        let upgrade = parts.extensions.get::<OnUpgrade>().cloned();
        let _checked =
            WebSocketUpgrade::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
        let key = parts.headers.get(header::SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
        let accept = key.and_then(|accept| HeaderValue::try_from(accept).ok());
        match (upgrade, accept) {
            (Some(upgrade), Some(accept)) => Ok(Self { upgrade, accept }),
            // A newer HTTP does it without a key, and is not spoken here.
            (None, _) | (_, None) => Err(StatusCode::BAD_REQUEST.into_response()),
        }
    }
}

impl Handshake {
    /// Agrees; `then` gets the socket, in a task of its own, when the answer is out.
    pub fn open<F: Future<Output = ()> + Send>(
        self,
        then: impl FnOnce(WebSocket) -> F + Send + 'static,
    ) -> Response {
        let Self { upgrade, accept } = self;
        tokio::spawn(async move {
            // Whoever leaves before he has the answer has nothing to be told.
            let Ok(upgraded) = upgrade.await else { return };
            then(server_side(TokioIo::new(upgraded)).await).await;
        });
        let headers = [
            (header::CONNECTION, HeaderValue::from_static("upgrade")),
            (header::UPGRADE, HeaderValue::from_static("websocket")),
            (header::SEC_WEBSOCKET_ACCEPT, accept),
        ];
        (StatusCode::SWITCHING_PROTOCOLS, headers, Body::empty()).into_response()
    }
}

async fn server_side<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> WebSocketStream<Gathered<S>> {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        // Whatever is said goes straight to where it is gathered.
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_MAX)
        .max_message_size(Some(MAX_FRAME_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES));
    WebSocketStream::from_raw_socket(Gathered::new(stream), Role::Server, Some(config)).await
}

/// A text as it is to be written: whole, or in the frames of one message.
pub fn text(text: impl Into<Utf8Bytes>) -> impl Iterator<Item = Message> + Send {
    let text = text.into();
    let (short, mut rest) = match text.len() {
        0..=PART => (Some(Message::Text(text)), Bytes::new()),
        _ => (None, Bytes::from(text)),
    };
    let mut kind = Data::Text;
    short.into_iter().chain(std::iter::from_fn(move || {
        let part = (!rest.is_empty()).then(|| rest.split_to(PART.min(rest.len())))?;
        let frame = Frame::message(part, OpCode::Data(kind), rest.is_empty());
        kind = Data::Continue;
        Some(Message::Frame(frame))
    }))
}

#[cfg(test)]
mod tests {
    use futures_util::{SinkExt, StreamExt};
    use tokio::io::DuplexStream;

    use super::*;

    /// A stream that notes how much each call wrote.
    struct Noted {
        stream: DuplexStream,
        writes: Vec<usize>,
    }

    impl AsyncRead for Noted {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_read(context, buffer)
        }
    }

    impl AsyncWrite for Noted {
        fn poll_write(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let written = Pin::new(&mut self.stream).poll_write(context, bytes);
            if let Poll::Ready(Ok(written)) = written {
                self.writes.push(written);
            }
            written
        }

        fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_flush(context)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_shutdown(context)
        }
    }

    #[tokio::test]
    async fn what_is_flushed_together_is_one_call_and_the_buffer_has_a_bound() {
        // Room for all, since nobody reads.
        let (ours, _theirs) = tokio::io::duplex(4 * 1024 * 1024);
        let mut server = server_side(Noted { stream: ours, writes: Vec::new() }).await;
        let mut calls = async |texts: &[usize]| {
            for len in texts {
                for message in text("x".repeat(*len)) {
                    server.feed(message).await.unwrap();
                }
            }
            server.flush().await.unwrap();
            let gathered = server.get_mut();
            assert_eq!(gathered.waiting.capacity(), 0, "a socket at rest holds nothing");
            std::mem::take(&mut gathered.stream.writes)
        };
        assert_eq!(calls(&[100]).await, [102]);
        assert_eq!(calls(&[100; 10]).await, [1020]);
        // Sixteen parts at a time.
        assert_eq!(calls(&[32 * PART]).await, [GATHERED; 2]);
        for texts in [[100; 200], [PART; 200], [PART - 1; 200], [3000; 200]] {
            let written = calls(&texts).await;
            assert!(written.iter().all(|bytes| *bytes <= GATHERED + PART + 4), "{written:?}");
            assert!(written.len() <= written.iter().sum::<usize>() / GATHERED + 1, "{written:?}");
        }
    }

    #[tokio::test]
    async fn a_long_text_goes_in_parts_and_arrives_whole() {
        let (ours, theirs) = tokio::io::duplex(1_000);
        let mut server = server_side(ours).await;
        let mut client = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
        // Characters of two bytes, shifted by one, so that parts end inside of them.
        let texts: Vec<String> = [0, 1, PART - 1, PART, PART + 1, 2 * PART, 40 * PART + 7]
            .map(|len| format!("{}{}", "x".repeat(len % 2), "\u{e9}".repeat(len / 2)))
            .into();
        let all = texts.clone();
        let sending = async move {
            for said in all {
                for message in text(said) {
                    let len = match &message {
                        Message::Frame(frame) => frame.payload().len(),
                        whole @ (Message::Text(_)
                        | Message::Binary(_)
                        | Message::Ping(_)
                        | Message::Pong(_)
                        | Message::Close(_)) => whole.len(),
                    };
                    assert!(len <= PART);
                    server.feed(message).await.unwrap();
                }
            }
            server.flush().await.unwrap();
        };
        let hearing = async {
            for said in &texts {
                let heard = client.next().await.unwrap().unwrap();
                assert_eq!(heard, Message::Text(said.clone().into()));
            }
        };
        tokio::join!(sending, hearing);
    }
}
