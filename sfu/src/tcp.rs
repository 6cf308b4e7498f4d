//! Media over TCP: frames (RFC 4571) and the connections that carry them.
//!
//! For networks that let no UDP through. Anyone may connect, so everything is bounded: how many
//! connections, how many from one address, how long one may stay without having proven whose it is, and
//! how much may wait to be written, and how long. A connection that sends what is no frame is closed. Knows the worker
//! only as the place where frames go. Start at [`Connections::read`].

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::backlog::Backlog;
use crate::config::Limits;
use crate::message::{Datagram, MediaPath};
use crate::worker::Worker;

/// The longest frame taken. Nothing that a media session sends is longer than a datagram.
const FRAME_MAX: usize = 1_600;

/// Bytes read from one connection before the others have their turn.
const READ_BUDGET: usize = 16 * 1024;

/// The length in front of each frame (RFC 4571 section 2).
const LENGTH: usize = 2;

/// The connections of one worker.
#[derive(Debug)]
pub(crate) struct Connections {
    open: HashMap<Token, Connection>,
    by_address: HashMap<(SocketAddr, SocketAddr), Token>,
    per_peer: HashMap<IpAddr, usize>,
    next_token: usize,
    limits: Limits,
    handshake: Duration,
    /// Frames a slow connection did not take.
    pub(crate) dropped: u64,
    /// Connections refused or closed for misbehaving.
    pub(crate) refused: u64,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    remote: SocketAddr,
    /// Our address as written into answers.
    local: SocketAddr,
    opened_at: Instant,
    /// Whether it has begun as every media connection does, with a binding request.
    begun: bool,
    frames: Frames,
    /// The rest of a frame of which the stream has taken a part: without it the stream would be lost.
    begun_frame: Vec<u8>,
    backlog: Backlog<()>,
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Closed,
    Misbehaved,
}

/// Whether a connection has more to read than it was allowed to this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Done,
    More,
}

