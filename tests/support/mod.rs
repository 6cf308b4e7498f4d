//! The words of the stories: a server of one's own, and people who do things.

pub mod call;
pub mod channels;
pub mod mail;
pub mod postgres;
pub mod relay;
pub mod site;
pub mod view;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cromulent::Server;
use cromulent::bench::client::{Error, Frame, Http, Reply, Socket, refusal};
use cromulent::clock::Clock;
use cromulent::config::Settings;
use cromulent::id::{ChannelId, MessageId, UserId};
use cromulent::protocol::client::{Cursor, Request, Resume};
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::rest::Register;
use cromulent::protocol::server::{Answer, ServerEvent, Snapshot};
use cromulent::protocol::types::{ChannelKind, Message, Notification};
use hyper::Method;
use tempfile::TempDir;

use view::View;

pub const PASSWORD: &str = "correct horse battery";

/// How long a story waits for something that must happen. Only a broken server takes as long.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A server on free ports with its own empty folder.
pub struct TestServer {
    server: Option<Server>,
    pub settings: Settings,
    pub clock: Clock,
    folder: TempDir,
}

/// Settings for a server that is quick to sign in to and bothers nobody.
pub fn settings(folder: &TempDir) -> Settings {
    let mut settings = Settings::defaults();
    settings.listen = "127.0.0.1:0".parse().unwrap();
    settings.data_dir = folder.path().join("data");
    settings.database = postgres::database_of(&settings.data_dir).map(|address| address.parse().unwrap());
    settings.voice_port = 0;
    settings.voice_workers = 1;
    settings.voice_addresses = vec!["127.0.0.1".parse().unwrap()];
    // Nobody goes to where messages point, unless a story is about that.
    settings.previews_ports = Vec::new();
    settings.password_memory_kib = 8;
    settings.password_passes = 1;
    settings.password_tries_per_minute = 0;
    settings
}

impl TestServer {
    /// As if one of the threads of voice were too busy for all it has to do.
    pub fn says_worker(&self, worker: usize, pressure: sfu::Pressure) {
        self.running().says_worker(worker, pressure);
    }

    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// With some settings of its own.
    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::at(Clock::System, change).await
    }

    /// By a clock of its own.
    pub async fn at(clock: Clock, change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings(&folder);
        change(&mut settings);
        let server = Server::start(&settings, clock.clone()).await.unwrap();
        Self { server: Some(server), settings, clock, folder }
    }

    /// How it would be described to somebody who looks at it from outside: with the ports it found.
    pub fn as_it_runs(&self) -> Settings {
        let Server { address, voice_ports, .. } = self.running();
        Settings { listen: *address, voice_port: voice_ports[0], ..self.settings.clone() }
    }

    /// A plain request from the server's own page, or with the token of a program.
    pub async fn send(&self, method: Method, path: &str, who: &str, body: serde_json::Value) -> Reply {
        let who = Some(who).filter(|who| !who.is_empty());
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let sent = self.http().send(method, path, who, body);
        tokio::time::timeout(PATIENCE, sent).await.unwrap().unwrap()
    }

    /// The first admin, connected.
    pub async fn admin(&self, name: &str) -> TestUser {
        let draft = Register { setup_token: self.setup_token(), ..account(name) };
        let cookie = self.http().register(&draft).await.unwrap();
        TestUser::connect(self, name, cookie).await
    }

    pub fn http(&self) -> Http {
        Http(self.running().address)
    }

    pub fn setup_token(&self) -> Option<String> {
        self.running().setup_link.as_ref().map(|link| link.rsplit('/').next().unwrap().to_owned())
    }

    /// Somebody new, connected.
    pub async fn user(&self, name: &str) -> TestUser {
        let cookie = self.http().register(&account(name)).await.unwrap();
        TestUser::connect(self, name, cookie).await
    }

    /// Several, each aware of those before and after.
    pub async fn users<const N: usize>(&self, names: [&str; N]) -> [TestUser; N] {
        let mut users = Vec::new();
        for name in names {
            users.push(self.user(name).await);
        }
        for user in &mut users {
            user.knows(&names).await;
        }
        users.try_into().unwrap_or_else(|_| unreachable!("one user for each name"))
    }

    /// Stops and starts again on the same folder and port.
    pub async fn restart(&mut self) {
        let server = self.server.take().unwrap();
        self.settings.listen = server.address;
        server.stop().await;
        self.server = Some(Server::start(&self.settings, self.clock.clone()).await.unwrap());
    }

    pub async fn stop(mut self) -> TempDir {
        self.server.take().unwrap().stop().await;
        self.folder
    }

    fn running(&self) -> &Server {
        self.server.as_ref().unwrap()
    }
}

