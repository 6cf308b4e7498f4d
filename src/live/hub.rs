//! Who is connected, and how an event reaches them.
//!
//! An event is serialised once; every connection of its audience queues the same bytes. What differs per
//! connection is its `seq`, which is put in front when the frame is written.
//!
//! A connection keeps the events it sent for a while. When its socket is lost it goes on collecting, and a new
//! socket that names it takes up where the old one stopped ([`Hub::resume`]).
//!
//! What changes for everybody at once is told in lists: [`news`].

pub mod news;

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::Notify;

use crate::clock::Timestamp;
use crate::id::{ChannelId, ConnectionId, SessionId, UserId};
use crate::protocol::close;
use crate::protocol::server::ServerEvent;
use crate::telemetry;

/// Events a socket may be behind. A page that draws takes hundreds a second; one that is 256 behind is stuck,
/// is closed with [`close::SLOW`] and comes back.
pub const QUEUE: usize = 256;

/// Events kept for a connection that lost its socket: most of a minute when it is busy. Their texts are shared by all
/// who were told the same, lists of news among them, so that 10,000 connections keep no more than their own lists.
pub const REPLAY: usize = 512;

/// The number of `ready`. Once it is on its way it is not kept: it names everybody, so that a thousand
/// connections would keep a thousand times a thousand names, and who missed it is better off with a new one.
const READY: u64 = 1;

/// How long a connection waits for its next socket.
pub const REPLAY_FOR: Duration = Duration::from_secs(120);

/// Connections one user may have open: many tabs and devices, but not a flood.
pub const CONNECTIONS_PER_USER: usize = 32;

