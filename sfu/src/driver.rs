//! The thread of a worker: sockets, the clock, and the loop that ties them to [`Worker`].
//!
//! The only file that does input and output. It decides nothing: bytes go into the worker, what comes out
//! is sent. One turn is: read what has come (bounded, so that timers are never late), let the worker do
//! what is due, send everything. A packet the network does not take at once is dropped and counted, since
//! voice that waits is voice too late. Start at [`Driver::run`].

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, UdpSocket};
use mio::{Interest, Poll, Token, Waker};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::config::{Address, Config, WorkerConfig};
use crate::crossroads::{Crossroads, Taken};
use crate::directory::Directory;
use crate::identity::Identity;
use crate::load::Load;
use crate::mailbox::{Letters, Mailbox, Placed};
use crate::message::{Datagram, Event, MediaPath, Transmit};
use crate::tcp::{Connections, Reading, accept_all};
use crate::worker::Worker;

/// Datagrams read from one socket before timers and the other sockets have their turn: at most about a
/// millisecond's work.
const READ_BUDGET: usize = 256;

/// Connections accepted in one turn.
const ACCEPT_BUDGET: usize = 32;

/// Room for the largest datagram a media session sends; longer ones are cut, and then fail to decrypt.
const BUFFER_LEN: usize = 4 * 1024;

/// Socket buffers: a quarter of a second of a thousand listeners. The system may grant less.
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;

/// How often connections that belong to nobody are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// When the caller has not taken his events, when to try again.
const EVENT_RETRY: Duration = Duration::from_millis(20);

/// When another worker could not be told something at once, when to try again.
const CROSSING_RETRY: Duration = Duration::from_millis(1);

/// Attempts to find a port that is free on all addresses when the system may choose it.
const PORT_ATTEMPTS: usize = 32;

/// Waiting connections the system keeps for us.
const LISTEN_BACKLOG: i32 = 128;

const WAKE: Token = Token(0);
const FIRST_SOCKET: usize = 1;

/// One address a worker is bound to.
#[derive(Debug)]
pub(crate) struct Rim {
    udp: Option<UdpSocket>,
    tcp: Option<TcpListener>,
    /// The addresses under which others reach it.
    advertised: Vec<SocketAddr>,
    udp_readable: bool,
    tcp_readable: bool,
}

