//! The thread of a worker: sockets, the clock, and the loop that ties them to [`Worker`].
//!
//! The only file that does input and output. It decides nothing: bytes go into the worker, what comes out
//! is sent. One turn is: read what has come (bounded, so that timers are never late), let the worker do
//! what is due, send everything. A packet the network does not take at once waits for a moment (`sender`) and
//! is then dropped and counted, since voice that waits is voice too late. Start at [`Driver::run`].

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Poll, Token, Waker};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::config::{Config, Gso, Pinning, WorkerConfig};
use crate::crossroads::{Crossroads, Taken};
use crate::directory::Directory;
use crate::identity::Identity;
use crate::load::Load;
use crate::mailbox::{Letters, Mailbox, Placed};
use crate::message::{Datagram, Event, MediaPath};
use crate::pinning;
use crate::rest::Rest;
use crate::rim::{Rim, bind_all};
use crate::stats::WorkerStats;
use crate::tcp::{Connections, Reading, accept_all};
use crate::udp::Inbox;
use crate::worker::Worker;

/// Connections accepted in one turn.
const ACCEPT_BUDGET: usize = 32;

/// Read from a TCP connection at a time.
const BUFFER_LEN: usize = 4 * 1024;

/// How often connections that belong to nobody are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// When the caller has not taken his events, when to try again.
const EVENT_RETRY: Duration = Duration::from_millis(20);

/// When another worker could not be told something at once, when to try again.
const CROSSING_RETRY: Duration = Duration::from_millis(1);

const WAKE: Token = Token(0);
const FIRST_SOCKET: usize = 1;

/// A worker's thread, before it runs.
#[derive(Debug)]
pub(crate) struct Driver {
    poll: Poll,
    rims: Vec<Rim>,
    inbox: Inbox,
    pinning: Pinning,
    number: usize,
    connections: Connections,
    /// Connections that had more to read than one turn allows.
    unread: Vec<Token>,
    worker: Worker,
    mailbox: Arc<Mailbox>,
    events: mpsc::Sender<Event>,
    directory: Arc<Directory>,
    /// Whether other workers may have sent more than one turn allows.
    untaken: bool,
    load: Load,
    rest: Rest,
    swept_at: Instant,
    unsent: u64,
}

/// What the rest of the process needs to reach a driver.
#[derive(Debug)]
pub(crate) struct Links {
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) directory: Arc<Directory>,
}

/// Whether the thread goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Next,
    Last,
}

