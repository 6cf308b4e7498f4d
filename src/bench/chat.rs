//! `cromulent bench chat`: what writing costs, and what it costs to tell everybody.
//!
//! Three things, one after the other, of one server: the memory of a socket that only listens, the CPU time of one event
//! to all of them, and how many posts a second are stored while many people post at once, each waiting for his answer.
//! Everything is real: accounts over HTTP, WebSockets, the database with its sync. Start at [`run`].

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::client::{self, Http, Socket};
use super::cpu::CpuTime;
use super::histogram::Histogram;
use super::progress::Progress;
use super::server::{OwnServer, Setup};
use super::{Error, memory};
use crate::files;
use crate::id::ChannelId;
use crate::protocol::client::Request;
use crate::protocol::close;
use crate::protocol::rest::Register;
use crate::protocol::server::{Answer, ServerEvent};
use crate::protocol::types::ChannelKind;

/// Listeners of one account: a listener is one more tab of somebody, of which the server allows two more.
const TABS: usize = 30;

/// Sockets that are opened at the same time.
const OPENED_AT_ONCE: usize = 32;

/// How long the server may settle before its memory is read.
const SETTLE: Duration = Duration::from_secs(2);

/// Events that everybody is told, one after the other.
const EVENTS: u64 = 10;

/// How long one of them may take to reach everybody. What has not come by then is not counted as delivered.
const REACH: Duration = Duration::from_secs(20);

/// How long everybody's goodbye may take.
const GOODBYE: Duration = Duration::from_secs(20);

/// Posting that is not measured.
const WARM_UP: Duration = Duration::from_secs(1);

/// What to measure.
#[derive(Clone, Debug, Args)]
pub struct Chat {
    /// People who post at once, each as soon as his last post is answered
    #[arg(long, value_name = "N", default_value = "64", value_parser = clap::value_parser!(u16).range(3..=1_000))]
    pub callers: u16,

    /// Sockets that only listen, and are all told the same event. They are gone before the posting is measured
    #[arg(long, value_name = "N", default_value = "1000", value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pub listeners: u32,

    /// Seconds of posting that are measured, after one second of warming up
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = clap::value_parser!(u16).range(1..=3_600))]
    pub seconds: u16,

    /// Binary to start as the server. By default this one; another one is for comparing two builds
    #[arg(long, value_name = "FILE")]
    pub server_binary: Option<PathBuf>,

    /// Print one JSON object. By default a table, for people
    #[arg(long)]
    pub json: bool,
}

/// What came out.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Who posted at once.
    pub callers: u16,
    /// Sockets that only listened.
    pub listeners: u32,
    /// Seconds of posting that were measured.
    pub seconds: u16,
    /// Posts that were asked for and answered in this time, each with two mentions.
    pub posts: u64,
    /// The same in one second.
    pub posts_per_second: f64,
    /// From asking to the answer, milliseconds: half were quicker.
    pub post_ms_p50: Option<f64>,
    /// The same: 99 of 100 were quicker.
    pub post_ms_p99: Option<f64>,
    /// CPU time of the server for a post, telling all who post included, microseconds.
    pub server_cpu_us_per_post: Option<f64>,
    /// Cores the server kept busy while they posted.
    pub server_cores: f64,
    /// Cores this process kept busy, in which the people are.
    pub client_cores: Option<f64>,
    /// Events that reached a listener.
    pub deliveries: u64,
    /// CPU time of the server for each of them, microseconds.
    pub cpu_us_per_delivery: Option<f64>,
    /// Memory of the server for one listener, bytes.
    pub bytes_per_idle_socket: Option<u64>,
    /// Listeners whose socket was lost.
    pub listeners_lost: usize,
}

/// Measures. Ends the server it started, whatever happens.
pub async fn run(chat: &Chat) -> Result<Report, Error> {
    check_open_files(chat)?;
    let own = std::env::current_exe().map_err(|error| Error::NoServer(error.to_string()))?;
    // Nobody's media is measured, and nobody's patience with those who post too much.
    let setup = Setup { workers: 1, requests_per_second: 0, ..Setup::default() };
    let server = OwnServer::start(chat.server_binary.as_ref().unwrap_or(&own), setup).await?;
    let report = measure(&server, chat).await;
    server.stop().await;
    report
}

