//! One WebSocket: hello, what it begins with, reading, and its end.
//!
//! Reading and writing ([`super::writer`]) run side by side in one task. Requests are carried out one after the
//! other, so a client that asks faster than it is served only makes itself wait.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use futures_util::stream::SplitStream;
use futures_util::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::Doors;
use super::auth::CurrentUser;
use super::dispatch::dispatch;
use super::error::{Error, malformed, to_the_end};
use super::limits::{ClientAddress, RequestLimit};
use super::websocket::{Handshake, WebSocket};
use super::writer::{GAP, write};
use crate::chat::sessions::{Ended, SignedIn};
use crate::id::ConnectionId;
use crate::live::hub::Connection;
use crate::protocol::client::{Request, Resume};
use crate::protocol::error::Refusal;
use crate::protocol::hearing::Hearing;
use crate::protocol::server::{Answer, ServerEvent, Snapshot};
use crate::protocol::types::{Category, Channel, Group, Standing, Switches};
use crate::protocol::{HELLO_TIMEOUT, MAX_BAD_FRAMES, PROTOCOL, close};
use crate::{chat, telemetry};

/// Answers that may wait to be written. Requests are carried out one by one, so two would do; a full queue
/// stops reading.
const ANSWERS: usize = 16;

/// How long one write may take before the peer counts as gone. The kernel's buffer swallows megabytes first.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// `GET /api/socket`: from here on everything goes over this WebSocket.
pub async fn open(
    State(doors): State<Arc<Doors>>,
    // First, so that a stranger's wish for a WebSocket is answered otherwise than one that lost its headers on the way.
    handshake: Handshake,
    CurrentUser(me): CurrentUser,
    ClientAddress(from): ClientAddress,
) -> Response {
    handshake.open(move |socket| async move {
        doors.sockets.fetch_add(1, Ordering::Relaxed);
        serve(&doors, me, from, socket).await;
        doors.sockets.fetch_sub(1, Ordering::Relaxed);
    })
}

async fn serve(doors: &Arc<Doors>, me: SignedIn, from: IpAddr, mut socket: WebSocket) {
    let hello = match timeout(HELLO_TIMEOUT, hello(&mut socket)).await {
        Ok(Ok(hello)) => hello,
        Ok(Err(code)) => return say_goodbye(&mut socket, code).await,
        Err(_) => return say_goodbye(&mut socket, close::NO_HELLO).await,
    };
    // On the heap while it lasts: a socket would keep the room for all of its life.
    let (attached, resumed) = match Box::pin(attach(doors, &me, from, hello.resume)).await {
        Ok(attached) => attached,
        Err(error) => {
            let refusal = Outgoing::Refused { id: Some(hello.id), error: error.refusal() };
            let _ = timeout(WRITE_TIMEOUT, socket.send(Message::Text(frame(&refusal)))).await;
            let code = if matches!(error, Error::SignedOut) { close::SIGNED_OUT } else { close::GOING_AWAY };
            return say_goodbye(&mut socket, code).await;
        }
    };
    let Attached { connection, generation } = attached;
    doors.live.arrived(me.user.id, connection.id);
    let (mut sink, mut stream) = socket.split();
    let (answers, queue) = mpsc::channel(ANSWERS);
    let welcome = Answer::Welcome { connection: connection.id, resumed };
    // The queue is new and empty.
    let _ = answers.try_send(answer_frame(hello.id, Ok(welcome)));
    let heard = AtomicBool::new(true);
    let end = tokio::select! {
        end = write(&connection, generation, queue, &heard, GAP, &mut sink) => end,
        end = read(doors, &connection, &answers, &heard, &mut stream) => end,
    };
    let now = doors.chat.steady();
    doors.live.departed(me.user.id, connection.id, now);
    // False when another socket has taken over the connection, or it is closed for good.
    let ours = connection.detach(generation, now);
    if ours {
        match end {
            // A page that is closed says so and does not come back as this connection.
            End::ClosedByClient => {
                connection.close(close::GOING_AWAY);
                doors.live.hub.remove(connection.id);
                doors.voice.leave(me.user.id, connection.id);
            }
            End::Lost | End::ClosedByServer(_) => doors.voice.socket_lost(me.user.id, connection.id, now),
        }
    }
    if let End::ClosedByServer(code) = end {
        let _ = timeout(WRITE_TIMEOUT, sink.send(close_frame(code))).await;
    }
}