/// A worker's thread, before it runs.
#[derive(Debug)]
pub(crate) struct Driver {
    poll: Poll,
    rims: Vec<Rim>,
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
        let (mut rims, port) = bind_all(config, config.port_of(number))?;
        for (index, rim) in rims.iter_mut().enumerate() {
            let (udp, tcp) = tokens(index);
            if let Some(socket) = &mut rim.udp {
                poll.registry().register(socket, udp, Interest::READABLE)?;
            }
            if let Some(listener) = &mut rim.tcp {
                poll.registry().register(listener, tcp, Interest::READABLE)?;
            }
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
            load: Load::new(now, config.slots),
            swept_at: now,
            unsent: 0,
        };
        Ok((driver, waker, port))
    }

    /// Runs until it is told to stop.
    pub(crate) fn run(mut self, mut crossroads: Crossroads) {
        // Whatever ends this thread, those who wait for its answers must learn that none will come.
        let _closing = CloseOnDrop(Arc::clone(&self.mailbox));
        let mut ready = mio::Events::with_capacity(1_024);
        let mut buffer = vec![0; BUFFER_LEN];
        loop {
            let timeout = self.time_to_wait(Instant::now(), &crossroads);
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
                    self.connections.write(token);
                }
                if event.is_readable() {
                    to_read.push(token);
                }
            }
        }
        let worker = &mut self.worker;
        let taken = crossroads.take(|from, crossing| worker.handle_crossing(now, from, crossing));
        self.untaken = taken == Taken::Some;
        self.read_udp(now, buffer);
        self.accept(now);
        for token in to_read {
            if self.connections.read(now, token, buffer, &mut self.worker) == Reading::More {
                self.unread.push(token);
            }
        }
        self.worker.handle_timeout(now);
        // First what lets others begin; then our own share, which takes longer.
        self.cross(crossroads);
        self.send_all();
        self.cross(crossroads);
        if now.saturating_duration_since(self.swept_at) >= SWEEP_EVERY {
            self.swept_at = now;
            self.connections.sweep(now, &mut self.worker);
        }
        let end = Instant::now();
        if let Some(pressure) = self.load.worked(end, end.saturating_duration_since(now)) {
            // What follows from it for other workers leaves with the next turn, a second later at most.
            self.worker.set_pressure(end, pressure);
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
        let Letters { joins, media, leaves, stats, stop, .. } = self.mailbox.take();
        for (Placed { join, home }, reply) in joins {
            let answer = self.worker.join_from(now, &join, home);
            if answer.is_err() {
                self.directory.forget(join.participant);
                let _ = reply.send(answer);
            } else if reply.send(answer).is_err() {
                // Whoever asked has gone away; nobody knows the answer, so nobody will come.
                self.worker.leave(now, join.participant);
            }
        }
        for (who, wish) in media {
            self.worker.set_media(now, who, wish.muted, wish.deafened);
        }
        for who in leaves {
            self.worker.leave(now, who);
        }
        for reply in stats {
            let mut counters = self.worker.stats();
            counters.tcp_connections = self.connections.len() as u64;
            counters.dropped.unsent = self.unsent;
            counters.dropped.crossings = crossings_dropped;
            counters.dropped.tcp_backlog = self.connections.dropped;
            counters.dropped.tcp_refused = self.connections.refused;
            let _ = reply.send((counters, self.worker.participant_stats()));
        }
        if !stop {
            return Turn::Next;
        }
        self.worker.close(now);
        Turn::Last
    }

    fn read_udp(&mut self, now: Instant, buffer: &mut [u8]) {
        for rim in &mut self.rims {
            let (Some(socket), true, Some(local)) = (&rim.udp, rim.udp_readable, rim.advertised.first())
            else {
                continue;
            };
            for _ in 0..READ_BUDGET {
                match socket.recv_from(buffer) {
                    Ok((len, remote)) => {
                        let contents = buffer.get(..len).unwrap_or_default();
                        let datagram = Datagram { path: MediaPath::Udp, remote, local: *local, contents };
                        self.worker.handle_datagram(now, datagram);
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        rim.udp_readable = false;
                        break;
                    }
                    // News about an earlier datagram of ours (nobody listens there). Not ours to act on.
                    Err(_) => {}
                }
            }
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

    fn send_all(&mut self) {
        while let Some(transmit) = self.worker.poll_transmit() {
            let Transmit { path, local, remote, contents } = transmit;
            if path == MediaPath::Tcp {
                self.connections.send(local, remote, contents);
                continue;
            }
            let rim = self.rims.iter().find(|rim| rim.advertised.contains(&local));
            let sent = rim.and_then(|rim| rim.udp.as_ref()).map(|socket| socket.send_to(contents, remote));
            if !matches!(sent, Some(Ok(_))) {
                self.unsent += 1;
            }
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

/// Binds every address on the same port number. Zero: one that is free on all of them.
fn bind_all(config: &Config, port: u16) -> io::Result<(Vec<Rim>, u16)> {
    let mut attempts = if port == 0 { PORT_ATTEMPTS } else { 1 };
    loop {
        attempts -= 1;
        match try_bind_all(config, port) {
            Err(error) if attempts > 0 && error.kind() == ErrorKind::AddrInUse => {}
            result => return result,
        }
    }
}

fn try_bind_all(config: &Config, wanted: u16) -> io::Result<(Vec<Rim>, u16)> {
    let mut port = wanted;
    let mut rims: Vec<(IpAddr, Rim)> = Vec::new();
    for Address { bind, advertise } in &config.addresses {
        // Behind address translation one local address may have several names.
        if let Some((_, rim)) = rims.iter_mut().find(|(address, _)| address == bind) {
            rim.advertised.push((*advertise, port).into());
            continue;
        }
        let mut udp = None;
        if config.udp {
            let socket = bind_udp((*bind, port).into())?;
            port = socket.local_addr()?.port();
            udp = Some(socket);
        }
        let mut tcp = None;
        if config.tcp {
            let listener = bind_tcp((*bind, port).into())?;
            port = listener.local_addr()?.port();
            tcp = Some(listener);
        }
        let advertised = vec![(*advertise, port).into()];
        rims.push((*bind, Rim { udp, tcp, advertised, udp_readable: true, tcp_readable: true }));
    }
    Ok((rims.into_iter().map(|(_, rim)| rim).collect(), port))
}

fn bind_udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    prepare(&socket, address)?;
    // The default holds a few hundred packets, one busy moment; less than asked for still works.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
    socket.bind(&address.into())?;
    Ok(UdpSocket::from_std(socket.into()))
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    prepare(&socket, address)?;
    // A restarted server must not wait until the connections of the former one have timed out.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(LISTEN_BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

fn prepare(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    if address.is_ipv6() {
        // Otherwise `::` would also take the IPv4 port, which may be bound on its own.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)
}