async fn measure(server: &OwnServer, chat: &Chat) -> Result<Report, Error> {
    let http = Http(server.address);
    let mut progress = Progress::default();
    progress.say("people come in");
    let house = Arc::new(House::new(http, chat).await?);
    let empty = settled(server.pid).await;
    let listeners = Listeners::gather(&house, chat.listeners, |count| {
        progress.say(&format!("{count} of {} sockets are open", chat.listeners));
    })
    .await?;
    let full = settled(server.pid).await;
    // Comes after all the others: who does not listen to their coming is cut off.
    let mut herald = house.caller(chat.callers.into()).await?;
    tokio::time::sleep(SETTLE).await;
    let before = cpu_time(server.pid)?;
    let mut deliveries = 0;
    for event in 1..=EVENTS {
        progress.say(&format!("event {event} of {EVENTS}"));
        herald.post(&house.channel).await?;
        deliveries = listeners.wait_for(event * u64::from(chat.listeners)).await;
    }
    let telling = cpu_time(server.pid)?.since(&before);
    let listeners_lost = listeners.leave().await;
    settled(server.pid).await;

    let mut callers = Vec::new();
    for number in 0..usize::from(chat.callers) {
        callers.push(house.caller(number).await?);
    }
    progress.say(&format!("{} people post for {} s", chat.callers, chat.seconds));
    let posting = post(server.pid, &house, callers, Duration::from_secs(chat.seconds.into())).await?;
    let micros = |time: Duration, count: u64| (count > 0).then(|| time.as_secs_f64() * 1e6 / count as f64);
    let millis = |per_cent| posting.latency.percentile(per_cent).map(|micros| micros as f64 / 1e3);
    let seconds = f64::from(chat.seconds);
    Ok(Report {
        callers: chat.callers,
        listeners: chat.listeners,
        seconds: chat.seconds,
        posts: posting.count,
        posts_per_second: posting.count as f64 / seconds,
        post_ms_p50: millis(50),
        post_ms_p99: millis(99),
        server_cpu_us_per_post: micros(posting.server, posting.count),
        server_cores: posting.server.as_secs_f64() / seconds,
        client_cores: posting.client.map(|client| client.as_secs_f64() / seconds),
        deliveries,
        cpu_us_per_delivery: micros(telling, deliveries),
        bytes_per_idle_socket: full.zip(empty).map(|(full, empty)| {
            full.saturating_sub(empty).checked_div(chat.listeners.into()).unwrap_or_default()
        }),
        listeners_lost,
    })
}

/// What all people share.
struct House {
    http: Http,
    /// In every name.
    mark: u32,
    channel: ChannelId,
}

/// Somebody who posts.
struct Caller {
    socket: Socket,
    /// What he says; a number follows that makes each post another one.
    words: String,
    nonce: String,
    posts: u64,
}

impl House {
    async fn new(http: Http, chat: &Chat) -> Result<Self, Error> {
        let mark = getrandom::u32().map_err(|error| Error::Socket(error.into()))?;
        let mut admin = enter(http, &format!("bench-{mark:08x}-admin")).await?;
        let ServerEvent::Ready { snapshot } = admin.event().await? else {
            return Err(client::Error::Protocol("the first event is not `ready`".to_owned()).into());
        };
        let text = snapshot.channels.iter().find(|channel| channel.kind == ChannelKind::Text);
        // Without one there is nothing to measure, and a new server has one.
        let channel = text.ok_or(Error::TooFewRooms { asked: chat.callers, there: 0 })?.id;
        Ok(Self { http, mark, channel })
    }

