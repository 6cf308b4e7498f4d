//! The handle the rest of the server holds: start, join, mute, leave, events, stop.
//!
//! Knows which worker has whom, and speaks to the workers' threads through their mailboxes; nothing
//! here waits for a packet or a socket. Start at [`Sfu::start`].

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use mio::Waker;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use crate::audience::Audience;
use crate::config::{Config, ConfigError};
use crate::crossroads::Crossroads;
use crate::directory::{Directory, Place};
use crate::driver::{Driver, Links};
use crate::id::{ParticipantId, RoomId};
use crate::identity::{CertificateError, Identity};
use crate::mailbox::{Mailbox, Placed, Wish};
use crate::message::{Event, Join, JoinError, RestartError};
use crate::settings::RoomSettings;
use crate::stats::Stats;
use crate::unread;

/// A running SFU. Cheap to clone; all clones speak to the same threads, which end with the last clone or
/// at [`Sfu::stop`].
#[derive(Clone, Debug)]
pub struct Sfu {
    shared: Arc<Shared>,
}

/// What happens in the rooms.
///
/// If the caller does not keep up nothing is lost that matters: of what describes a state (speakers,
/// slots, a connection that comes and goes) he gets the newest, and every [`Event::Left`] is kept.
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
    /// No certificate could be made.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The system has no randomness to give.
    #[error("the system gives no randomness: {0}")]
    Randomness(getrandom::Error),
    /// A port could not be bound.
    #[error("media port {port} (worker {worker}) cannot be used: {source}")]
    Bind {
        /// Which worker wanted it.
        worker: usize,
        /// The port; zero if the system was to choose.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// A thread could not be started.
    #[error("a media thread cannot be started: {0}")]
    Thread(io::Error),
}

