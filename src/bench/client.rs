//! A client without a browser: signs in over HTTP, talks over the WebSocket. For load and for tests.

use std::collections::VecDeque;
use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{
    AUTHORIZATION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderValue, ORIGIN,
    SET_COOKIE,
};
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::protocol::PROTOCOL;
use crate::protocol::client::{Request, Resume};
use crate::protocol::error::Refusal;
use crate::protocol::rest::{Register, SignIn};
use crate::protocol::server::{Answer, ServerEvent};

/// Read from a connection at a time. The library clears so much before each read, and its own choice, thirty times as
/// much, is a fifth of what a thousand clients do.
const READ_BUFFER: usize = 4 * 1024;

/// Why the client could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection could not be made or broke.
    #[error("{0}")]
    Connection(String),
    /// The server said no.
    #[error("{}: {}", serde_json::to_string(&.0.code).unwrap_or_default(), .0.message)]
    Refused(Refusal),
    /// The server closed the WebSocket with this code; 1006 when it did not say (RFC 6455 section 7.1.5).
    #[error("closed with {0}")]
    Closed(u16),
    /// The server said something that is not in the protocol.
    #[error("not understood: {0}")]
    Protocol(String),
}

/// Shows who one is: a cookie as [`Reply::cookie`] has it, or `Bearer` and an access token.
fn credentials(headers: &mut HeaderMap, given: &str) -> Result<(), Error> {
    let name = if given.starts_with("Bearer ") { AUTHORIZATION } else { COOKIE };
    headers.insert(name, HeaderValue::from_str(given).map_err(connection)?);
    Ok(())
}

/// An answer to a plain HTTP request.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// The cookie it sets, as a request sends it back.
    pub cookie: Option<String>,
    /// The same with all that is said about it.
    pub set_cookie: Option<String>,
    /// What a page may load (Content-Security-Policy).
    pub policy: Option<String>,
    /// Its body.
    pub body: String,
}

/// The server's HTTP side.
#[derive(Clone, Copy, Debug)]
pub struct Http(pub SocketAddr);

impl Http {
    /// Makes an account; the session's cookie.
    pub async fn register(self, account: &Register) -> Result<String, Error> {
        let path = if account.setup_token.is_some() { "/api/setup" } else { "/api/accounts" };
        self.for_cookie(path, serde_json::to_string(account)).await
    }

    /// Signs in; the session's cookie.
    pub async fn sign_in(self, login: &str, password: &str) -> Result<String, Error> {
        let body = SignIn { login: login.to_owned(), password: password.to_owned(), remember: true };
        self.for_cookie("/api/session", serde_json::to_string(&body)).await
    }

    /// One request from the server's own page.
    pub async fn send(
        self,
        method: Method,
        path: &str,
        cookie: Option<&str>,
        body: String,
    ) -> Result<Reply, Error> {
        let origin = format!("http://{}", self.0);
        self.send_from(Some(&origin), method, path, cookie, body).await
    }

