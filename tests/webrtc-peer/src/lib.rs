//! An independent WebRTC client that keeps the server honest.
//!
//! The server's SFU and the client that simulates people for it stand on the same library; a mistake both
//! make alike would never show. This one stands on another (`webrtc` with its own ICE, DTLS and SRTP), shares
//! no line with the server, and says its words as JSON written by hand: what it understands, a stranger
//! understands. It must never depend on a crate of the house.
//!
//! [`Server`] is a real server process, [`Person`] somebody signed in to it, [`Call`] their voice. The story
//! they tell is in `tests/talk.rs`. The tree behind this crate is large, so ordinary builds leave it out:
//!
//! ```text
//! cargo build && cargo test -p webrtc-peer
//! ```

mod answer;
mod call;
mod http;
mod person;
mod server;

use std::time::{Duration, Instant};

pub use call::{Call, Heard, PACKET_SAMPLES, Talking};
pub use person::Person;
pub use server::Server;

/// How long anything is waited for. Far beyond what a slow machine needs; only a failure takes this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a condition is looked at: half a packet's time.
const GLANCE: Duration = Duration::from_millis(10);

/// Why the client could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no server to start.
    #[error("{0} is missing: build it first (cargo build), or name it in CROMULENT_BIN")]
    NoBinary(String),
    /// The server process did not come up.
    #[error("the server did not start: {0}")]
    NotStarted(String),
    /// A connection could not be made or broke.
    #[error("{0}")]
    Connection(String),
    /// The server said no.
    #[error("refused: {0}")]
    Refused(String),
    /// The server said something that is not in the protocol.
    #[error("not understood: {0}")]
    Protocol(String),
    /// The WebRTC library failed.
    #[error("webrtc: {0}")]
    WebRtc(#[from] webrtc::error::Error),
    /// Something did not happen, however long it was waited for.
    #[error("it never came to this: {0}")]
    Never(String),
}

/// Waits until something is so, and says what never was.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Result<(), Error> {
    let last = Instant::now() + PATIENCE;
    while !is_so() {
        if Instant::now() > last {
            return Err(Error::Never(what.to_owned()));
        }
        tokio::time::sleep(GLANCE).await;
    }
    Ok(())
}