    async fn caller(&self, number: usize) -> Result<Caller, Error> {
        let name = |number: usize| format!("bench-{:08x}-{number}", self.mark);
        let socket = enter(self.http, &name(number)).await?;
        // The two who came before; of the first two it is themselves whom they mention.
        let words =
            format!("@{} and @{}: this is", name(number.saturating_sub(1)), name(number.saturating_sub(2)));
        Ok(Caller { socket, words, nonce: format!("{:08x}-{number}", self.mark), posts: 0 })
    }
}

/// Makes an account and opens a socket.
async fn enter(http: Http, name: &str) -> Result<Socket, Error> {
    let cookie = http.register(&account(name)).await?;
    let (socket, _) = Socket::open(http.0, &cookie, None).await?;
    Ok(socket)
}

fn account(name: &str) -> Register {
    Register {
        email: format!("{name}@example.org"),
        password: format!("{name}-has-a-password"),
        username: name.to_owned(),
        setup_token: None,
    }
}

impl Caller {
    async fn post(&mut self, channel: &ChannelId) -> Result<(), Error> {
        self.posts += 1;
        let body = format!("{} number {}", self.words, self.posts);
        let nonce = format!("{}-{}", self.nonce, self.posts);
        let post = Request::PostMessage { channel: *channel, body, nonce };
        let Answer::MessagePosted { .. } = self.socket.press(&post).await? else {
            return Err(client::Error::Protocol("another answer to `post_message`".to_owned()).into());
        };
        Ok(())
    }
}

/// What came out of the posting.
struct Posting {
    count: u64,
    latency: Histogram,
    server: Duration,
    client: Option<Duration>,
}

/// Everybody posts, one after the other for himself and all at once together.
async fn post(pid: u32, house: &Arc<House>, callers: Vec<Caller>, time: Duration) -> Result<Posting, Error> {
    let from = Instant::now() + WARM_UP;
    let until = from + time;
    let mut tasks = JoinSet::new();
    for mut caller in callers {
        let house = house.clone();
        tasks.spawn(async move {
            let (mut count, mut latency) = (0, Histogram::default());
            loop {
                let asked = Instant::now();
                if asked >= until {
                    return Ok::<_, Error>((count, latency));
                }
                caller.post(&house.channel).await?;
                if asked >= from {
                    count += 1;
                    latency.record(u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX));
                }
            }
        });
    }
    let own = std::process::id();
    tokio::time::sleep_until(from.into()).await;
    let before = (cpu_time(pid)?, CpuTime::of(own).ok());
    tokio::time::sleep_until(until.into()).await;
    let after = (cpu_time(pid)?, CpuTime::of(own).ok());
    let mut posting = Posting {
        count: 0,
        latency: Histogram::default(),
        server: after.0.since(&before.0),
        client: after.1.zip(before.1).map(|(after, before)| after.since(&before)),
    };
    while let Some(ended) = tasks.join_next().await {
        let (count, latency) = ended.map_err(|_| Error::Broken)??;
        posting.count += count;
        posting.latency.merge(&latency);
    }
    Ok(posting)
}

/// Sockets that only listen.
struct Listeners {
    tasks: JoinSet<()>,
    over: watch::Sender<bool>,
    told: Arc<AtomicU64>,
    lost: Arc<AtomicUsize>,
}