    /// One request from a page of `origin`.
    pub async fn send_from(
        self,
        origin: Option<&str>,
        method: Method,
        path: &str,
        cookie: Option<&str>,
        body: String,
    ) -> Result<Reply, Error> {
        let stream = TcpStream::connect(self.0).await.map_err(connection)?;
        let (mut sender, driver) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(connection)?;
        tokio::spawn(driver);
        let mut request = hyper::Request::builder().method(method).uri(path).header(HOST, self.0.to_string());
        request = request.header(CONTENT_TYPE, "application/json");
        if let Some(origin) = origin {
            request = request.header(ORIGIN, origin);
        }
        let mut request = request.body(Full::new(Bytes::from(body))).map_err(connection)?;
        if let Some(cookie) = cookie {
            credentials(request.headers_mut(), cookie)?;
        }
        let response = sender.send_request(request).await.map_err(connection)?;
        let (parts, body) = response.into_parts();
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (set_cookie, policy) = (text(SET_COOKIE), text(CONTENT_SECURITY_POLICY));
        let cookie = set_cookie.as_ref().and_then(|value| value.split(';').next()).map(str::to_owned);
        let body = body.collect().await.map_err(connection)?.to_bytes();
        Ok(Reply {
            status: parts.status,
            cookie,
            set_cookie,
            policy,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }

    async fn for_cookie(self, path: &str, body: serde_json::Result<String>) -> Result<String, Error> {
        let body = body.map_err(|error| Error::Protocol(error.to_string()))?;
        let reply = self.send(Method::POST, path, None, body).await?;
        if !reply.status.is_success() {
            return Err(refusal(&reply));
        }
        reply.cookie.ok_or_else(|| Error::Protocol("no cookie came".to_owned()))
    }
}

/// The refusal in the body of a reply.
pub fn refusal(reply: &Reply) -> Error {
    #[derive(Deserialize)]
    struct Body {
        error: Refusal,
    }
    match serde_json::from_str::<Body>(&reply.body) {
        Ok(body) => Error::Refused(body.error),
        Err(_) => Error::Protocol(format!("{}: {}", reply.status, reply.body)),
    }
}

/// A frame from the server.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Frame {
    /// Something happened.
    Event {
        /// Its number.
        seq: u64,
        /// What.
        #[serde(flatten)]
        event: ServerEvent,
    },
    /// A request was carried out.
    Answer {
        /// Which.
        id: u32,
        /// The result.
        result: Answer,
    },
    /// A request was refused.
    Refused {
        /// Which; none when its id could not be read.
        id: Option<u32>,
        /// Why.
        error: Refusal,
    },
}

/// An open WebSocket.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    last_id: u32,
    /// The last event seen.
    pub seq: u64,
    /// What `welcome` said, for the next socket.
    pub resume: Option<Resume>,
    /// Events that arrived while an answer was awaited.
    events: VecDeque<ServerEvent>,
}

impl Socket {
    /// Opens a WebSocket without a word, as the server's own page would.
    pub async fn connect(address: SocketAddr, cookie: &str) -> Result<Self, Error> {
        Self::connect_from(address, cookie, &format!("http://{address}")).await
    }

    /// The same, as a page of `origin` would.
    pub async fn connect_from(address: SocketAddr, cookie: &str, origin: &str) -> Result<Self, Error> {
        let mut request = format!("ws://{address}/api/socket").into_client_request().map_err(connection)?;
        let headers = request.headers_mut();
        credentials(headers, cookie)?;
        headers.insert(ORIGIN, origin.parse().map_err(connection)?);
        let stream = TcpStream::connect(address).await.map_err(connection)?;
        // A frame is small and wanted at once.
        stream.set_nodelay(true).map_err(connection)?;
        let (stream, _) = tokio_tungstenite::client_async_with_config(request, stream, Some(config()))
            .await
            .map_err(connection)?;
        Ok(Self { stream, last_id: 0, seq: 0, resume: None, events: VecDeque::new() })
    }

    /// Opens a WebSocket and says hello; whether it resumed.
    pub async fn open(
        address: SocketAddr,
        cookie: &str,
        resume: Option<Resume>,
    ) -> Result<(Self, bool), Error> {
        let mut socket = Self::connect(address, cookie).await?;
        let answer = socket.request(&Request::Hello { protocol: PROTOCOL, resume }).await?;
        let Answer::Welcome { connection, resumed } = answer else {
            return Err(Error::Protocol(format!("{answer:?} in place of a welcome")));
        };
        if let (true, Some(resume)) = (resumed, resume) {
            socket.seq = socket.seq.max(resume.seq);
        }
        socket.resume = Some(Resume { connection, seq: socket.seq });
        Ok((socket, resumed))
    }

