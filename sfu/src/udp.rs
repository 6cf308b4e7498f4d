//! A UDP socket: bound, read in batches, written in runs.
//!
//! Only calls of the system and their options; what to do about their answers is decided in `sender`. Start at
//! [`UdpSocket::bind`].

use std::io::{self, ErrorKind, IoSliceMut};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Instant;

use mio::{Interest, Registry, Token};
use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSocketState};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::config::Gso;
use crate::message::Run;
use crate::sender::{Sender, Sent, Wire};

/// Datagrams read from one socket before timers and the other sockets have their turn: at most about a
/// millisecond's work. The last batch may run over it.
const READ_BUDGET: usize = 256;

/// The most that one read can bring: datagrams of one sender that the system has put together (UDP GRO).
const BUFFER: usize = 64 * 1024;

/// Socket buffers: a quarter of a second of a thousand listeners. The system may grant less.
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;

/// A bound socket.
#[derive(Debug)]
pub(crate) struct UdpSocket {
    line: Line,
    sender: Sender,
    /// Whether we are woken when the socket takes more.
    woken: bool,
}

/// The socket and what the library knows of its abilities.
#[derive(Debug)]
struct Line {
    socket: mio::net::UdpSocket,
    state: UdpSocketState,
}

/// Where a batch is read into. Made once; the pages of a buffer that is never needed are never touched.
#[derive(Debug)]
pub(crate) struct Inbox {
    buffers: Vec<u8>,
    metas: [RecvMeta; BATCH_SIZE],
}

/// The buffers a socket has, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Granted {
    pub(crate) receive: usize,
    pub(crate) send: usize,
}

impl Inbox {
    pub(crate) fn new() -> Inbox {
        Inbox { buffers: vec![0; BATCH_SIZE * BUFFER], metas: [RecvMeta::default(); BATCH_SIZE] }
    }
}

impl UdpSocket {
    pub(crate) fn bind(address: SocketAddr, gso: Gso) -> io::Result<UdpSocket> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            // Otherwise `::` would also take the IPv4 port, which may be bound on its own.
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        // The default holds a few hundred packets, one busy moment; less than asked for still works.
        let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
        let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
        socket.bind(&address.into())?;
        let state = UdpSocketState::new((&socket).into())?;
        plain(&socket);
        let gso = match gso {
            Gso::Auto if state.max_gso_segments() > 1 => Gso::Auto,
            Gso::Auto | Gso::Off => Gso::Off,
        };
        let socket = mio::net::UdpSocket::from_std(socket.into());
        Ok(UdpSocket { line: Line { socket, state }, sender: Sender::new(gso), woken: false })
    }

    pub(crate) fn local(&self) -> io::Result<SocketAddr> {
        self.line.socket.local_addr()
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.line.socket, token, Interest::READABLE)
    }

    /// The buffers it was given, when they are smaller than wanted.
    pub(crate) fn stinted(&self) -> Option<Granted> {
        let socket = SockRef::from(&self.line.socket);
        let granted = Granted {
            receive: socket.recv_buffer_size().ok()? / COUNTED,
            send: socket.send_buffer_size().ok()? / COUNTED,
        };
        (granted.receive < SOCKET_BUFFER || granted.send < SOCKET_BUFFER).then_some(granted)
    }

    /// Reads what has come, in batches, up to a budget; whether there may be more. A batch that is not full was all
    /// there was, and the system tells of what comes after it. (Unless an error stood in its way, which it keeps for the
    /// next read and does not tell of: so there must be one from time to time, whatever the system says.)
    pub(crate) fn read(&mut self, inbox: &mut Inbox, mut take: impl FnMut(SocketAddr, &[u8])) -> bool {
        let mut count = 0;
        while count < READ_BUDGET {
            let Inbox { buffers, metas } = &mut *inbox;
            let mut parts = buffers.chunks_exact_mut(BUFFER);
            // As many parts as slices, by how the inbox is made.
            let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
                std::array::from_fn(|_| IoSliceMut::new(parts.next().unwrap_or_default()));
            let read = match self.line.state.recv((&self.line.socket).into(), &mut slices, metas) {
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                // News about an earlier datagram of ours (nobody listens there). Not ours to act on.
                Err(_) => {
                    count += 1;
                    continue;
                }
            };
            for (meta, buffer) in metas.iter().zip(&slices).take(read) {
                let contents = buffer.get(..meta.len).unwrap_or_default();
                // Nobody can be answered on port 0, and the system would refuse to.
                if meta.addr.port() == 0 {
                    count += 1;
                    continue;
                }
                for datagram in parts_of(contents, meta.stride) {
                    count += 1;
                    take(meta.addr, datagram);
                }
            }
            if read < BATCH_SIZE {
                return false;
            }
        }
        true
    }

    /// Sends, as far as the socket takes it; the rest waits for a moment.
    #[inline]
    pub(crate) fn send(&mut self, now: Instant, run: &Run<'_>) {
        self.sender.send(now, &self.line, run);
    }

    /// Sends what waits, unless it is too old.
    pub(crate) fn catch_up(&mut self, now: Instant) {
        if self.sender.is_waiting() {
            self.sender.catch_up(now, &self.line);
        }
    }

    /// Asks to be woken when the socket takes more, as long as something waits and no longer.
    pub(crate) fn watch(&mut self, registry: &Registry, token: Token) {
        let waiting = self.sender.is_waiting();
        if waiting == self.woken {
            return;
        }
        let interest = match waiting {
            true => Interest::READABLE | Interest::WRITABLE,
            false => Interest::READABLE,
        };
        // If it cannot be changed now it is tried again in the next turn.
        if registry.reregister(&mut self.line.socket, token, interest).is_ok() {
            self.woken = waiting;
        }
    }

    pub(crate) fn sent(&self) -> Sent {
        self.sender.sent
    }

    pub(crate) fn gso(&self) -> Gso {
        self.sender.gso()
    }
}

