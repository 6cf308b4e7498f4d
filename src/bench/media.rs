//! `cromulent bench media`: what forwarding voice costs, and how long people wait for it.
//!
//! The server is one process, all people are another, this one: what the server costs is read off its process
//! alone. Everything is real: accounts over HTTP, a WebSocket each, ICE, DTLS and SRTP over UDP.

use std::io::{IsTerminal, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;

use super::Error;
use super::client::Http;
use super::cpu::CpuTime;
use super::people::{People, Plan};
use super::report::{Cost, Report};
use super::server::OwnServer;
use super::voice::{PAYLOAD_MAX, PAYLOAD_MIN, Window};

/// Talk that is not measured: first packets, first allocations, the last joins' events.
const WARM_UP: Duration = Duration::from_secs(1);

/// How long after the measured time a packet may still come. What is later than this is lost to any listener.
const LATE: Duration = Duration::from_millis(500);

/// Slots of a server of our own: what a server has when nobody says otherwise.
const SLOTS: u8 = 8;

/// What to measure.
#[derive(Clone, Debug, Args)]
pub struct Media {
    /// Rooms. Each needs a voice channel that is there
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub rooms: u16,

    /// People in each room. A room takes 1,000; each person is two sockets here
    #[arg(long, value_name = "N", default_value = "50", value_parser = clap::value_parser!(u16).range(2..=1_000))]
    pub people: u16,

    /// How many of them talk, without a pause, 50 packets a second each. The others have their microphones open
    /// and say nothing. More than the server has slots are heard in turns only
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub talkers: u16,

    /// Seconds that are measured, after one second of warming up
    #[arg(long, value_name = "SECONDS", default_value = "10",
          value_parser = clap::value_parser!(u16).range(1..=3_600))]
    pub seconds: u16,

    /// Bytes of Opus in a packet. 100 in 20 ms are 40 kbit/s, good speech
    #[arg(long, value_name = "BYTES", default_value = "100",
          value_parser = clap::value_parser!(u16).range(i64::from(PAYLOAD_MIN)..=i64::from(PAYLOAD_MAX)))]
    pub payload: u16,

    /// Threads of the server that forward voice. 0 means one per core, as without this flag it would have
    #[arg(long, value_name = "N", default_value = "0", conflicts_with = "addr",
          value_parser = clap::value_parser!(u16).range(0..=256))]
    pub workers: u16,

    /// People who come in at the same time. With more the time of a join is that of the queue before it
    #[arg(long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub joins_at_once: u16,

    /// Page of a running server to measure, as http://127.0.0.1:8080, in place of one started for the purpose. It
    /// must take new accounts and have no public URL and no limit on tries; the accounts made stay in it
    #[arg(long, value_name = "URL", value_parser = address)]
    pub addr: Option<SocketAddr>,

    /// Process of that server, if it is on this machine; without it nothing is known of its CPU time
    #[arg(long, value_name = "PID", requires = "addr")]
    pub server_pid: Option<u32>,

    /// Binary to start as the server. By default this one; another one is for comparing two builds
    #[arg(long, value_name = "FILE", conflicts_with = "addr")]
    pub server_binary: Option<PathBuf>,

    /// Print one JSON object in place of a table
    #[arg(long)]
    pub json: bool,
}

impl Media {
    fn plan(&self) -> Plan {
        Plan {
            rooms: self.rooms,
            people: self.people,
            talkers: self.talkers,
            payload: self.payload,
            joins_at_once: self.joins_at_once,
        }
    }
}

/// Measures. Ends the server it started, whatever happens.
pub async fn run(media: &Media) -> Result<Report, Error> {
    let plan = media.plan();
    if plan.talkers > plan.people {
        return Err(Error::TooManyTalkers { talkers: plan.talkers, people: plan.people });
    }
    check_open_files(plan)?;
    let server = match media.addr {
        Some(address) => Server::Given { address, pid: media.server_pid },
        None => {
            let own = std::env::current_exe().map_err(|error| Error::NoServer(error.to_string()))?;
            let binary = media.server_binary.as_ref().unwrap_or(&own);
            Server::Own(Box::new(OwnServer::start(binary, media.workers, SLOTS).await?))
        }
    };
    let report = measure(&server, plan, media.seconds).await;
    if let Server::Own(server) = server {
        server.stop().await;
    }
    report
}

async fn measure(server: &Server, plan: Plan, seconds: u16) -> Result<Report, Error> {
    // What cannot be read then cannot be read now, and nobody needs to come for it.
    server.cpu_time()?;
    let mut progress = Progress::default();
    let arrived = |count| progress.say(&format!("{count} of {} people are in", plan.all()));
    let people = People::gather(Http(server.address()), plan, arrived).await?;

    let from = Instant::now() + WARM_UP;
    let window = Window { from, until: from + Duration::from_secs(seconds.into()) };
    people.talk(window);
    tokio::time::sleep_until(window.from.into()).await;
    let before = (server.cpu_time()?, own_cpu_time());
    for second in 0..seconds {
        progress.say(&format!("{second} of {seconds} seconds are measured"));
        tokio::time::sleep_until((window.from + Duration::from_secs(u64::from(second) + 1)).into()).await;
    }
    let after = (server.cpu_time()?, own_cpu_time());
    tokio::time::sleep(LATE).await;
    progress.say("everybody goes home");
    let (slots, joins) = (people.slots, people.joins.clone());
    let tallies = people.go_home().await?;

    let spent = |after: Option<CpuTime>, before: Option<CpuTime>| Some(after?.since(&before?));
    let (server_spent, client_spent) = (spent(after.0, before.0), spent(after.1, before.1));
    let cost = Cost { workers: server.workers(), slots, server: server_spent, client: client_spent };
    Ok(Report::new(plan, seconds, cost, &joins, &tallies))
}