    /// Asks, and waits for the answer; events that come first are kept for [`Socket::event`].
    pub async fn request(&mut self, request: &Request) -> Result<Answer, Error> {
        let id = self.ask(request).await?;
        loop {
            match self.frame().await? {
                Frame::Event { event, .. } => self.events.push_back(event),
                Frame::Answer { id: answered, result } if answered == id => return Ok(result),
                Frame::Refused { id: Some(refused), error } if refused == id => {
                    return Err(Error::Refused(error));
                }
                other @ (Frame::Answer { .. } | Frame::Refused { .. }) => {
                    return Err(Error::Protocol(format!("{other:?} while {id} was awaited")));
                }
            }
        }
    }

    /// Asks without waiting; the id of the request.
    pub async fn ask(&mut self, request: &Request) -> Result<u32, Error> {
        self.last_id += 1;
        let mut value = serde_json::to_value(request).map_err(|error| Error::Protocol(error.to_string()))?;
        value["id"] = self.last_id.into();
        self.say(&value.to_string()).await?;
        Ok(self.last_id)
    }

    /// Sends any text.
    pub async fn say(&mut self, text: &str) -> Result<(), Error> {
        self.stream.send(Message::text(text)).await.map_err(connection)
    }

    /// The next event.
    pub async fn event(&mut self) -> Result<ServerEvent, Error> {
        if let Some(event) = self.events.pop_front() {
            return Ok(event);
        }
        match self.frame().await? {
            Frame::Event { event, .. } => Ok(event),
            other @ (Frame::Answer { .. } | Frame::Refused { .. }) => {
                Err(Error::Protocol(format!("{other:?} while an event was awaited")))
            }
        }
    }

    /// The next event that came while an answer was awaited, if any is left.
    pub fn heard(&mut self) -> Option<ServerEvent> {
        self.events.pop_front()
    }

    /// Waits for the next frame and does not read it: what a thousand people are told is much to read. Who has
    /// begun with this can no longer ask.
    pub async fn skim(&mut self) -> Result<(), Error> {
        self.text().await.map(drop)
    }

    /// Asks, and waits for the answer; what happens meanwhile is not read. Who has begun with this can no longer follow
    /// events.
    pub async fn press(&mut self, request: &Request) -> Result<Answer, Error> {
        let id = self.ask(request).await?;
        loop {
            let text = self.text().await?;
            if text.starts_with("{\"seq\":") {
                continue;
            }
            match serde_json::from_str(&text) {
                Ok(Frame::Answer { id: answered, result }) if answered == id => return Ok(result),
                Ok(Frame::Refused { id: Some(refused), error }) if refused == id => {
                    return Err(Error::Refused(error));
                }
                _ => return Err(Error::Protocol(format!("{text} while {id} was awaited"))),
            }
        }
    }

    /// The text of the next frame.
    pub async fn text(&mut self) -> Result<Utf8Bytes, Error> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Close(frame))) => {
                    return Err(Error::Closed(frame.map_or(1006, |frame| frame.code.into())));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => {}
                Some(Err(_)) | None => return Err(Error::Closed(1006)),
            }
        }
    }

    /// The next frame, whatever it is. Events are counted: a gap is an error.
    pub async fn frame(&mut self) -> Result<Frame, Error> {
        let text = self.text().await?;
        let frame: Frame =
            serde_json::from_str(&text).map_err(|error| Error::Protocol(format!("{error} in {text}")))?;
        if let Frame::Event { seq, .. } = &frame {
            if *seq != self.seq + 1 && self.seq != 0 {
                return Err(Error::Protocol(format!("event {seq} after {}", self.seq)));
            }
            self.seq = *seq;
            if let Some(resume) = &mut self.resume {
                resume.seq = *seq;
            }
        }
        Ok(frame)
    }

    /// Closes with a code, as a page that is left (1001) or a program that wants another socket (4000) does.
    pub async fn close(mut self, code: u16) -> Result<(), Error> {
        let frame = CloseFrame { code: code.into(), reason: "".into() };
        self.stream.close(Some(frame)).await.map_err(connection)?;
        // Until the server has taken note.
        while let Some(Ok(_)) = self.stream.next().await {}
        Ok(())
    }
}

fn connection(error: impl std::fmt::Display) -> Error {
    Error::Connection(error.to_string())
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(READ_BUFFER)
}