impl Listeners {
    /// Opens them; `progress` is told how many are open.
    async fn gather(house: &Arc<House>, count: u32, mut progress: impl FnMut(u32)) -> Result<Self, Error> {
        let mut cookies = Vec::new();
        for number in 0..(count as usize).div_ceil(TABS) {
            let account = account(&format!("bench-{:08x}-ear-{number}", house.mark));
            cookies.push(house.http.register(&account).await?);
        }
        let door = Arc::new(Semaphore::new(OPENED_AT_ONCE));
        let (told, lost) = (Arc::<AtomicU64>::default(), Arc::<AtomicUsize>::default());
        let (mut opening, mut tasks) = (JoinSet::new(), JoinSet::new());
        let over = watch::Sender::new(false);
        for (_, cookie) in (0..count).zip(cookies.iter().cycle()) {
            let (http, cookie, door) = (house.http, cookie.clone(), door.clone());
            opening.spawn(async move {
                // Closed only when this task is dropped too.
                let _place = door.acquire().await.map_err(|_| Error::Broken)?;
                let (mut socket, _) = Socket::open(http.0, &cookie, None).await?;
                socket.event().await?;
                Ok::<_, Error>(socket)
            });
        }
        let mut open = 0;
        while let Some(opened) = opening.join_next().await {
            let mut socket = opened.map_err(|_| Error::Broken)??;
            open += 1;
            progress(open);
            let (told, lost, mut end) = (told.clone(), lost.clone(), over.subscribe());
            tasks.spawn(async move {
                loop {
                    tokio::select! {
                        text = socket.text() => match text {
                            // Others come in as well; only what is written counts.
                            Ok(text) => {
                                let count = text.matches("\"message_posted\"").count();
                                told.fetch_add(count as u64, Ordering::Relaxed);
                            }
                            Err(_) => {
                                lost.fetch_add(1, Ordering::Relaxed);
                                return;
                            }
                        },
                        _ = end.wait_for(|over| *over) => break,
                    }
                }
                // Whoever goes without a word is waited for, and goes on being told.
                let _ = socket.close(close::GOING_AWAY).await;
            });
        }
        Ok(Self { tasks, over, told, lost })
    }

    /// Waits until so many events have come, as long as is sensible; how many have.
    async fn wait_for(&self, count: u64) -> u64 {
        const LOOK_EVERY: Duration = Duration::from_millis(20);
        let end = Instant::now() + REACH;
        loop {
            let told = self.told.load(Ordering::Relaxed);
            if told >= count || Instant::now() > end {
                return told;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Closes all; how many were lost before.
    async fn leave(mut self) -> usize {
        let lost = self.lost.load(Ordering::Relaxed);
        self.over.send_replace(true);
        let everybody = async { while self.tasks.join_next().await.is_some() {} };
        // Who does not come to the end of it is dropped with the rest.
        let _ = tokio::time::timeout(GOODBYE, everybody).await;
        lost
    }
}

/// The server's memory once it has come to rest.
async fn settled(pid: u32) -> Option<u64> {
    tokio::time::sleep(SETTLE).await;
    memory::resident(pid).ok()
}

fn cpu_time(pid: u32) -> Result<CpuTime, Error> {
    CpuTime::of(pid).map_err(|source| Error::NoCpuTime { pid, source })
}

/// Says no before the first socket is opened, when there are not enough file descriptors for the last.
fn check_open_files(chat: &Chat) -> Result<(), Error> {
    let needed = chat.listeners as usize + usize::from(chat.callers) + 128;
    match files::allow_all().map(|allowed| usize::try_from(allowed).unwrap_or(usize::MAX)) {
        Some(allowed) if allowed < needed => Err(Error::TooFewFiles { needed, allowed }),
        Some(_) | None => Ok(()),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fixed = |value: Option<f64>, digits: usize| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
        };
        let mut line = |name: &str, value: String| writeln!(f, "{name:<42}{value:>20}");
        line("people who post at once", self.callers.to_string())?;
        line("measured, seconds", self.seconds.to_string())?;
        line("posts", self.posts.to_string())?;
        line("posts per second", format!("{:.0}", self.posts_per_second))?;
        line("post until answer, p50, ms", fixed(self.post_ms_p50, 1))?;
        line("post until answer, p99, ms", fixed(self.post_ms_p99, 1))?;
        line("server CPU per post, us", fixed(self.server_cpu_us_per_post, 1))?;
        line("cores the server kept busy", format!("{:.3}", self.server_cores))?;
        line("cores the people kept busy", fixed(self.client_cores, 3))?;
        line("sockets that listen", self.listeners.to_string())?;
        line("events delivered to them", self.deliveries.to_string())?;
        line("server CPU per delivery, us", fixed(self.cpu_us_per_delivery, 1))?;
        let bytes = self.bytes_per_idle_socket.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
        line("memory of the server per socket, bytes", bytes)?;
        line("of these sockets lost", self.listeners_lost.to_string())
    }
}
