//! Measuring this machine: `cromulent bench media` and `cromulent bench chat`.
//!
//! Sees the server from outside only: HTTP, the WebSocket and UDP, as any client does. It must never call what
//! it measures.
//!
//! [`media`] is the order of things and [`flags`] what it is told; [`server`] the process that is measured, with as many
//! [`rooms`] as it takes, [`cpu`]
//! and [`memory`] what it costs, and [`floor`] what sealing and sending alone would; [`sink`] is where packets go when
//! nobody is to hear them; [`people`] those who come as [`plan`] says, each a [`client`] and a [`voice`], which once
//! connected takes a [`seat`] in a [`booth`]: there [`words`] are said and come out of an [`inbox`]. [`report`] is what
//! comes out, [`runs`] what comes out of several, and [`table`] how people read it. [`chat`] is all of the other command.

pub mod booth;
pub mod chat;
pub mod client;
pub mod cpu;
pub mod flags;
pub mod floor;
pub mod histogram;
pub mod inbox;
pub mod media;
pub mod memory;
pub mod people;
pub mod plan;
mod progress;
pub mod report;
pub mod rooms;
pub mod runs;
pub mod seat;
pub mod server;
pub mod sink;
pub mod table;
pub mod voice;
pub mod words;

use clap::Subcommand;
use tokio::signal::unix::{SignalKind, signal};

/// What can be measured.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// What forwarding voice costs, and how long people wait for it
    ///
    /// Starts a server of its own on loopback, brings people into its rooms over HTTP, WebSocket and WebRTC, lets
    /// some of them talk, and counts what the others hear. Then sends them as many datagrams, sealed and nothing else:
    /// the floor, which is what this machine takes for the same send call without a server round it. A debug build
    /// shows that everything works; figures are worth telling from a release build alone.
    Media(Box<flags::Media>),
    /// What writing costs, and what it costs to tell everybody
    ///
    /// Starts a server of its own on loopback with a database in a temporary folder, and measures three things: the
    /// memory of a socket that only listens, the CPU time of one event to all of them, and how many posts a second are
    /// on disk and answered while many people post at once.
    Chat(chat::Chat),
}

/// Why a measurement did not come about.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server to measure did not start.
    #[error("the server did not start: {0}")]
    NoServer(String),
    /// The server's CPU time cannot be read: it ended, or it is not on this machine.
    #[error("the CPU time of process {pid} cannot be read: {source}")]
    NoCpuTime {
        /// Which.
        pid: u32,
        /// Why.
        source: std::io::Error,
    },
    /// Two flags that do not go together, or one without the other it needs.
    #[error("{0}")]
    Contradiction(&'static str),
    /// There is no network of one's own to be had.
    #[error("--sink needs root, and the commands unshare and ip: {0}")]
    NoSink(String),
    /// The machine was too busy to carry one packet in a second.
    #[error("nobody heard anything before the listeners were cut off; the machine does too much else")]
    Unheard,
    /// The floor could not be measured.
    #[error("the floor cannot be measured: {0}")]
    NoFloor(std::io::Error),
    /// More rooms than voice channels.
    #[error("{asked} rooms need {asked} voice channels, and the server has {there}; an admin can make more")]
    TooFewRooms {
        /// As many as were asked for.
        asked: u16,
        /// As many as there are.
        there: usize,
    },
    /// More talkers than people.
    #[error("in rooms of {people} people {talkers} cannot talk")]
    TooManyTalkers {
        /// As many as should talk.
        talkers: u16,
        /// As many as there are in a room.
        people: u16,
    },
    /// More people than this process may have sockets for.
    #[error(
        "{needed} open files are needed and {allowed} are allowed; raise the limit with `ulimit -Hn {needed}` as root"
    )]
    TooFewFiles {
        /// As many as are needed.
        needed: usize,
        /// As many as there may be.
        allowed: usize,
    },
    /// Somebody could not sign in, or lost the WebSocket on the way in.
    #[error("somebody could not come in: {0}")]
    Client(#[from] client::Error),
    /// Somebody's voice session failed.
    #[error("somebody's voice failed: {0}")]
    Voice(#[from] sfu_peer::PeerError),
    /// Somebody joined, but sound never could travel.
    #[error("somebody's voice was never connected")]
    NotConnected,
    /// Server and people agreed on a cipher that is not opened here.
    #[error("the server took a cipher other than AES-GCM, and no other one is measured")]
    Cipher,
    /// A socket of this machine failed.
    #[error("no socket: {0}")]
    Socket(std::io::Error),
    /// Somebody's task ended in the middle.
    #[error("somebody vanished: this is a fault of the measurement")]
    Broken,
    /// A signal came.
    #[error("interrupted")]
    Interrupted,
    /// The result could not be printed.
    #[error("the result cannot be printed: {0}")]
    Unprintable(#[from] serde_json::Error),
}

/// Measures, and prints what came out.
// The result is what the command is for; everything else it says goes to standard error.
#[allow(clippy::print_stdout)]
pub async fn run(bench: Bench) -> Result<(), Error> {
    match bench {
        Bench::Chat(chat) => {
            let report = tokio::select! {
                report = chat::run(&chat) => report?,
                () = interrupted() => return Err(Error::Interrupted),
            };
            match chat.json {
                true => println!("{}", serde_json::to_string(&report)?),
                false => print!("{report}"),
            }
            Ok(())
        }
        Bench::Media(media) => {
            // Dropping the measurement ends the server it started.
            let report = tokio::select! {
                report = media::run(&media) => report?,
                () = interrupted() => return Err(Error::Interrupted),
            };
            match media.json {
                true => println!("{}", serde_json::to_string(&report)?),
                false => print!("{report}"),
            }
            Ok(())
        }
    }
}

/// Comes back when somebody wants the program to end.
async fn interrupted() {
    let (terminate, interrupt) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    // Where signals cannot be had, they end the program by themselves.
    let (Ok(mut terminate), Ok(mut interrupt)) = (terminate, interrupt) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