/// Why a socket ended.
pub(super) enum End {
    ClosedByClient,
    ClosedByServer(u16),
    Lost,
}

/// A connection and the socket's claim on it.
struct Attached {
    connection: Arc<Connection>,
    generation: u64,
}

/// What a client opened with.
struct Hello {
    id: u32,
    resume: Option<Resume>,
}

/// Waits for `hello`; the code to close with when something else comes.
async fn hello(socket: &mut WebSocket) -> Result<Hello, u16> {
    let text = loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => break text,
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Binary(_) | Message::Close(_)) | Err(_)) | None => return Err(close::NO_HELLO),
        }
    };
    let (id, request) = parse(&text).map_err(|_| close::NO_HELLO)?;
    match request {
        Request::Hello { protocol: PROTOCOL, resume } => Ok(Hello { id, resume }),
        Request::Hello { .. } => Err(close::WRONG_PROTOCOL),
        Request::Ping
        | Request::PostMessage { .. }
        | Request::LoadMessages { .. }
        | Request::SetTyping { .. }
        | Request::CreateChannel { .. }
        | Request::UpdateChannel { .. }
        | Request::JoinVoice { .. }
        | Request::SetVoice { .. }
        | Request::LeaveVoice
        | Request::RestartVoice { .. }
        | Request::LoadQualities { .. }
        | Request::RaiseHand { .. }
        | Request::ModerateVoice { .. }
        | Request::DeleteChannel { .. }
        | Request::BrowseChannels
        | Request::CountMembers
        | Request::JoinChannel { .. }
        | Request::LeaveChannel { .. }
        | Request::ListMembers { .. }
        | Request::AddMember { .. }
        | Request::RemoveMember { .. }
        | Request::CreateCategory { .. }
        | Request::UpdateCategory { .. }
        | Request::DeleteCategory { .. }
        | Request::EditMessage { .. }
        | Request::DeleteMessage { .. }
        | Request::DismissPreview { .. }
        | Request::MarkRead { .. }
        | Request::LoadNotifications { .. }
        | Request::MarkNotification { .. }
        | Request::MarkInbox { .. }
        | Request::SetInvolvement { .. }
        | Request::SetStatus { .. }
        | Request::SetIdle { .. }
        | Request::CreateGroup { .. }
        | Request::UpdateGroup { .. }
        | Request::DeleteGroup { .. }
        | Request::SetGroupMember { .. }
        | Request::LoadGroupMembers { .. } => Err(close::NO_HELLO),
    }
}

/// Goes on with the connection named, or makes a new one with everything in its first event.
async fn attach(
    doors: &Arc<Doors>,
    me: &SignedIn,
    from: IpAddr,
    resume: Option<Resume>,
) -> Result<(Attached, bool), Error> {
    let user = me.user.id;
    doors.chat.touch_session(me.session, &from.to_string()).await?;
    if let Some(Resume { connection, seq }) = resume
        && let Some((same, generation)) = doors.live.hub.resume(connection, user, me.session, seq)
    {
        if let Err(error) = goes_on(doors, me).await {
            same.detach(generation, doors.chat.steady());
            return Err(error);
        }
        telemetry::RESUMED_CONNECTIONS.add();
        doors.voice.socket_back(user, connection, connection);
        return Ok((Attached { connection: same, generation }, true));
    }
    let id: ConnectionId = doors.chat.next_id();
    // From here on it collects what happens, so that nothing falls between the snapshot and the first event,
    // and new channels are opened to it.
    let connection = doors.live.hub.connect(id, user, me.session).ok_or(Error::TooManyConnections)?;
    let begun = async {
        goes_on(doors, me).await?;
        Ok(own_part(doors, &connection).await?)
    };
    let OwnPart { channels, categories, groups, standing, switches, hearing } = match begun.await {
        Ok(own) => own,
        Err(error) => {
            doors.live.hub.remove(id);
            return Err(error);
        }
    };
    if let Some(Resume { connection: before, .. }) = resume {
        // Its replay is gone but its voice may live on.
        doors.live.hub.remove(before);
        doors.voice.socket_back(user, before, id);
    }
    // Both at one moment, from which on it hears what changes.
    let ids = channels.iter().map(|channel| channel.id);
    let (rooms, mut here) = doors.voice.rooms_of(ids, || doors.live.introduce(&connection));
    here.with_me(user, standing.status);
    let snapshot = Snapshot {
        server_name: doors.server_name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        slots: doors.slots,
        me: user,
        // After its channels were opened: whoever comes meanwhile is in the list, in an event, or in both.
        users: doors.chat.users(),
        online: here.online,
        away: here.away,
        do_not_disturb: here.do_not_disturb,
        rooms,
        channels,
        voice_load: doors.voice.load(),
        switches,
        categories,
        groups,
        standing,
        hearing,
    };
    connection.open(&ServerEvent::Ready { snapshot: Box::new(snapshot) });
    Ok((Attached { connection, generation: 0 }, false))
}