impl Connections {
    /// `first_token` and those after it are ours.
    pub(crate) fn new(first_token: usize, limits: Limits, handshake: Duration) -> Connections {
        Connections {
            open: HashMap::new(),
            by_address: HashMap::new(),
            per_peer: HashMap::new(),
            next_token: first_token,
            limits,
            handshake,
            dropped: 0,
            refused: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// Takes a connection in, or closes it when there are too many.
    pub(crate) fn accept(
        &mut self,
        now: Instant,
        registry: &Registry,
        mut stream: TcpStream,
        remote: SocketAddr,
        local: SocketAddr,
    ) {
        let from_peer = self.per_peer.get(&remote.ip()).copied().unwrap_or(0);
        let full = self.open.len() >= self.limits.tcp_connections_per_worker
            || from_peer >= self.limits.tcp_connections_per_address
            || self.by_address.contains_key(&(remote, local));
        let token = Token(self.next_token);
        let registered =
            !full && registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE).is_ok();
        if !registered {
            self.refused += 1;
            return;
        }
        self.next_token += 1;
        // Voice is late when it waits for more to send along.
        let _ = stream.set_nodelay(true);
        *self.per_peer.entry(remote.ip()).or_default() += 1;
        self.by_address.insert((remote, local), token);
        let connection = Connection {
            stream,
            remote,
            local,
            opened_at: now,
            begun: false,
            frames: Frames::default(),
            begun_frame: Vec::new(),
            backlog: Backlog::new(self.limits.tcp_backlog_bytes),
        };
        self.open.insert(token, connection);
    }

    /// Gives what a connection has brought to the worker.
    pub(crate) fn read(
        &mut self,
        now: Instant,
        token: Token,
        buffer: &mut [u8],
        worker: &mut Worker,
    ) -> Reading {
        let Some(connection) = self.open.get_mut(&token) else { return Reading::Done };
        match connection.read(now, buffer, worker) {
            Ok(reading) => reading,
            Err(end) => {
                self.close(now, token, end, worker);
                Reading::Done
            }
        }
    }

    /// Sends a frame, as far as the connection takes it; the rest waits for a moment.
    pub(crate) fn send(&mut self, now: Instant, local: SocketAddr, remote: SocketAddr, contents: &[u8]) {
        let token = self.by_address.get(&(remote, local));
        let Some(connection) = token.and_then(|token| self.open.get_mut(token)) else {
            self.dropped += 1;
            return;
        };
        self.dropped += connection.send(now, contents);
    }

    /// The connection can take more.
    pub(crate) fn write(&mut self, now: Instant, token: Token) {
        if let Some(connection) = self.open.get_mut(&token) {
            self.dropped += connection.flush(now);
        }
    }

    /// Closes connections that belong to nobody: those that never proved whose they are, and those whose
    /// participant has left.
    pub(crate) fn sweep(&mut self, now: Instant, worker: &mut Worker) {
        let overdue = |connection: &Connection| {
            now.saturating_duration_since(connection.opened_at) >= self.handshake
                && !worker.knows(MediaPath::Tcp, connection.remote)
        };
        let strays: Vec<Token> =
            self.open.iter().filter(|(_, connection)| overdue(connection)).map(|(token, _)| *token).collect();
        for token in strays {
            self.close(now, token, End::Misbehaved, worker);
        }
    }

    fn close(&mut self, now: Instant, token: Token, end: End, worker: &mut Worker) {
        // Dropping the stream closes it, and takes it out of the poll.
        let Some(connection) = self.open.remove(&token) else { return };
        self.by_address.remove(&(connection.remote, connection.local));
        if let Some(count) = self.per_peer.get_mut(&connection.remote.ip()) {
            *count -= 1;
            if *count == 0 {
                self.per_peer.remove(&connection.remote.ip());
            }
        }
        if end == End::Misbehaved {
            self.refused += 1;
        }
        worker.handle_tcp_closed(now, connection.remote);
    }
}

impl Connection {
    fn read(&mut self, now: Instant, buffer: &mut [u8], worker: &mut Worker) -> Result<Reading, End> {
        let mut budget = READ_BUDGET;
        while budget > 0 {
            let len = match self.stream.read(buffer) {
                Ok(0) => return Err(End::Closed),
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Reading::Done),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return Err(End::Closed),
            };
            budget = budget.saturating_sub(len);
            self.frames.push(buffer.get(..len).unwrap_or_default());
            while let Some(contents) = self.frames.next_frame().map_err(|NoFrame| End::Misbehaved)? {
                if !self.begun && !worker.may_begin(contents) {
                    return Err(End::Misbehaved);
                }
                self.begun = true;
                let (remote, local) = (self.remote, self.local);
                worker.handle_datagram(now, Datagram { path: MediaPath::Tcp, remote, local, contents });
            }
        }
        Ok(Reading::More)
    }

    /// Returns how many frames were dropped.
    fn send(&mut self, now: Instant, contents: &[u8]) -> u64 {
        let Ok(len) = u16::try_from(contents.len()) else { return 1 };
        // What is too old makes room for what is not.
        let late = self.backlog.drop_late(now);
        let refused = self.backlog.push(now, (), &[&len.to_be_bytes(), contents]).is_err();
        late + u64::from(refused) + self.flush(now)
    }

    /// Writes what is not too old; how many frames were. A frame is written whole or not at all.
    fn flush(&mut self, now: Instant) -> u64 {
        let written = write_some(&mut self.stream, &self.begun_frame);
        self.begun_frame.drain(..written);
        let late = self.backlog.drop_late(now);
        while self.begun_frame.is_empty()
            && let Some(((), frame)) = self.backlog.front()
        {
            let written = write_some(&mut self.stream, frame);
            if written == 0 {
                break;
            }
            self.begun_frame.extend_from_slice(frame.get(written..).unwrap_or_default());
            self.backlog.pop();
        }
        late
    }
}

/// How many bytes the stream took.
fn write_some(stream: &mut impl Write, bytes: &[u8]) -> usize {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match stream.write(rest) {
            Ok(len) if len > 0 => written += len,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Full: goes on when it can be written again. Broken: the read side will see it.
            Ok(_) | Err(_) => break,
        }
    }
    written
}

/// A stream of bytes, cut into frames.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    bytes: Vec<u8>,
    /// Where the next frame begins.
    at: usize,
}

/// The bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoFrame;

