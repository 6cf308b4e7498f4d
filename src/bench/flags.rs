//! What `bench media` is told: every flag, its default and the reason.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::ArgPredicate;
use clap::{Args, ValueEnum};

use super::Error;
use super::plan::Plan;
use super::seat::Microphone;
use super::sink;
use super::words::{PAYLOAD_MAX, PAYLOAD_MIN};

/// Seconds over which people come when nobody says otherwise.
const OVER: u16 = 10;

/// What to measure.
#[derive(Clone, Debug, Args)]
pub struct Media {
    /// Rooms, each a voice channel. The server started here gets as many; that of `--addr` must have them
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub rooms: u16,

    /// People in each room. A room takes 1,000; each person is two sockets here and two there
    #[arg(long, value_name = "N", default_value = "50", value_parser = clap::value_parser!(u16).range(2..=1_000))]
    pub people: u16,

    /// How many of them talk, without a pause, 50 packets a second each. The others send nothing, as browsers do that
    /// have nothing to say. More than the server has slots are heard in turns only. With 0 the cost of being there is
    /// measured
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(0..=1_000))]
    pub talkers: u16,

    /// Those who do not talk send what a silent microphone sends: 50 small packets a second, each with its level of
    /// -90 dB. By default they send nothing
    #[arg(long)]
    pub open_microphones: bool,

    /// Seconds that are measured, after one second of warming up. The floor takes as long again. Ten even out what
    /// else the machine does
    #[arg(long, value_name = "SECONDS", default_value = "10", default_value_if("sink", ArgPredicate::IsPresent, "4"),
          value_parser = clap::value_parser!(u16).range(1..=3_600))]
    pub seconds: u16,

    /// Bytes of Opus in a packet. 100 in 20 ms are 40 kbit/s, good speech
    #[arg(long, value_name = "BYTES", default_value = "100",
          value_parser = clap::value_parser!(u16).range(i64::from(PAYLOAD_MIN)..=i64::from(PAYLOAD_MAX)))]
    pub payload: u16,

    /// Threads of the server started here that forward voice. By default 0: one per core, as operators run it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=256))]
    pub workers: Option<u16>,

    /// Voices that one hears at once from the server started here. By default 8, as a server has when nobody says
    /// otherwise
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16))]
    pub slots: Option<u8>,

    /// People who come in at the same time. Four keep the server busy; with more the time of a join is that of the
    /// queue before it
    #[arg(long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub joins_at_once: u16,

    /// People who come in while it is measured, evenly over the time that `--over` says, and stay; they are signed in
    /// before. The time of a join is then theirs, and the loss that of those who were there. By default nobody comes
    #[arg(long, value_name = "N", default_value = "0", value_parser = clap::value_parser!(u16).range(0..=10_000))]
    pub join_storm: u16,

    /// Seconds over which they come. By default 10, and never longer than the measured time
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=3_600))]
    pub over: Option<u16>,

    /// Measure so often, each time with a server of its own, and tell the medians too. One run tells little on a
    /// machine that does other things as well
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=99))]
    pub runs: u16,
    /// Whether the server started here, and the floor, may send several packets to a listener in one call. By default
    /// as the server does by itself
    #[arg(long, value_enum, default_value = "auto")]
    pub gso: Gso,

    /// All talkers of a room send at the same moment, which is what makes several packets to a listener go out
    /// together. By default each sends at a moment of his own, as people do
    #[arg(long)]
    pub together: bool,

    /// Send what listeners would hear into a device that drops it, in a network of its own, instead of to them:
    /// loopback charges the receiver's work to the sender. Needs root, unshare and ip. Delivery is then counted by
    /// the device, and at most 4 seconds are measured: by then listeners count as silent
    #[arg(long)]
    pub sink: bool,

    /// In the network of one's own.
    #[arg(long, hide = true)]
    pub inside_sink: bool,

    /// Insist on bringing only the people: without `--addr` nothing is done. For scripts, whose address may be empty
    #[arg(long)]
    pub peer_only: bool,

    /// Measure the server that runs at this page and start none, as http://192.0.2.7:8080. It must take registrations (`--registration open`), have no
    /// public URL and no limit on tries (`--password-tries-per-minute 0`); the accounts made stay in it. No default:
    /// which server gets them is for you to say
    #[arg(long, value_name = "URL", value_parser = address)]
    pub addr: Option<SocketAddr>,

    /// Process of that server, if it is on this machine. By default unknown, and then so are its CPU time, its memory
    /// and the floor to compare them with
    #[arg(long, value_name = "PID")]
    pub server_pid: Option<u32>,

    /// Binary to start as the server. By default this one; another one is for comparing two builds
    #[arg(long, value_name = "FILE")]
    pub server_binary: Option<PathBuf>,

    /// Print one JSON object. By default a table and a histogram, for people
    #[arg(long)]
    pub json: bool,
}

/// Several packets in one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Gso {
    /// Where it works.
    Auto,
    /// Never.
    Off,
}

