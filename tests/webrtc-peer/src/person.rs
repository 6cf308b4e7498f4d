//! Somebody signed in: an account, a WebSocket, and what it told so far.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::{Call, Error, PATIENCE, http, until};

/// The version of the words below.
const PROTOCOL: u32 = 2;

/// Somebody signed in.
pub struct Person {
    socket: SplitSink<WebSocketStream<TcpStream>, Message>,
    answers: mpsc::Receiver<Value>,
    view: Arc<Mutex<View>>,
    last_id: u64,
}

/// What the events told so far.
#[derive(Debug, Default)]
struct View {
    ready: Option<Value>,
    seq: u64,
    /// Of the voice room this person is in: who holds which slot.
    slots: Vec<Option<u64>>,
    left: BTreeSet<u64>,
    /// Why there is nothing more to come.
    over: Option<String>,
}

impl Person {
    /// Makes an account, opens the socket and waits for everything to be shown.
    pub async fn arrive(host: &str, name: &str) -> Result<Self, Error> {
        let account = json!({ "username": name, "email": format!("{name}@example.org"), "password": "correct horse battery" });
        let cookie = http::post_for_cookie(host, "/api/accounts", &account).await?;
        let mut request = format!("ws://{host}/api/socket").into_client_request().map_err(connection)?;
        let headers = request.headers_mut();
        headers.insert("cookie", cookie.parse().map_err(connection)?);
        headers.insert("origin", format!("http://{host}").parse().map_err(connection)?);
        let stream = TcpStream::connect(host).await.map_err(connection)?;
        let (socket, _) = tokio_tungstenite::client_async(request, stream).await.map_err(connection)?;
        let (sink, stream) = socket.split();

        let view = Arc::new(Mutex::new(View::default()));
        // One request is open at a time.
        let (sender, answers) = mpsc::channel(1);
        tokio::spawn(listen(stream, sender, view.clone()));
        let mut person = Self { socket: sink, answers, view, last_id: 0 };
        person.ask(json!({ "type": "hello", "protocol": PROTOCOL, "resume": null })).await?;
        until("the snapshot", || person.view().ready.is_some() || person.view().over.is_some()).await?;
        Ok(person)
    }

    /// Asks, and waits for the answer.
    pub async fn ask(&mut self, mut request: Value) -> Result<Value, Error> {
        self.last_id += 1;
        request["id"] = self.last_id.into();
        self.socket.send(Message::text(request.to_string())).await.map_err(connection)?;
        let answer = tokio::time::timeout(PATIENCE, self.answers.recv()).await;
        let answer = answer.map_err(|_| Error::Never(format!("an answer to {request}")))?;
        let mut answer = answer.ok_or_else(|| {
            Error::Connection(self.view().over.clone().unwrap_or_else(|| "the socket is gone".to_owned()))
        })?;
        if answer["id"] != request["id"] {
            return Err(Error::Protocol(format!("{answer} to {request}")));
        }
        match answer.get("error") {
            Some(error) => Err(Error::Refused(error.to_string())),
            None => Ok(answer["result"].take()),
        }
    }

    /// How many voices the server lets one hear at once.
    pub fn slots(&self) -> Result<u8, Error> {
        let slots = self.view().ready.as_ref().and_then(|ready| ready["slots"].as_u64());
        slots.and_then(|slots| slots.try_into().ok()).ok_or_else(|| Error::Protocol("no slots".to_owned()))
    }

    /// Goes into the voice channel of this name with an open microphone; the number of the stay.
    pub async fn join(&mut self, channel: &str, call: &mut Call) -> Result<u64, Error> {
        let id = self.voice_channel(channel)?;
        let request = json!({
            "type": "join_voice", "channel": id, "offer": call.offer(), "muted": false, "deafened": false,
        });
        // Of the room left, if there was one.
        self.view().slots.clear();
        let joined = self.ask(request).await?;
        // An event may have come while the answer was read; it is the newer of the two.
        if self.view().slots.is_empty() {
            let slots = slots_of(&joined["room"]);
            self.view().slots = slots;
        }
        let answer = joined["answer"].as_str().ok_or_else(|| Error::Protocol(joined.to_string()))?;
        call.accept(answer).await?;
        joined["participant"].as_u64().ok_or_else(|| Error::Protocol(joined.to_string()))
    }

