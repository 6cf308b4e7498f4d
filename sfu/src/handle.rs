//! The handle the rest of the server holds: start, join, leave, mute, events.
//!
//! (Stub: compiles against the final interface; the driver follows.)

use std::io;

use thiserror::Error;
use tokio::sync::mpsc;

use crate::config::{Config, ConfigError};
use crate::id::ParticipantId;
use crate::message::{Event, Join, JoinError};
use crate::stats::Stats;

/// A running SFU. Cheap to clone; all clones speak to the same threads.
#[derive(Clone, Debug)]
pub struct Sfu {}

/// What happens in the rooms, in order.
#[derive(Debug)]
pub struct Events {
    queue: mpsc::Receiver<Event>,
}

/// Why the SFU did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The configuration cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A socket or thread could not be had.
    #[error("{what}: {source}")]
    Io {
        /// What was being tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
}

impl Sfu {
    /// Binds the ports and starts the threads.
    ///
    /// # Errors
    /// When the configuration cannot work or a port is taken.
    pub fn start(config: Config) -> Result<(Sfu, Events), StartError> {
        config.validate()?;
        let (_, queue) = mpsc::channel(1);
        Ok((Sfu {}, Events { queue }))
    }

    /// Lets someone in and returns the SDP answer.
    ///
    /// # Errors
    /// See [`JoinError`].
    pub async fn join(&self, join: Join) -> Result<String, JoinError> {
        let _ = join;
        Err(JoinError::Stopped)
    }

    /// Changes what a participant may send and gets. Never blocks.
    pub fn set_media(&self, participant: ParticipantId, muted: bool, deafened: bool) {
        let _ = (participant, muted, deafened);
    }

    /// Lets someone go. Never blocks.
    pub fn leave(&self, participant: ParticipantId) {
        let _ = participant;
    }

    /// A copy of all counters.
    pub async fn stats(&self) -> Stats {
        Stats::default()
    }

    /// The port of each worker, in order.
    #[must_use]
    pub fn ports(&self) -> Vec<u16> {
        Vec::new()
    }

    /// Closes all media and ends the threads.
    pub fn stop(&self) {}
}

impl Events {
    /// The next event; `None` once the SFU has stopped.
    pub async fn next(&mut self) -> Option<Event> {
        self.queue.recv().await
    }
}