impl Media {
    /// Who comes and does what.
    pub(super) fn plan(&self) -> Plan {
        Plan {
            rooms: self.rooms,
            people: self.people,
            talkers: self.talkers,
            others: if self.open_microphones { Microphone::Open } else { Microphone::Quiet },
            payload: self.payload,
            joins_at_once: self.joins_at_once,
            late: self.join_storm,
            over: Duration::from_secs(self.over.unwrap_or(OVER).min(self.seconds).into()),
            together: self.together,
            sink: self.sink,
        }
    }

    /// Says no to flags that contradict each other, before anything is started.
    pub(super) fn check(&self) -> Result<(), Error> {
        let elsewhere = self.addr.is_some();
        let wrong = if self.peer_only && !elsewhere {
            Some("--peer-only needs --addr, the page of the server to measure")
        } else if elsewhere && self.workers.is_some() {
            Some("--workers is for a server started here, and with --addr none is")
        } else if elsewhere && self.slots.is_some() {
            Some("--slots is for a server started here, and with --addr none is")
        } else if elsewhere && self.server_binary.is_some() {
            Some("--server-binary is for a server started here, and with --addr none is")
        } else if !elsewhere && self.server_pid.is_some() {
            Some("--server-pid is for a server that runs already: say --addr too")
        } else if self.over.is_some() && self.join_storm == 0 {
            Some("--over is the time of --join-storm, and nobody comes")
        } else if self.over.is_some_and(|over| over > self.seconds) {
            Some("--over is longer than --seconds: some would come when all is over")
        } else if elsewhere && self.sink {
            Some("--sink needs a network of its own, in which the server of --addr is not")
        } else if elsewhere && self.gso == Gso::Off {
            Some("--gso is for a server started here, and with --addr none is")
        } else if self.sink && (self.join_storm > 0 || self.open_microphones) {
            Some("--sink is for those who only listen from the beginning, without a word of their own")
        } else if self.sink && self.seconds > sink::SECONDS_MAX {
            Some(
                "with --sink at most 4 seconds can be measured: after that the server notices that listeners are gone",
            )
        } else {
            None
        };
        if let Some(wrong) = wrong {
            return Err(Error::Contradiction(wrong));
        }
        if self.talkers > self.people {
            return Err(Error::TooManyTalkers { talkers: self.talkers, people: self.people });
        }
        Ok(())
    }
}

/// An address as a browser has it, or without `http://`. IPv4 first, since that is what servers here listen on.
fn address(text: &str) -> Result<SocketAddr, String> {
    let rest = text.strip_prefix("http://").unwrap_or(text);
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let all: Vec<SocketAddr> = rest.to_socket_addrs().map_err(|error| error.to_string())?.collect();
    let first = all.iter().find(|address| address.is_ipv4()).or(all.first());
    first.copied().ok_or_else(|| "no address of that name".to_owned())
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

    fn checked(flags: &str) -> Result<(), String> {
        let line = Line::try_parse_from(["media"].into_iter().chain(flags.split_whitespace())).unwrap();
        line.media.check().map_err(|error| error.to_string())
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
    fn flags_that_contradict_each_other_are_one_sentence() {
        let there = "--peer-only --addr http://127.0.0.1:1";
        for fine in [
            "",
            "--workers 2 --server-binary x",
            "--talkers 0 --open-microphones",
            "--join-storm 5 --over 3 --seconds 3",
            "--sink",
            "--sink --seconds 3 --gso off --together",
            "--addr 127.0.0.1:1",
            there,
            &format!("{there} --server-pid 1"),
        ] {
            assert_eq!(checked(fine), Ok(()), "{fine}");
        }
        for (flags, named) in [
            ("--peer-only".to_owned(), "--addr"),
            ("--server-pid 1".to_owned(), "--addr"),
            (format!("{there} --workers 0"), "--workers"),
            ("--over 3".to_owned(), "--join-storm"),
            ("--join-storm 5 --over 3 --seconds 2".to_owned(), "--seconds"),
            (format!("{there} --server-binary x"), "--server-binary"),
            (format!("{there} --slots 3"), "--slots"),
            (format!("{there} --gso off"), "--gso"),
            (format!("{there} --sink"), "--sink"),
            ("--sink --seconds 5".to_owned(), "4 seconds"),
            ("--sink --open-microphones".to_owned(), "listen"),
        ] {
            let error = checked(&flags).unwrap_err();
            assert!(error.contains(named) && !error.contains('\n'), "{flags}: {error}");
        }
    }

    #[test]
    fn nobody_comes_when_more_should_talk_than_there_are() {
        assert_eq!(checked("--people 2 --talkers 3").unwrap_err(), "in rooms of 2 people 3 cannot talk");
    }

    #[test]
    fn a_payload_holds_at_least_the_time() {
        assert!(Line::try_parse_from(["media", "--payload", "8"]).is_err());
    }
}