impl Wire for Line {
    #[inline]
    fn send_one(&self, remote: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        self.socket.send_to(datagram, remote).map(drop)
    }

    #[inline]
    fn send_run(&self, remote: SocketAddr, contents: &[u8], segment: NonZeroUsize) -> io::Result<()> {
        let transmit = quinn_udp::Transmit {
            destination: remote,
            ecn: None,
            contents,
            segment_size: Some(segment.get()),
            src_ip: None,
        };
        self.state.try_send((&self.socket).into(), &transmit)
    }
}

/// The datagrams that one read has brought. An empty one is one.
fn parts_of(contents: &[u8], stride: usize) -> impl Iterator<Item = &[u8]> {
    let empty = contents.is_empty().then_some(contents);
    contents.chunks(stride.max(1)).chain(empty)
}

/// Linux counts its own book-keeping into a buffer and says twice what was asked for (socket(7)).
const COUNTED: usize = if cfg!(target_os = "linux") { 2 } else { 1 };

/// Takes back what the library has asked the system to tell with each datagram (to which address it came, when,
/// with what mark): nobody here wants to know, and it costs a third of a read.
#[cfg(target_os = "linux")]
fn plain(socket: &Socket) {
    use nix::sys::socket::{setsockopt, sockopt};
    // What cannot be taken back is told and not listened to.
    let _ = setsockopt(socket, sockopt::ReceiveTimestampns, &false);
    let _ = setsockopt(socket, sockopt::Ipv4PacketInfo, &false);
    let _ = setsockopt(socket, sockopt::IpRecvTos, &false);
    let _ = setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &false);
    let _ = setsockopt(socket, sockopt::Ipv6RecvTClass, &false);
}