#[derive(Debug)]
struct Shared {
    workers: Vec<Remote>,
    directory: Arc<Directory>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// A worker's thread, seen from outside.
#[derive(Debug)]
struct Remote {
    mailbox: Arc<Mailbox>,
    waker: Arc<Waker>,
    port: u16,
}

impl Sfu {
    /// Binds the ports and starts the threads.
    ///
    /// # Errors
    /// When the configuration cannot work or a port is taken; nothing is left behind then.
    pub fn start(config: Config) -> Result<(Sfu, Events), StartError> {
        config.validate()?;
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(StartError::Randomness)?;
        let identity = Identity::generate(secret)?;
        let directory = Arc::new(Directory::new(config.workers.get(), &config.limits));
        let (events, queue) = mpsc::channel(config.limits.events_queued.max(1));
        let mut workers = Vec::new();
        let mut drivers = Vec::new();
        for number in 0..config.workers.get() {
            let mailbox = Arc::new(Mailbox::new(config.limits.commands_queued));
            let links = Links {
                mailbox: Arc::clone(&mailbox),
                events: events.clone(),
                directory: Arc::clone(&directory),
            };
            let (driver, waker, port) =
                Driver::bind(&config, number, identity.clone(), links).map_err(|source| {
                    StartError::Bind { worker: number, port: config.port_of(number), source }
                })?;
            workers.push(Remote { mailbox, waker: Arc::new(waker), port });
            drivers.push(driver);
        }
        let wakers: Vec<Arc<Waker>> = workers.iter().map(|remote| Arc::clone(&remote.waker)).collect();
        let crossroads = Crossroads::between(&wakers);
        let shared = Arc::new(Shared { workers, directory, threads: Mutex::default() });
        for (number, (driver, crossroads)) in drivers.into_iter().zip(crossroads).enumerate() {
            let name = format!("sfu-{number}");
            // On failure `shared` is dropped, which stops those already running.
            let run = move || driver.run(crossroads);
            let thread = thread::Builder::new().name(name).spawn(run).map_err(StartError::Thread)?;
            shared.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        Ok((Sfu { shared }, Events { queue }))
    }

    /// Lets someone in and returns the SDP answer.
    ///
    /// If the returned future is dropped before it is ready the participant is let go again.
    ///
    /// # Errors
    /// See [`JoinError`].
    pub async fn join(&self, join: Join) -> Result<String, JoinError> {
        let who = join.participant;
        let Place { worker, home } = self.shared.directory.admit(join.room, who)?;
        let (reply, answer) = oneshot::channel();
        let remote = self.shared.workers.get(worker).ok_or(JoinError::Stopped)?;
        if let Err(refusal) = remote.mailbox.join(Placed { join, home }, reply) {
            self.shared.directory.forget(who);
            return Err(refusal);
        }
        remote.wake();
        answer.await.unwrap_or_else(|_| {
            self.shared.directory.forget(who);
            Err(JoinError::Stopped)
        })
    }

    /// Begins ICE again for a participant whose path is gone, and returns the SDP answer. Media goes on meanwhile, and
    /// follows him to the new path.
    ///
    /// # Errors
    /// See [`RestartError`]; then everything is as it was.
    pub async fn restart(&self, participant: ParticipantId, offer: String) -> Result<String, RestartError> {
        let remote = self.remote_of(participant).ok_or(RestartError::NotHere)?;
        let (reply, answer) = oneshot::channel();
        remote.mailbox.restart((participant, offer, reply))?;
        remote.wake();
        answer.await.unwrap_or(Err(RestartError::Stopped))
    }

    /// Changes what a participant may send and gets. Never blocks; holds within a turn of his worker.
    pub fn set_media(&self, participant: ParticipantId, muted: bool, deafened: bool) {
        if let Some(remote) = self.remote_of(participant) {
            remote.mailbox.set_media(participant, Wish { muted, deafened });
            remote.wake();
        }
    }

    /// Says to whom a participant speaks from now on. Never blocks; holds within a turn of his worker.
    pub fn set_audience(&self, participant: ParticipantId, audience: Audience) {
        if let Some(remote) = self.remote_of(participant) {
            remote.mailbox.set_audience(participant, audience);
            remote.wake();
        }
    }

    /// Lets a participant go before others, or not any more. Never blocks; holds within a turn of his worker.
    pub fn set_priority(&self, participant: ParticipantId, priority: bool) {
        if let Some(remote) = self.remote_of(participant) {
            remote.mailbox.set_priority(participant, priority);
            remote.wake();
        }
    }

    /// Says what is wanted of a room, whether anyone is in it or not. Never blocks; holds within a turn of
    /// its worker, and for the room's next beginnings too.
    pub fn set_room(&self, room: RoomId, settings: RoomSettings) {
        self.shared.directory.settings.set(room, settings);
        // Whoever has nobody of it does nothing about it.
        for remote in &self.shared.workers {
            remote.mailbox.look_up_room(room);
            remote.wake();
        }
    }

    /// Lets someone go. Never blocks. [`Event::Left`] follows.
    pub fn leave(&self, participant: ParticipantId) {
        if let Some(remote) = self.remote_of(participant) {
            remote.mailbox.leave(participant);
            remote.wake();
        }
    }

    /// A copy of all counters. A worker whose thread has ended counts nothing.
    pub async fn stats(&self) -> Stats {
        self.stats_of(None).await
    }

    /// The same, with the participants of one room only.
    pub async fn room_stats(&self, room: RoomId) -> Stats {
        self.stats_of(Some(room)).await
    }

    async fn stats_of(&self, room: Option<RoomId>) -> Stats {
        let mut asked = Vec::with_capacity(self.shared.workers.len());
        for remote in &self.shared.workers {
            let (reply, answer) = oneshot::channel();
            remote.mailbox.stats(room, reply);
            remote.wake();
            asked.push(answer);
        }
        let mut stats = Stats::default();
        let unread = unread::by_port();
        for (answer, remote) in asked.into_iter().zip(&self.shared.workers) {
            let (mut worker, participants) = answer.await.unwrap_or_default();
            worker.dropped.unread = unread.get(&remote.port).copied().unwrap_or(0);
            stats.workers.push(worker);
            stats.participants.extend(participants);
        }
        stats
    }

    /// The port of each worker, in order; UDP and TCP share it.
    #[must_use]
    pub fn ports(&self) -> Vec<u16> {
        self.shared.workers.iter().map(|remote| remote.port).collect()
    }

    /// Says goodbye to everyone and ends the threads. Takes a few milliseconds; after it every join is
    /// refused and [`Events::next`] comes to its end.
    pub fn stop(&self) {
        self.shared.stop();
    }

    fn remote_of(&self, participant: ParticipantId) -> Option<&Remote> {
        self.shared.workers.get(self.shared.directory.worker_of(participant)?)
    }
}

impl Events {
    /// The next event; `None` once the SFU has stopped.
    pub async fn next(&mut self) -> Option<Event> {
        self.queue.recv().await
    }
}

impl Remote {
    fn wake(&self) {
        // Fails only if the thread and its poll are gone; then nobody is there to be woken.
        let _ = self.waker.wake();
    }
}

impl Shared {
    fn stop(&self) {
        for remote in &self.workers {
            remote.mailbox.stop();
            remote.wake();
        }
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A thread that panicked has ended, which is all that is asked for.
            let _ = thread.join();
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop();
    }
}