    /// Closes or opens the microphone, as far as the server is concerned.
    pub async fn set_muted(&mut self, muted: bool) -> Result<(), Error> {
        self.ask(json!({ "type": "set_voice", "muted": muted, "deafened": false })).await.map(drop)
    }

    /// Leaves the voice room.
    pub async fn leave(&mut self) -> Result<(), Error> {
        self.ask(json!({ "type": "leave_voice" })).await.map(drop)
    }

    /// The slot in which this participant is heard now.
    pub fn slot_of(&self, participant: u64) -> Option<usize> {
        self.view().slots.iter().position(|holder| *holder == Some(participant))
    }

    /// Whether this participant was seen to leave a room.
    pub fn saw_leave(&self, participant: u64) -> bool {
        self.view().left.contains(&participant)
    }

    fn voice_channel(&self, name: &str) -> Result<String, Error> {
        let view = self.view();
        let channels = view.ready.as_ref().and_then(|ready| ready["channels"].as_array());
        let mut channels = channels.into_iter().flatten();
        let channel = channels.find(|channel| channel["name"] == name && channel["kind"] == "voice");
        let id = channel.and_then(|channel| channel["id"].as_str());
        id.map(str::to_owned).ok_or_else(|| Error::Protocol(format!("no voice channel {name}")))
    }

    fn view(&self) -> MutexGuard<'_, View> {
        lock(&self.view)
    }
}

/// Takes in all that comes until the socket closes.
async fn listen(
    mut stream: SplitStream<WebSocketStream<TcpStream>>,
    answers: mpsc::Sender<Value>,
    view: Arc<Mutex<View>>,
) {
    let over = loop {
        let text = match stream.next().await {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(frame))) => break format!("closed: {frame:?}"),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => {
                continue;
            }
            Some(Err(error)) => break error.to_string(),
            None => break "the connection was cut".to_owned(),
        };
        let frame: Value = match serde_json::from_str(&text) {
            Ok(frame) => frame,
            Err(error) => break format!("{error} in {text}"),
        };
        if frame.get("id").is_some() {
            // Nobody waits any more: the person is gone.
            let Ok(()) = answers.send(frame).await else { return };
        } else if let Err(error) = lock(&view).take(&frame) {
            break error.to_string();
        }
    };
    lock(&view).over = Some(over);
}

impl View {
    fn take(&mut self, event: &Value) -> Result<(), Error> {
        let seq = event["seq"].as_u64().ok_or_else(|| Error::Protocol(event.to_string()))?;
        if seq != self.seq + 1 {
            return Err(Error::Protocol(format!("event {seq} after {}", self.seq)));
        }
        self.seq = seq;
        match event["type"].as_str() {
            Some("ready") => self.ready = Some(event["snapshot"].clone()),
            Some("slots_changed") => self.slots = slots_of(event),
            Some("rooms_changed") => {
                let rooms = event["rooms"].as_array().into_iter().flatten();
                let left = rooms.flat_map(|room| room["left"].as_array().into_iter().flatten());
                self.left.extend(left.filter_map(Value::as_u64));
            }
            // The story needs no more.
            _ => {}
        }
        Ok(())
    }
}

fn slots_of(holder: &Value) -> Vec<Option<u64>> {
    holder["slots"].as_array().into_iter().flatten().map(Value::as_u64).collect()
}

/// A panic of another thread has already failed the test; its value is still whole.
fn lock(view: &Mutex<View>) -> MutexGuard<'_, View> {
    view.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connection(error: impl std::fmt::Display) -> Error {
    Error::Connection(error.to_string())
}