/// The server that is measured.
enum Server {
    Own(Box<OwnServer>),
    Given { address: SocketAddr, pid: Option<u32> },
}

impl Server {
    fn address(&self) -> SocketAddr {
        match self {
            Self::Own(server) => server.address,
            Self::Given { address, .. } => *address,
        }
    }

    fn workers(&self) -> Option<usize> {
        match self {
            Self::Own(server) => Some(server.workers),
            Self::Given { .. } => None,
        }
    }

    fn cpu_time(&self) -> Result<Option<CpuTime>, Error> {
        let pid = match self {
            Self::Own(server) => Some(server.pid),
            Self::Given { pid, .. } => *pid,
        };
        pid.map(|pid| CpuTime::of(pid).map_err(|source| Error::NoCpuTime { pid, source })).transpose()
    }
}

/// Of this process, in which the people are.
fn own_cpu_time() -> Option<CpuTime> {
    CpuTime::of(std::process::id()).ok()
}

/// Says no before the first person comes, when there are not enough file descriptors for the last.
fn check_open_files(plan: Plan) -> Result<(), Error> {
    // Two sockets each, a third while somebody registers, and what a process has anyway.
    let needed = 2 * plan.all() + usize::from(plan.joins_at_once) + 64;
    // Where it cannot be read, the sockets themselves will tell.
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    match open_files(&limits) {
        Some(allowed) if allowed < needed => Err(Error::TooFewFiles { needed, allowed }),
        Some(_) | None => Ok(()),
    }
}

/// The soft limit in `/proc/self/limits`; none when it is not a number.
fn open_files(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// An address as a browser has it, or without `http://`. IPv4 first, since that is what servers here listen on.
fn address(text: &str) -> Result<SocketAddr, String> {
    let rest = text.strip_prefix("http://").unwrap_or(text);
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let all: Vec<SocketAddr> = rest.to_socket_addrs().map_err(|error| error.to_string())?.collect();
    let first = all.iter().find(|address| address.is_ipv4()).or(all.first());
    first.copied().ok_or_else(|| "no address of that name".to_owned())
}

/// One line on standard error that says how far it is.
#[derive(Debug, Default)]
struct Progress {
    len: usize,
}

impl Progress {
    /// Only where somebody looks on: in a log it would be noise.
    fn say(&mut self, text: &str) {
        let mut stderr = std::io::stderr().lock();
        if stderr.is_terminal() {
            // Over the line before. Who cannot be told does not mind.
            let _ = write!(stderr, "\r{text:<width$}", width = self.len);
            let _ = stderr.flush();
            self.len = text.len();
        }
    }
}

impl Drop for Progress {
    /// Leaves an empty line to whatever is said next, be it the result or an error.
    fn drop(&mut self) {
        self.say("");
        let mut stderr = std::io::stderr().lock();
        if stderr.is_terminal() {
            let _ = write!(stderr, "\r");
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        media: Media,
    }

    #[test]
    fn the_address_as_a_browser_has_it() {
        let expected: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        for text in ["http://127.0.0.1:8080/", "http://127.0.0.1:8080", "127.0.0.1:8080", "localhost:8080"] {
            assert_eq!(address(text), Ok(expected), "{text}");
        }
        assert!(address("nonsense").is_err());
    }

    #[test]
    fn flags_that_contradict_each_other_are_refused() {
        let parse = |flags: &[&str]| Line::try_parse_from([&["media"], flags].concat());
        assert!(parse(&["--server-pid", "1"]).is_err());
        assert!(parse(&["--addr", "127.0.0.1:1", "--workers", "2"]).is_err());
        assert!(parse(&["--payload", "8"]).is_err());
        let media = parse(&["--addr", "127.0.0.1:1", "--server-pid", "1"]).unwrap().media;
        assert_eq!(media.plan().all(), 50);
    }

    #[tokio::test]
    async fn nobody_comes_when_more_should_talk_than_there_are() {
        let media = Line::try_parse_from(["media", "--people", "2", "--talkers", "3"]).unwrap().media;
        assert!(matches!(run(&media).await, Err(Error::TooManyTalkers { talkers: 3, people: 2 })));
    }

    #[test]
    fn the_limit_on_open_files_is_found() {
        let limits = "Limit    Soft Limit   Hard Limit   Units\nMax open files            1024                 524288               files\n";
        assert_eq!(open_files(limits), Some(1024));
        assert_eq!(open_files("Max open files   unlimited  unlimited files"), None);
        assert_eq!(open_files(""), None);
    }
}