impl Driver {
    /// Binds everything worker `number` needs. Returns the driver, what wakes it, and its port.
    pub(crate) fn bind(
        config: &Config,
        number: usize,
        identity: Identity,
        links: Links,
    ) -> io::Result<(Driver, Waker, u16)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        let (mut rims, port) = bind_all(config, number)?;
        for (index, rim) in rims.iter_mut().enumerate() {
            let (udp, tcp) = tokens(index);
            rim.register(poll.registry(), udp, tcp)?;
        }
        let now = Instant::now();
        let worker = Worker::new(
            now,
            WorkerConfig {
                number,
                slots: config.slots,
                addresses: rims.iter().flat_map(|rim| rim.advertised.iter().copied()).collect(),
                udp: config.udp,
                tcp: config.tcp,
                limits: config.limits.clone(),
                timeouts: config.timeouts.clone(),
                egress: config.egress,
                identity,
            },
        );
        let first_connection = FIRST_SOCKET + 2 * rims.len();
        let driver = Driver {
            poll,
            rims,
            inbox: Inbox::new(),
            pinning: config.pinning,
            number,
            connections: Connections::new(
                first_connection,
                config.limits.clone(),
                config.timeouts.tcp_handshake,
            ),
            unread: Vec::new(),
            worker,
            mailbox: links.mailbox,
            events: links.events,
            directory: links.directory,
            untaken: false,
            load: Load::new(now, config.slots, config.budget),
            rest: Rest::new(now),
            swept_at: now,
            unsent: 0,
        };
        Ok((driver, waker, port))
    }

    /// Runs until it is told to stop.
    pub(crate) fn run(mut self, mut crossroads: Crossroads) {
        // Whatever ends this thread, those who wait for its answers must learn that none will come.
        let _closing = CloseOnDrop(Arc::clone(&self.mailbox));
        if self.pinning == Pinning::On {
            pinning::pin(self.number);
        }
        let mut ready = mio::Events::with_capacity(1_024);
        let mut buffer = vec![0; BUFFER_LEN];
        loop {
            let timeout = self.time_to_wait(Instant::now(), &crossroads);
            if let Some(until) = self.rest.until().filter(|_| !timeout.is_zero()) {
                std::thread::sleep(until.saturating_duration_since(Instant::now()));
            }
            if let Err(error) = self.poll.poll(&mut ready, Some(timeout))
                && error.kind() != ErrorKind::Interrupted
            {
                tracing::error!(%error, "the media thread cannot wait for its sockets and ends");
                return;
            }
            if self.turn(&ready, &mut buffer, &mut crossroads) == Turn::Last {
                return;
            }
        }
    }

    fn turn(&mut self, ready: &mio::Events, buffer: &mut [u8], crossroads: &mut Crossroads) -> Turn {
        let now = Instant::now();
        let mut turn = Turn::Next;
        crossroads.retry();
        let mut to_read = std::mem::take(&mut self.unread);
        for event in ready {
            let token = event.token();
            if token == WAKE {
                if self.mailbox.is_written() {
                    turn = self.read_mailbox(now, crossroads.dropped);
                }
            } else if let Some((rim, is_udp)) = self.rim_of(token) {
                rim.udp_readable |= is_udp;
                rim.tcp_readable |= !is_udp;
            } else {
                if event.is_writable() {
                    self.connections.write(now, token);
                }
                if event.is_readable() {
                    to_read.push(token);
                }
            }
        }
        let worker = &mut self.worker;
        let taken = crossroads.take(|from, crossing| worker.handle_crossing(now, from, crossing));
        self.untaken = taken == Taken::Some;
        self.read_udp(now);
        self.accept(now);
        for token in to_read {
            if self.connections.read(now, token, buffer, &mut self.worker) == Reading::More {
                self.unread.push(token);
            }
        }
        self.worker.handle_timeout(now);
        // First what lets others begin; then our own share, which takes longer.
        self.cross(crossroads);
        self.send_all(now);
        self.cross(crossroads);
        if now.saturating_duration_since(self.swept_at) >= SWEEP_EVERY {
            self.swept_at = now;
            self.connections.sweep(now, &mut self.worker);
            self.rims.iter_mut().for_each(|rim| rim.udp_readable = true);
        }
        self.rest.looked(now, self.worker.take_lively());
        let end = Instant::now();
        if let Some(pressure) = self.load.worked(end, end.saturating_duration_since(now), pinning::cpu_time) {
            // What follows from it for other workers leaves with the next turn, a second later at most.
            self.worker.set_pressure(end, pressure);
            self.directory.set_refusing(self.number, pressure.refuses());
        }
        self.tell();
        turn
    }

    /// Tells other workers what ours has for them.
    fn cross(&mut self, crossroads: &mut Crossroads) {
        while let Some((to, crossing)) = self.worker.poll_crossing() {
            crossroads.send(to, crossing);
        }
        crossroads.wake();
    }

    fn time_to_wait(&mut self, now: Instant, crossroads: &Crossroads) -> Duration {
        let busy = self.untaken || self.rims.iter().any(|rim| rim.udp_readable || rim.tcp_readable);
        if busy || !self.unread.is_empty() {
            return Duration::ZERO;
        }
        let mut wait = SWEEP_EVERY;
        if let Some(deadline) = self.worker.deadline() {
            wait = wait.min(deadline.saturating_duration_since(now));
        }
        if crossroads.keeps() {
            wait = wait.min(CROSSING_RETRY);
        }
        if self.worker.has_events() {
            wait = wait.min(EVENT_RETRY);
        }
        wait
    }

    fn read_mailbox(&mut self, now: Instant, crossings_dropped: u64) -> Turn {
        let Letters { joins, restarts, media, audiences, priorities, rooms, leaves, stats, stop, .. } =
            self.mailbox.take();
        for (Placed { join, home }, reply) in joins {
            let answer = self.worker.join_from(now, &join, home);
            self.worker.set_room(now, join.room, self.directory.settings.of(join.room));
            if answer.is_err() {
                self.directory.forget(join.participant);
                let _ = reply.send(answer);
            } else if reply.send(answer).is_err() {
                // Whoever asked has gone away; nobody knows the answer, so nobody will come.
                self.worker.leave(now, join.participant);
            }
        }
        for (who, offer, reply) in restarts {
            // Whoever asked and has gone away asks again.
            let _ = reply.send(self.worker.restart(now, who, &offer));
        }
        for (who, audience) in audiences {
            self.worker.set_audience(now, who, audience);
        }
        for (who, priority) in priorities {
            self.worker.set_priority(now, who, priority);
        }
        for (who, wish) in media {
            self.worker.set_media(now, who, wish.muted, wish.deafened);
        }
        for room in rooms {
            self.worker.set_room(now, room, self.directory.settings.of(room));
        }
        for who in leaves {
            self.worker.leave(now, who);
        }
        for (room, reply) in stats {
            let mut counters = self.worker.stats();
            counters.tcp_connections = self.connections.len() as u64;
            self.count_sent(&mut counters);
            counters.dropped.crossings = crossings_dropped;
            counters.dropped.tcp_backlog = self.connections.dropped;
            counters.dropped.tcp_refused = self.connections.refused;
            let _ = reply.send((counters, self.worker.stats_of(room)));
        }
        if !stop {
            return Turn::Next;
        }
        self.worker.close(now);
        Turn::Last
    }

    fn read_udp(&mut self, now: Instant) {
        for rim in &mut self.rims {
            let (Some(socket), true, Some(local)) = (&mut rim.udp, rim.udp_readable, rim.advertised.first())
            else {
                continue;
            };
            rim.udp_readable = socket.read(&mut self.inbox, |remote, contents| {
                let datagram = Datagram { path: MediaPath::Udp, remote, local: *local, contents };
                self.worker.handle_datagram(now, datagram);
            });
        }
    }

    fn accept(&mut self, now: Instant) {
        for rim in &mut self.rims {
            let (Some(listener), true, Some(local)) = (&rim.tcp, rim.tcp_readable, rim.advertised.first())
            else {
                continue;
            };
            let (registry, connections) = (self.poll.registry(), &mut self.connections);
            let reading = accept_all(listener, ACCEPT_BUDGET, |stream, remote| {
                connections.accept(now, registry, stream, remote, *local);
            });
            rim.tcp_readable = reading == Reading::More;
        }
    }

    fn send_all(&mut self, now: Instant) {
        for socket in self.rims.iter_mut().filter_map(|rim| rim.udp.as_mut()) {
            socket.catch_up(now);
        }
        while let Some(run) = self.worker.poll_run() {
            if run.path == MediaPath::Tcp {
                run.datagrams().for_each(|frame| self.connections.send(now, run.local, run.remote, frame));
                continue;
            }
            let rim = self.rims.iter_mut().find(|rim| rim.advertised.contains(&run.local));
            match rim.and_then(|rim| rim.udp.as_mut()) {
                Some(socket) => socket.send(now, &run),
                None => self.unsent += run.datagrams().count() as u64,
            }
        }
        for (index, rim) in self.rims.iter_mut().enumerate() {
            if let Some(socket) = &mut rim.udp {
                socket.watch(self.poll.registry(), tokens(index).0);
            }
        }
    }

    fn count_sent(&self, counters: &mut WorkerStats) {
        counters.dropped.unsent = self.unsent;
        for socket in self.rims.iter().filter_map(|rim| rim.udp.as_ref()) {
            let sent = socket.sent();
            counters.send_calls += sent.calls;
            counters.datagrams_in_runs += sent.in_runs;
            counters.gso_sockets += u64::from(socket.gso() == Gso::Auto);
            counters.dropped.unsent += sent.unsent;
            counters.dropped.late += sent.late;
        }
    }

    /// Tells the caller what has happened, as far as he listens; the rest stays with the worker, which
    /// keeps only the newest of it.
    fn tell(&mut self) {
        while self.worker.has_events() {
            let permit = match self.events.try_reserve() {
                Ok(permit) => Some(permit),
                Err(TrySendError::Full(())) => return,
                Err(TrySendError::Closed(())) => None,
            };
            let Some(event) = self.worker.poll_event() else { return };
            if let Event::Left { participant, .. } = &event {
                self.directory.forget(*participant);
            }
            if let Some(permit) = permit {
                permit.send(event);
            }
        }
    }

    fn rim_of(&mut self, token: Token) -> Option<(&mut Rim, bool)> {
        let index = token.0.checked_sub(FIRST_SOCKET)?;
        Some((self.rims.get_mut(index / 2)?, index % 2 == 0))
    }
}

/// The tokens of a rim's UDP socket and TCP listener.
fn tokens(rim: usize) -> (Token, Token) {
    (Token(FIRST_SOCKET + 2 * rim), Token(FIRST_SOCKET + 2 * rim + 1))
}

/// Closes a mailbox when its thread ends, however it ends.
struct CloseOnDrop(Arc<Mailbox>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}