/// The code of a refusal.
pub fn refused(reply: &Reply) -> ErrorCode {
    match refusal(reply) {
        Error::Refused(refusal) => refusal.code,
        other => panic!("{other}"),
    }
}

/// The value that an answer is.
pub fn answer<T: serde::de::DeserializeOwned>(reply: &Reply) -> T {
    assert!(reply.status.is_success(), "{reply:?}");
    serde_json::from_str(&reply.body).unwrap_or_else(|error| panic!("{error} in {}", reply.body))
}

pub fn account(name: &str) -> Register {
    Register {
        username: name.to_owned(),
        email: format!("{name}@example.org"),
        password: PASSWORD.to_owned(),
        setup_token: None,
    }
}

/// Somebody at an open page.
pub struct TestUser {
    pub name: String,
    pub cookie: String,
    pub socket: Socket,
    pub snapshot: Snapshot,
    /// What the events so far say of the present.
    pub view: View,
    pub address: std::net::SocketAddr,
    people: HashMap<String, UserId>,
}

static NONCE: AtomicU32 = AtomicU32::new(0);

impl TestUser {
    pub async fn connect(server: &TestServer, name: &str, cookie: String) -> Self {
        Self::connect_at(server.http().0, name, cookie).await
    }

    pub async fn connect_at(address: std::net::SocketAddr, name: &str, cookie: String) -> Self {
        let (mut socket, resumed) = Socket::open(address, &cookie, None).await.unwrap();
        assert!(!resumed);
        let ServerEvent::Ready { snapshot } = socket.event().await.unwrap() else {
            panic!("no ready came first")
        };
        let people = snapshot.users.iter().map(|user| (user.username.clone(), user.id)).collect();
        let view = View::of(&snapshot);
        Self { name: name.to_owned(), cookie, socket, snapshot: *snapshot, view, address, people }
    }

    /// The text channel everybody is in.
    pub fn general(&self) -> ChannelId {
        self.channel(ChannelKind::Text)
    }

    /// The voice channel everybody is in.
    pub fn lounge(&self) -> ChannelId {
        self.channel(ChannelKind::Voice)
    }

    fn channel(&self, kind: ChannelKind) -> ChannelId {
        self.snapshot.channels.iter().find(|channel| channel.kind == kind).unwrap().id
    }

    pub fn id_of(&self, name: &str) -> UserId {
        self.people[name]
    }

    async fn knows(&mut self, names: &[&str]) {
        while names.iter().any(|name| !self.people.contains_key(*name)) {
            if let ServerEvent::UserChanged { user } = self.next_event().await {
                self.people.insert(user.username, user.id);
            }
        }
    }

    pub async fn posts(&mut self, body: &str) -> Message {
        let nonce = format!("{}-{}", self.name, NONCE.fetch_add(1, Ordering::Relaxed));
        self.posts_with_nonce(body, &nonce).await.unwrap()
    }

    pub async fn posts_with_nonce(&mut self, body: &str, nonce: &str) -> Result<Message, ErrorCode> {
        let channel = self.general();
        let request = Request::PostMessage { channel, body: body.to_owned(), nonce: nonce.to_owned() };
        match self.asks(&request).await? {
            Answer::MessagePosted { message } => Ok(message),
            other => panic!("{other:?}"),
        }
    }

    pub async fn reads(&mut self, page: Cursor) -> (Vec<Message>, bool) {
        let channel = self.general();
        match self.asks(&Request::LoadMessages { channel, page }).await.unwrap() {
            Answer::Messages { messages, more } => (messages, more),
            other => panic!("{other:?}"),
        }
    }

    /// The bodies of the latest page.
    pub async fn sees_history(&mut self) -> Vec<String> {
        self.reads(Cursor::Latest).await.0.into_iter().map(|message| message.body).collect()
    }