/// To whom an event goes.
#[derive(Clone, Copy, Debug)]
pub enum Audience<'a> {
    /// Everybody connected.
    Everyone,
    /// Everybody who may see a channel.
    Channel(ChannelId),
    /// Everybody who may see a channel, but this user.
    ChannelBut(ChannelId, UserId),
    /// These connections.
    Connections(&'a [ConnectionId]),
    /// All connections of these users.
    Users(&'a [UserId]),
    /// All connections of these users that see a channel.
    ChannelOnly(ChannelId, &'a [UserId]),
}

/// Everybody who is connected.
#[derive(Default)]
pub struct Hub {
    connections: DashMap<ConnectionId, Arc<Connection>>,
    by_channel: DashMap<ChannelId, HashMap<ConnectionId, Arc<Connection>>>,
    by_user: DashMap<UserId, Vec<ConnectionId>>,
    /// There are news that nobody has told.
    stirred: Notify,
}

impl Hub {
    /// A new connection; it collects events at once and sends none before [`Connection::open`].
    ///
    /// None when the user has [`CONNECTIONS_PER_USER`] already and none of them waits for a socket.
    pub fn connect(&self, id: ConnectionId, user: UserId, session: SessionId) -> Option<Arc<Connection>> {
        self.make_place(user)?;
        let connection = Arc::new(Connection::new(id, user, session));
        self.connections.insert(id, connection.clone());
        self.by_user.entry(user).or_default().push(id);
        Some(connection)
    }

    /// Lets a connection see these channels too.
    pub fn open_channels(&self, connection: &Arc<Connection>, channels: &[ChannelId]) {
        for channel in channels {
            if connection.opens(*channel) {
                self.by_channel.entry(*channel).or_default().insert(connection.id, connection.clone());
            }
        }
        // It may have been removed while it was put into the lists.
        if !self.connections.contains_key(&connection.id) {
            self.close_channels(connection);
        }
    }

    /// Lets everybody connected see a channel.
    pub fn open_to_all(&self, channel: ChannelId) {
        let all: Vec<Arc<Connection>> = self.connections.iter().map(|entry| entry.clone()).collect();
        for connection in &all {
            self.open_channels(connection, &[channel]);
        }
    }

    /// Lets every connection of a user see a channel.
    pub fn open_to(&self, user: UserId, channel: ChannelId) {
        for connection in self.of_user(user) {
            self.open_channels(&connection, &[channel]);
        }
    }

    /// Takes a channel out of the sight of every connection of a user.
    pub fn close_to(&self, user: UserId, channel: ChannelId) {
        for connection in self.of_user(user) {
            connection.closes(channel);
        }
        if let Some(mut list) = self.by_channel.get_mut(&channel) {
            list.retain(|_, connection| connection.user != user);
        }
        self.by_channel.remove_if(&channel, |_, list| list.is_empty());
    }

    /// Takes a channel out of everybody's sight.
    pub fn close_channel(&self, channel: ChannelId) {
        for connection in
            self.by_channel.remove(&channel).map(|(_, list)| list).unwrap_or_default().into_values()
        {
            connection.closes(channel);
        }
    }

    /// Gives a connection that lost its socket a new one, if everything after `seq` is still there.
    pub fn resume(
        &self,
        id: ConnectionId,
        user: UserId,
        session: SessionId,
        seq: u64,
    ) -> Option<(Arc<Connection>, u64)> {
        let connection = self.connections.get(&id)?.clone();
        if connection.user != user || connection.session != session {
            return None;
        }
        let socket = connection.attach(seq)?;
        Some((connection, socket))
    }

    /// Queues an event for everybody it concerns.
    pub fn publish(&self, audience: Audience<'_>, event: &ServerEvent) {
        let text = serialise(event);
        match audience {
            Audience::Everyone => {
                for connection in &self.connections {
                    connection.push(&text);
                }
            }
            Audience::Channel(channel) => self.in_channel(channel, |connection| connection.push(&text)),
            Audience::ChannelBut(channel, user) => self.in_channel(channel, |connection| {
                if connection.user != user {
                    connection.push(&text);
                }
            }),
            Audience::Connections(ids) => self.push_to(ids, &text),
            Audience::Users(users) => {
                for user in users {
                    if let Some(ids) = self.by_user.get(user) {
                        self.push_to(&ids, &text);
                    }
                }
            }
            Audience::ChannelOnly(channel, users) => {
                for connection in users.iter().flat_map(|user| self.of_user(*user)) {
                    if connection.channels().contains(&channel) {
                        connection.push(&text);
                    }
                }
            }
        }
    }

    /// Forgets a connection for good.
    pub fn remove(&self, id: ConnectionId) {
        let Some((_, connection)) = self.connections.remove(&id) else { return };
        self.close_channels(&connection);
        if let Some(mut list) = self.by_user.get_mut(&connection.user) {
            list.retain(|other| *other != id);
        }
        self.by_user.remove_if(&connection.user, |_, list| list.is_empty());
    }

    /// Closes every connection of a session; which they were.
    pub fn close_session(&self, session: SessionId) -> Vec<ConnectionId> {
        let ended: Vec<Arc<Connection>> = self
            .connections
            .iter()
            .filter(|entry| entry.session == session)
            .map(|entry| entry.clone())
            .collect();
        for connection in &ended {
            connection.close(close::SIGNED_OUT);
            self.remove(connection.id);
        }
        ended.iter().map(|connection| connection.id).collect()
    }

    /// Closes everything, for a server that stops.
    pub fn close_all(&self) {
        for connection in &self.connections {
            connection.close(close::GOING_AWAY);
        }
    }

    /// Connections that waited too long for a socket by `now`; they are forgotten.
    pub fn expire(&self, now: Timestamp) -> Vec<ConnectionId> {
        let gone: Vec<ConnectionId> =
            self.connections.iter().filter(|entry| entry.is_over(now)).map(|entry| entry.id).collect();
        for id in &gone {
            self.remove(*id);
        }
        gone
    }

    /// Connections, whether their socket is there or not.
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Whether nobody is connected.
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    fn close_channels(&self, connection: &Connection) {
        for channel in connection.channels().iter() {
            if let Some(mut list) = self.by_channel.get_mut(channel) {
                list.remove(&connection.id);
            }
            self.by_channel.remove_if(channel, |_, list| list.is_empty());
        }
    }

    fn of_user(&self, user: UserId) -> Vec<Arc<Connection>> {
        let ids = self.by_user.get(&user).map(|list| list.clone()).unwrap_or_default();
        ids.iter().filter_map(|id| self.connections.get(id).map(|entry| entry.clone())).collect()
    }

    fn push_to(&self, ids: &[ConnectionId], text: &Arc<str>) {
        for id in ids {
            if let Some(connection) = self.connections.get(id) {
                connection.push(text);
            }
        }
    }

    fn in_channel(&self, channel: ChannelId, each: impl Fn(&Connection)) {
        if let Some(list) = self.by_channel.get(&channel) {
            for connection in list.values() {
                each(connection);
            }
        }
    }

    /// Drops connections of `user` that wait for a socket when there are too many.
    fn make_place(&self, user: UserId) -> Option<()> {
        let ids = self.by_user.get(&user).map(|list| list.clone()).unwrap_or_default();
        if ids.len() < CONNECTIONS_PER_USER {
            return Some(());
        }
        let waiting =
            ids.into_iter().find(|id| self.connections.get(id).is_some_and(|entry| entry.is_detached()))?;
        self.remove(waiting);
        Some(())
    }
}

/// The part of a frame that is the same for all: the event without its opening brace.
fn serialise(event: &ServerEvent) -> Arc<str> {
    match serde_json::to_string(event) {
        // A tagged enum serialises to an object, so the first byte is the brace.
        Ok(text) => Arc::from(&text[1..]),
        // Maps with odd keys and failing `Serialize` are the only ways, and no event has either.
        Err(error) => unreachable!("an event cannot be serialised: {error}"),
    }
}

/// A whole frame. This is done for each event and connection, so the text gets the room it needs at once.
fn numbered(seq: u64, event: &str) -> String {
    let digits = seq.checked_ilog10().unwrap_or(0) as usize + 1;
    let mut frame = String::with_capacity("{\"seq\":,".len() + digits + event.len());
    // A string takes whatever is written to it.
    let _ = write!(frame, "{{\"seq\":{seq},");
    frame.push_str(event);
    frame
}

/// One WebSocket's side of the hub: a bounded list of events, sent or not.
pub struct Connection {
    /// Which.
    pub id: ConnectionId,
    /// Whose.
    pub user: UserId,
    /// By which sign-in.
    pub session: SessionId,
    // Plain locks. This one is taken to look up or to add a channel...
    channels: Mutex<HashSet<ChannelId>>,
    // ...and this one is held to push or take a handful of pointers, never across an await.
    outbox: Mutex<Outbox>,
    wake: Notify,
}

struct Outbox {
    /// Consecutive events; the first has number `first`.
    events: VecDeque<Arc<str>>,
    first: u64,
    /// The number of the next one to send.
    next: u64,
    socket: Socket,
    /// Counts sockets, so that an old one cannot take what belongs to its successor.
    generation: u64,
    /// Unsent events at which the socket's writer is woken, as it last asked; below that a push costs no wake-up.
    wake_at: usize,
}

impl Outbox {
    fn unsent(&self) -> usize {
        usize::try_from(self.first + self.events.len() as u64 - self.next).unwrap_or(usize::MAX)
    }

    /// Whether the socket of this generation should look: `events` are there, or it is to be closed. If not, it
    /// will be woken when they are.
    fn is_due(&mut self, generation: u64, events: usize) -> bool {
        if self.generation != generation {
            return true;
        }
        self.wake_at = events;
        match self.socket {
            Socket::Closed { .. } | Socket::Slow => true,
            Socket::Opening | Socket::Introduced | Socket::Detached { .. } => false,
            Socket::Attached => self.unsent() >= events,
        }
    }

    fn forget_oldest(&mut self) {
        if self.events.pop_front().is_some() {
            self.first += 1;
            // Somebody without a socket may now miss one; `attach` sees it and sends them to `ready`.
            self.next = self.next.max(self.first);
        }
    }
}

/// What is on the other side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Socket {
    /// One that has not got its `ready` yet, nor any news, which `ready` will contain.
    Opening,
    /// One that has not got its `ready` yet, but what that says of the present is settled: news come on top of it.
    Introduced,
    /// One that takes events.
    Attached,
    /// One that could not keep up and is being closed. Events are collected for the next one.
    Slow,
    /// None since then; may come back.
    Detached { since: Timestamp },
    /// None, and none will come.
    Closed { code: u16 },
}

/// What a socket's writer should do next.
#[derive(Debug)]
pub enum Next {
    /// Send these frames.
    Send(Vec<String>),
    /// Close with this code.
    Close(u16),
}

impl Connection {
    fn new(id: ConnectionId, user: UserId, session: SessionId) -> Self {
        let outbox = Outbox {
            events: VecDeque::new(),
            first: READY,
            next: READY,
            socket: Socket::Opening,
            generation: 0,
            wake_at: 1,
        };
        Self {
            id,
            user,
            session,
            channels: Mutex::default(),
            outbox: Mutex::new(outbox),
            wake: Notify::new(),
        }
    }

    /// Puts `ready` before everything that was collected meanwhile and begins to send.
    pub fn open(&self, ready: &ServerEvent) {
        let mut outbox = self.lock();
        outbox.events.push_front(serialise(ready));
        if matches!(outbox.socket, Socket::Opening | Socket::Introduced) {
            outbox.socket = Socket::Attached;
        }
        self.wake.notify_one();
    }

    /// Waits until this many events are there for the socket of this generation, or it is to be closed.
    pub async fn holds(&self, generation: u64, events: usize) {
        loop {
            let woken = self.wake.notified();
            if self.lock().is_due(generation, events) {
                return;
            }
            woken.await;
        }
    }

    /// The socket of this generation is gone; another may come. False when it was not the current one, or
    /// the connection is closed for good.
    pub fn detach(&self, generation: u64, now: Timestamp) -> bool {
        let mut outbox = self.lock();
        let ours =
            outbox.generation == generation && matches!(outbox.socket, Socket::Attached | Socket::Slow);
        if ours {
            outbox.socket = Socket::Detached { since: now };
        }
        ours
    }

    /// Tells the socket to close, with `code`, for good.
    pub fn close(&self, code: u16) {
        let mut outbox = self.lock();
        if !matches!(outbox.socket, Socket::Closed { .. }) {
            outbox.socket = Socket::Closed { code };
        }
        self.wake.notify_waiters();
        self.wake.notify_one();
    }

    /// Whether it is closed for good.
    pub fn is_closed(&self) -> bool {
        matches!(self.lock().socket, Socket::Closed { .. })
    }

    /// Whether `channel` is open to this connection.
    pub fn sees(&self, channel: ChannelId) -> bool {
        self.channels().contains(&channel)
    }

    /// Opens a channel to it; false when it was open already.
    fn opens(&self, channel: ChannelId) -> bool {
        self.channels().insert(channel)
    }

    /// Closes a channel to it.
    fn closes(&self, channel: ChannelId) {
        self.channels().remove(&channel);
    }

    fn channels(&self) -> MutexGuard<'_, HashSet<ChannelId>> {
        self.channels.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn push(&self, text: &Arc<str>) {
        let mut outbox = self.lock();
        if matches!(outbox.socket, Socket::Closed { .. }) {
            return;
        }
        // Makes place first: a list that once held one more would keep twice the memory.
        if outbox.events.len() >= REPLAY {
            outbox.forget_oldest();
        }
        outbox.events.push_back(text.clone());
        let unsent = outbox.unsent();
        if unsent > QUEUE && outbox.socket == Socket::Attached {
            telemetry::SLOW_CONNECTIONS.add();
            outbox.socket = Socket::Slow;
        }
        if unsent >= outbox.wake_at {
            self.wake.notify_one();
        }
    }

    /// A new socket goes on after `seq`; its generation.
    fn attach(&self, seq: u64) -> Option<u64> {
        let mut outbox = self.lock();
        // Only what was sent can have been seen; that also keeps `seq + 1` from overflowing.
        let replayable = seq < outbox.next && seq + 1 >= outbox.first;
        let alive = match outbox.socket {
            Socket::Attached | Socket::Slow | Socket::Detached { .. } => true,
            Socket::Opening | Socket::Introduced | Socket::Closed { .. } => false,
        };
        if !replayable || !alive {
            return None;
        }
        outbox.next = seq + 1;
        outbox.generation += 1;
        outbox.socket = Socket::Attached;
        // The old socket, if it still waits, sees that its generation is over.
        self.wake.notify_waiters();
        self.wake.notify_one();
        Some(outbox.generation)
    }

    /// What the writer of the socket of this generation should do now, if anything.
    pub fn take(&self, generation: u64) -> Option<Next> {
        let mut outbox = self.lock();
        if outbox.generation != generation {
            return Some(Next::Close(close::REPLACED));
        }
        match outbox.socket {
            Socket::Closed { code } => return Some(Next::Close(code)),
            Socket::Slow => return Some(Next::Close(close::SLOW)),
            Socket::Opening | Socket::Introduced | Socket::Detached { .. } => return None,
            Socket::Attached => {}
        }
        let skip = usize::try_from(outbox.next - outbox.first).unwrap_or(usize::MAX);
        let first = outbox.next;
        let frames: Vec<String> =
            outbox.events.iter().skip(skip).zip(first..).map(|(event, seq)| numbered(seq, event)).collect();
        if frames.is_empty() {
            return None;
        }
        outbox.next += frames.len() as u64;
        if outbox.first == READY {
            outbox.forget_oldest();
        }
        Some(Next::Send(frames))
    }

    fn is_over(&self, now: Timestamp) -> bool {
        match self.lock().socket {
            Socket::Detached { since } => now.since(since) >= REPLAY_FOR,
            Socket::Opening
            | Socket::Introduced
            | Socket::Attached
            | Socket::Slow
            | Socket::Closed { .. } => false,
        }
    }

    fn is_detached(&self) -> bool {
        matches!(self.lock().socket, Socket::Detached { .. })
    }

    fn lock(&self) -> MutexGuard<'_, Outbox> {
        // Nothing below panics while it holds the lock; if something ever does, the list is still whole.
        self.outbox.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests;