/// Refuses when the session ended before the hub knew its new socket: whoever ended it closed what was known then.
async fn goes_on(doors: &Doors, me: &SignedIn) -> Result<(), Error> {
    if doors.chat.session_goes_on(me.session).await? {
        return Ok(());
    }
    super::sessions::close(doors, &[Ended { session: me.session, user: me.user.id }]);
    Err(Error::SignedOut)
}

/// The part of a snapshot that is this user's own, and what is the same for all.
struct OwnPart {
    channels: Vec<Channel>,
    categories: Vec<Category>,
    groups: Vec<Group>,
    standing: Standing,
    switches: Switches,
    hearing: Hearing,
}

/// What happens meanwhile comes as an event too, and each of these events may come twice.
async fn own_part(doors: &Doors, connection: &Arc<Connection>) -> Result<OwnPart, chat::Error> {
    let channels = doors.chat.open_channels(connection).await?;
    let categories = doors.chat.categories().await?;
    let (groups, standing) = doors.chat.standing(connection.user).await?;
    let switches = doors.chat.switches().await?;
    let hearing = doors.chat.hearing(connection.user).await?;
    Ok(OwnPart { channels, categories, groups, standing, switches, hearing })
}

/// Reads requests and carries them out, until the peer ends or has got too much wrong.
async fn read(
    doors: &Arc<Doors>,
    connection: &Arc<Connection>,
    answers: &mpsc::Sender<Utf8Bytes>,
    heard: &AtomicBool,
    stream: &mut SplitStream<WebSocket>,
) -> End {
    let limit = doors.limits.of_connection();
    let mut bad_frames = 0;
    while let Some(Ok(message)) = stream.next().await {
        heard.store(true, Ordering::Relaxed);
        let text = match message {
            Message::Text(text) => text,
            // The library answers it; who asks without end gets too much wrong.
            Message::Ping(_) if limit.check().is_err() => {
                telemetry::BAD_FRAMES.add();
                bad_frames += 1;
                if bad_frames > MAX_BAD_FRAMES {
                    return End::ClosedByServer(close::TOO_MANY_ERRORS);
                }
                continue;
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
            // A browser says 1001 when its page is closed or left (RFC 6455 section 7.4.1), a program 1000 when it
            // is done. Anything else is a client that wants another socket.
            Message::Close(Some(CloseFrame { code: CloseCode::Normal | CloseCode::Away, .. })) => {
                return End::ClosedByClient;
            }
            Message::Close(_) => return End::Lost,
            Message::Binary(_) => Utf8Bytes::default(),
        };
        let (frame, was_bad) = handle(doors, connection, &limit, &text).await;
        if was_bad {
            telemetry::BAD_FRAMES.add();
            bad_frames += 1;
        }
        // The other end is `write`, which runs beside us.
        let _ = answers.send(frame).await;
        if bad_frames > MAX_BAD_FRAMES {
            return End::ClosedByServer(close::TOO_MANY_ERRORS);
        }
    }
    End::Lost
}

/// One frame in, one frame out; and whether it could not be understood.
async fn handle(
    doors: &Arc<Doors>,
    connection: &Arc<Connection>,
    limit: &RequestLimit,
    text: &str,
) -> (Utf8Bytes, bool) {
    match parse(text) {
        Ok((id, request)) => {
            let result = match limit.check() {
                Ok(()) => {
                    let (doors, connection) = (doors.clone(), connection.clone());
                    // On the heap, like the beginning: a socket that asks nothing has no room for it.
                    to_the_end(Box::pin(async move { dispatch(&doors, &connection, request).await })).await
                }
                Err(error) => Err(error),
            };
            (answer_frame(id, result.map_err(|error| error.refusal())), false)
        }
        Err((id, error)) => (frame(&Outgoing::Refused { id, error: error.refusal() }), true),
    }
}

/// What every request begins with.
#[derive(Deserialize)]
struct Head {
    id: u32,
    r#type: String,
}

fn parse(text: &str) -> Result<(u32, Request), (Option<u32>, Error)> {
    let malformed = |error: serde_json::Error| malformed(&error.to_string());
    let head: Head = serde_json::from_str(text).map_err(|error| (None, malformed(error)))?;
    match serde_json::from_str(text) {
        Ok(request) => Ok((head.id, request)),
        Err(error) => {
            // And not one of its fields.
            let unknown = error.to_string().starts_with(&format!("unknown variant `{}`", head.r#type));
            let error = match unknown {
                true => Error::UnknownRequest(format!("there is no request `{:.64}`", head.r#type)),
                false => malformed(error),
            };
            Err((Some(head.id), error))
        }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outgoing {
    Done { id: u32, result: Answer },
    Refused { id: Option<u32>, error: Refusal },
}

fn answer_frame(id: u32, result: Result<Answer, Refusal>) -> Utf8Bytes {
    frame(&match result {
        Ok(result) => Outgoing::Done { id, result },
        Err(error) => Outgoing::Refused { id: Some(id), error },
    })
}

fn frame(outgoing: &Outgoing) -> Utf8Bytes {
    match serde_json::to_string(outgoing) {
        Ok(text) => text.into(),
        // Only maps with odd keys and failing `Serialize` cannot be written, and there are none inside.
        Err(error) => unreachable!("an answer cannot be serialised: {error}"),
    }
}

async fn say_goodbye(socket: &mut WebSocket, code: u16) {
    let _ = timeout(WRITE_TIMEOUT, socket.send(close_frame(code))).await;
}

fn close_frame(code: u16) -> Message {
    Message::Close(Some(CloseFrame { code: code.into(), reason: Utf8Bytes::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a task is made of is the most a silent socket holds.
    #[test]
    fn a_socket_at_rest_is_small() {
        fn size<'a, F>(_: impl Fn(&'a Arc<Doors>, SignedIn, IpAddr, WebSocket) -> F) -> usize {
            size_of::<F>()
        }
        let bytes = size(serve);
        assert!(bytes <= 4 * 1024, "{bytes}");
    }

    #[test]
    fn a_request_is_read_and_a_wrong_one_is_told_why() {
        assert!(matches!(parse(r#"{"id":1,"type":"ping"}"#), Ok((1, Request::Ping))));
        let code = |text| match parse(text) {
            Ok(_) => panic!("{text} was understood"),
            Err((id, error)) => (id, format!("{:?}", error.code())),
        };
        assert_eq!(code("{"), (None, "Malformed".to_owned()));
        assert_eq!(code("[]"), (None, "Malformed".to_owned()));
        assert_eq!(code(r#"{"type":"ping"}"#), (None, "Malformed".to_owned()));
        assert_eq!(code(r#"{"id":-1,"type":"ping"}"#), (None, "Malformed".to_owned()));
        assert_eq!(code(r#"{"id":2,"type":"pong"}"#), (Some(2), "UnknownRequest".to_owned()));
        assert_eq!(code(r#"{"id":3,"type":"post_message","body":7}"#), (Some(3), "Malformed".to_owned()));
        assert_eq!(code(&format!(r#"{{"id":4,"type":{}}}"#, "[".repeat(5000))).1, "Malformed");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,300}") {
            let _ = parse(&text);
        }

        #[test]
        fn no_object_makes_the_parser_panic(id in "[-0-9.e]{1,8}", kind in "[a-z_]{0,20}", rest in "[^\"]{0,80}") {
            let _ = parse(&format!(r#"{{"id":{id},"type":"{kind}","x":"{rest}"}}"#));
        }
    }
}