#[cfg(not(target_os = "linux"))]
fn plain(_: &Socket) {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;
    use crate::message::MediaPath;

    const LOOPBACK: [&str; 2] = ["127.0.0.1:0", "[::1]:0"];

    fn bound(address: &str, gso: Gso) -> UdpSocket {
        UdpSocket::bind(address.parse().unwrap(), gso).unwrap()
    }

    fn ear(address: &str) -> std::net::UdpSocket {
        let ear = std::net::UdpSocket::bind(address).unwrap();
        ear.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        ear
    }

    fn run<'a>(remote: SocketAddr, contents: &'a [u8], segment: usize) -> Run<'a> {
        Run { path: MediaPath::Udp, local: remote, remote, contents, segment: NonZeroUsize::new(segment) }
    }

    #[test]
    fn a_run_arrives_as_its_datagrams() {
        for address in LOOPBACK {
            for gso in [Gso::Auto, Gso::Off] {
                let (mut socket, ear) = (bound(address, gso), ear(address));
                let contents: Vec<u8> = (0..250).collect();
                socket.send(Instant::now(), &run(ear.local_addr().unwrap(), &contents, 100));
                let mut buffer = [0; 999];
                for part in contents.chunks(100) {
                    let (len, from) = ear.recv_from(&mut buffer).unwrap();
                    assert_eq!((&buffer[..len], from), (part, socket.local().unwrap()));
                }
                let in_one = socket.gso() == Gso::Auto;
                let expected = if in_one { (1, 3) } else { (3, 0) };
                assert_eq!((socket.sent().calls, socket.sent().in_runs), expected, "{address} {gso:?}");
            }
        }
    }

    /// Many senders, of which one sends runs that the system may put together again.
    #[test]
    fn everything_is_read_whoever_sent_it_and_however_it_came() {
        for address in LOOPBACK {
            let mut socket = bound(address, Gso::Auto);
            let to = socket.local().unwrap();
            let mut expected = Vec::new();
            for number in 0..100_u8 {
                let mouth = std::net::UdpSocket::bind(address).unwrap();
                let words = vec![number; usize::from(number)];
                mouth.send_to(&words, to).unwrap();
                expected.push((mouth.local_addr().unwrap(), words));
            }
            let mut mouth = bound(address, Gso::Auto);
            let long: Vec<u8> = (0..5_000).map(|byte| byte as u8).collect();
            mouth.send(Instant::now(), &run(to, &long, 150));
            let from = mouth.local().unwrap();
            expected.extend(long.chunks(150).map(|words| (from, words.to_vec())));
            let (mut inbox, mut got) = (Inbox::new(), Vec::new());
            let give_up = Instant::now() + Duration::from_secs(30);
            while got.len() < expected.len() {
                assert!(Instant::now() < give_up, "{} of {}", got.len(), expected.len());
                let more = socket.read(&mut inbox, |from, words| got.push((from, words.to_vec())));
                assert!(!more, "fewer than the budget");
            }
            assert_eq!(got, expected, "{address}");
        }
    }

    #[test]
    fn a_flood_is_read_in_bounded_turns() {
        let (mut socket, mouth) = (bound(LOOPBACK[0], Gso::Auto), ear(LOOPBACK[0]));
        let to = socket.local().unwrap();
        for _ in 0..2 * READ_BUDGET {
            mouth.send_to(b"flood", to).unwrap();
        }
        let (mut inbox, mut count) = (Inbox::new(), 0);
        assert!(socket.read(&mut inbox, |_, _| count += 1), "there is more");
        assert!((READ_BUDGET..READ_BUDGET + BATCH_SIZE).contains(&count), "{count}");
    }

    /// In a network of its own, whose loopback takes a megabyte a second; tools are wanted, and root or a system that
    /// lets others have networks.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_slow_device_makes_datagrams_wait_and_then_drops_them() {
        const SLOW: &str = "ip link set lo up && tc qdisc add dev lo root tbf rate 8mbit burst 4kb limit 1mb \
             && exec \"$0\" --ignored --exact udp::tests::in_a_slow_network";
        let unshare = |as_whom: &[&str], what: &[&str]| {
            std::process::Command::new("unshare").args(as_whom).arg("--net").args(what).output()
        };
        let may = |as_whom: &&[&str]| {
            unshare(as_whom, &["tc", "qdisc"]).is_ok_and(|output| output.status.success())
        };
        let ways = [&[][..], &["--user", "--map-root-user"][..]];
        let Some(way) = ways.iter().find(|way| may(way)) else { return };
        let own = std::env::current_exe().unwrap();
        let output = unshare(way, &["sh", "-c", SLOW, own.to_str().unwrap()]).unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("1 passed"), "{said}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    #[ignore = "run by the one above, where the network is slow"]
    fn in_a_slow_network() {
        const COUNT: u64 = 1_000;
        const TOKEN: Token = Token(7);
        let ear = ear(LOOPBACK[0]);
        SockRef::from(&ear).set_recv_buffer_size(SOCKET_BUFFER).unwrap();
        let remote = ear.local_addr().unwrap();
        let mut socket = bound(LOOPBACK[0], Gso::Off);
        SockRef::from(&socket.line.socket).set_send_buffer_size(SOCKET_BUFFER / 64).unwrap();
        let mut poll = mio::Poll::new().unwrap();
        socket.register(poll.registry(), TOKEN).unwrap();

        for number in 0..COUNT {
            let mut words = [0; 150];
            words[..8].copy_from_slice(&number.to_be_bytes());
            socket.send(Instant::now(), &run(remote, &words, 0));
        }
        let at_once = socket.sent().calls;
        assert!(at_once < COUNT / 2 && socket.sender.is_waiting(), "{at_once}");
        assert_eq!(socket.sent().unsent, 0);
        let mut events = mio::Events::with_capacity(8);
        while socket.sender.is_waiting() {
            socket.watch(poll.registry(), TOKEN);
            poll.poll(&mut events, Some(Duration::from_secs(30))).unwrap();
            assert!(events.iter().any(|event| event.token() == TOKEN && event.is_writable()), "never woken");
            socket.catch_up(Instant::now());
        }
        socket.watch(poll.registry(), TOKEN);
        assert!(!socket.woken);

        // 1,000 of them take a fifth of a second: not all can have been in time, and each is accounted for.
        let sent = socket.sent();
        assert_eq!((sent.calls + sent.late, sent.unsent), (COUNT, 0));
        assert!(sent.late > 0);
        let mut buffer = [0; 200];
        let (mut newest, mut arrived) = (0, BTreeSet::new());
        for _ in 0..sent.calls {
            assert_eq!(ear.recv(&mut buffer).unwrap(), 150);
            let number = u64::from_be_bytes(*buffer.first_chunk().unwrap());
            assert!(arrived.insert(number), "{number} came twice");
            // They left in order; on the way through the system two cores may let one pass another.
            assert!(number + 8 > newest, "{number} after {newest}");
            newest = newest.max(number);
        }
    }

    #[test]
    fn nothing_is_left_out_when_a_read_is_taken_apart() {
        let parts = |contents, stride| parts_of(contents, stride).map(<[u8]>::len).collect::<Vec<_>>();
        assert_eq!(parts(&[0; 7], 3), [3, 3, 1]);
        assert_eq!(parts(&[0; 7], 7), [7]);
        assert_eq!(parts(&[0; 0], 0), [0]);
        assert_eq!(parts(&[0; 2], 0), [1, 1]);
    }
}