impl Frames {
    /// Adds what was read. Holds at most what was just read and part of one frame.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.at);
        self.at = 0;
        self.bytes.extend(bytes);
    }

    /// The next whole frame.
    pub(crate) fn next_frame(&mut self) -> Result<Option<&[u8]>, NoFrame> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some((length, rest)) = rest.split_first_chunk::<LENGTH>() else { return Ok(None) };
        let len = usize::from(u16::from_be_bytes(*length));
        if len == 0 || len > FRAME_MAX {
            return Err(NoFrame);
        }
        let Some(frame) = rest.get(..len) else { return Ok(None) };
        self.at += LENGTH + len;
        Ok(Some(frame))
    }
}

/// Accepts until nobody waits, or `most` have been taken in.
pub(crate) fn accept_all(
    listener: &mio::net::TcpListener,
    most: usize,
    mut take: impl FnMut(TcpStream, SocketAddr),
) -> Reading {
    for _ in 0..most {
        match listener.accept() {
            Ok((stream, remote)) => take(stream, remote),
            Err(error) if is_passing(&error) => {}
            Err(_) => return Reading::Done,
        }
    }
    Reading::More
}

/// Whether an error is about one connection and not about the listener.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_frame_is_found_out() {
        for bytes in [&[0, 0][..], b"GET / HTTP/1.1\r\n", &[0xff, 0xff]] {
            let mut frames = Frames::default();
            frames.push(bytes);
            assert_eq!(frames.next_frame(), Err(NoFrame));
        }
    }

    /// The listener reads nothing until the voice is old: what had begun comes whole, the rest never.
    #[test]
    fn a_slow_connection_drops_old_voice_and_stays_in_step() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut ear = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        ear.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let (stream, remote) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let (poll, start) = (mio::Poll::new().unwrap(), Instant::now());
        let local = listener.local_addr().unwrap();
        let mut connections = Connections::new(1, Limits::default(), Duration::from_secs(1));
        connections.accept(start, poll.registry(), TcpStream::from_std(stream), remote, local);

        let mut number = 0_u64;
        let mut speak = |connections: &mut Connections, now| {
            let mut words = [0; 1_000];
            words[..8].copy_from_slice(&number.to_be_bytes());
            connections.send(now, local, remote, &words);
            number += 1;
            number
        };
        while connections.open[&Token(1)].backlog.is_empty() {
            speak(&mut connections, start);
        }
        for _ in 0..9 {
            speak(&mut connections, start);
        }
        assert_eq!(connections.dropped, 0);
        let young = speak(&mut connections, start + Duration::from_millis(61));
        // All that had not begun; the system may have taken a little more meanwhile.
        let dropped = connections.dropped;
        assert!((1..=10).contains(&dropped), "{dropped}");

        // The ear wakes up; what it reads are whole frames, in order, and the young one is the last.
        let (mut frames, mut buffer, mut last, mut whole) = (Frames::default(), [0; 4_096], 0, 0);
        while last + 1 < young {
            connections.write(start + Duration::from_millis(70), Token(1));
            let len = ear.read(&mut buffer).unwrap();
            frames.push(&buffer[..len]);
            while let Some(frame) = frames.next_frame().unwrap() {
                let heard = u64::from_be_bytes(*frame.first_chunk().unwrap());
                assert!(frame.len() == 1_000 && heard >= last, "{heard} after {last}");
                last = heard;
                whole += 1;
            }
        }
        assert_eq!((whole + dropped, connections.dropped), (young, dropped));
    }

    proptest! {
        /// However the network cuts the stream, the frames come out as they went in.
        #[test]
        fn frames_survive_being_cut(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 1..20),
            cuts in prop::collection::vec(1usize..200, 1..200),
        ) {
            let mut stream: Vec<u8> = Vec::new();
            for frame in &frames {
                stream.extend(u16::try_from(frame.len()).unwrap().to_be_bytes());
                stream.extend(frame);
            }
            let mut received = Vec::new();
            let mut reader = Frames::default();
            let mut rest = &stream[..];
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                reader.push(now);
                while let Some(frame) = reader.next_frame().unwrap() {
                    received.push(frame.to_vec());
                }
                rest = later;
            }
            prop_assert_eq!(received, frames);
        }
    }
}