    pub async fn asks(&mut self, request: &Request) -> Result<Answer, ErrorCode> {
        match tokio::time::timeout(PATIENCE, self.socket.request(request)).await.unwrap() {
            Ok(answer) => Ok(answer),
            Err(Error::Refused(refusal)) => Err(refusal.code),
            Err(error) => panic!("{}: {error}", self.name),
        }
    }

    pub async fn next_event(&mut self) -> ServerEvent {
        match tokio::time::timeout(PATIENCE, self.socket.event()).await {
            Ok(event) => {
                let event = event.unwrap();
                self.view.apply(&event);
                event
            }
            Err(_) => panic!("{} waited for an event in vain, and sees {:?}", self.name, self.view),
        }
    }

    /// Waits until what this user sees is so.
    pub async fn sees(&mut self, so: impl Fn(&View) -> bool) {
        while !so(&self.view) {
            self.next_event().await;
        }
    }

    /// Waits for the first event that `pick` takes; others go by.
    pub async fn waits_for<T>(&mut self, mut pick: impl FnMut(&ServerEvent) -> Option<T>) -> T {
        loop {
            if let Some(found) = pick(&self.next_event().await) {
                return found;
            }
        }
    }

    pub async fn hears_that(&mut self, body: &str) -> MessageId {
        self.waits_for(|event| match event {
            ServerEvent::MessagePosted { message } if message.body == body => Some(message.id),
            _ => None,
        })
        .await
    }

    pub async fn edits(&mut self, message: MessageId, body: &str) -> Result<Message, ErrorCode> {
        match self.asks(&Request::EditMessage { message, body: body.to_owned() }).await? {
            Answer::MessageEdited { message } => Ok(message),
            other => panic!("{other:?}"),
        }
    }

    pub async fn deletes(&mut self, message: MessageId) -> Result<(), ErrorCode> {
        self.asks(&Request::DeleteMessage { message }).await.map(drop)
    }

    /// The next notification that arrives.
    pub async fn is_notified(&mut self) -> Notification {
        self.waits_for(|event| match event {
            ServerEvent::Notified { notification } => Some(notification.clone()),
            _ => None,
        })
        .await
    }

    /// Everything that arrives before this message does.
    pub async fn hears_until(&mut self, body: &str) -> Vec<ServerEvent> {
        let mut events = Vec::new();
        loop {
            match self.next_event().await {
                ServerEvent::MessagePosted { message } if message.body == body => return events,
                event => events.push(event),
            }
        }
    }

    /// The same user at another device.
    pub async fn elsewhere(&self) -> TestUser {
        TestUser::connect_at(self.address, &self.name, self.cookie.clone()).await
    }

    /// Loses the socket and comes back; whether the connection went on, and everything that was replayed
    /// before the first answer of a ping.
    pub async fn comes_back(&mut self) -> (bool, Vec<ServerEvent>) {
        let resume = self.socket.resume;
        self.comes_back_as(resume).await
    }

    pub async fn comes_back_as(&mut self, resume: Option<Resume>) -> (bool, Vec<ServerEvent>) {
        let (socket, resumed) = Socket::open(self.address, &self.cookie, resume).await.unwrap();
        // What the old one had brought is counted as seen.
        while let Some(event) = self.socket.heard() {
            self.view.apply(&event);
        }
        self.socket = socket;
        let ping = self.socket.ask(&Request::Ping).await.unwrap();
        let mut events = Vec::new();
        loop {
            match tokio::time::timeout(PATIENCE, self.socket.frame()).await.unwrap().unwrap() {
                Frame::Event { event, .. } => {
                    self.view.apply(&event);
                    events.push(event);
                }
                Frame::Answer { id, .. } if id == ping => return (resumed, events),
                other => panic!("{other:?}"),
            }
        }
    }

    /// The code with which the server ends this socket.
    pub async fn is_closed_with(&mut self) -> u16 {
        loop {
            match tokio::time::timeout(PATIENCE, self.socket.frame()).await.expect("the socket stays open") {
                Ok(_) => {}
                Err(Error::Closed(code)) => return code,
                Err(error) => panic!("{error}"),
            }
        }
    }
}
