//! The floor: what the same datagrams to the same listeners cost when nothing is done but sealing and sending.
//!
//! As many as in the measured time, as large, in the same rhythm (each talker's packet to everybody else in the
//! room, every 20 ms), by the server's kind of send call, to the sockets of the same people, who count and throw
//! away. A thread of its own does it, so that its CPU time is nobody else's. The floor holds what the kernel
//! charges the sender, AES-GCM with another key for every listener, and one wake-up per burst; it holds no
//! receiving, no choosing, no sessions and no timers, which are the server's to keep small.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::oneshot;

use super::Error;
use super::cpu;
use super::people::People;
use super::plan::Plan;
use super::words::FRAME;

/// Bursts of one talker in a second.
const FRAMES_PER_SECOND: u32 = 50;

/// Datagrams sealed before they are sent: what one call may carry once it carries several (`sendmmsg`).
const BATCH: usize = 64;

/// As the server's sockets have it: a burst waits here until the listeners take it.
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;

/// Bytes of the tag (RFC 7714 section 13).
const TAG: usize = 16;

/// An RTP header without anything (RFC 3550 section 5.1).
const HEADER_MIN: usize = 12;

/// The kernel brings a thread's time up to date when the thread stops.
const STOP: Duration = Duration::from_millis(1);

/// All that is needed for the floor.
pub struct Floor {
    socket: UdpSocket,
    listeners: Vec<Listener>,
    bursts: Vec<Burst>,
    header: usize,
    payload: Vec<u8>,
}

/// Whom a datagram goes to, and the seal for it.
struct Listener {
    address: SocketAddr,
    key: LessSafeKey,
    sealed: u64,
}

/// One talker's packet, to everybody else in the room.
#[derive(Debug, PartialEq, Eq)]
struct Burst {
    /// How long after the beginning of the 20 ms.
    at: Duration,
    listeners: Vec<usize>,
}

/// A sealed datagram.
struct Datagram {
    to: SocketAddr,
    bytes: Vec<u8>,
}

impl Floor {
    /// Gets everything ready, so that only the sending is left.
    pub fn new(plan: Plan, people: &People) -> Result<Self, Error> {
        let payload = usize::from(plan.payload);
        let header = people.datagram_len().saturating_sub(payload + TAG).max(HEADER_MIN);
        let algorithm = match people.srtp_profile {
            Some("AEAD_AES_128_GCM") => &AES_128_GCM,
            // What browsers take, and what a dearer cipher is to be compared with as well.
            Some(_) | None => &AES_256_GCM,
        };
        let listeners: io::Result<Vec<Listener>> =
            people.addresses.values().map(|address| Listener::new(*address, algorithm)).collect();
        Ok(Self {
            socket: bind(people.local).map_err(Error::NoFloor)?,
            listeners: listeners.map_err(Error::NoFloor)?,
            bursts: bursts(plan, people.slots),
            header,
            payload: vec![0; payload],
        })
    }

    /// Where it sends from, by which listeners know what to throw away.
    pub fn address(&self) -> Result<SocketAddr, Error> {
        self.socket.local_addr().map_err(Error::NoFloor)
    }

    /// Sends for so long; the CPU time of this thread.
    fn run(&mut self, seconds: u16) -> io::Result<Duration> {
        let none = || Datagram { to: SocketAddr::from(([0, 0, 0, 0], 0)), bytes: Vec::new() };
        let mut batch: Vec<Datagram> = std::iter::repeat_with(none).take(BATCH).collect();
        std::thread::sleep(STOP);
        let before = cpu::of_this_thread()?;
        let start = Instant::now();
        for frame in 0..FRAMES_PER_SECOND * u32::from(seconds) {
            for burst in &self.bursts {
                // Who is late goes on at once, as the server does.
                let due = start + FRAME * frame + burst.at;
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                for part in burst.listeners.chunks(BATCH) {
                    // A part is no longer than a batch.
                    let batch = batch.get_mut(..part.len()).unwrap_or_default();
                    for (number, datagram) in part.iter().zip(&mut *batch) {
                        // Bursts and listeners are of one plan: the number is always there.
                        if let Some(listener) = self.listeners.get_mut(*number) {
                            listener.seal(self.header, &self.payload, datagram)?;
                        }
                    }
                    send_all(&self.socket, batch);
                }
            }
        }
        std::thread::sleep(STOP);
        Ok(cpu::of_this_thread()?.saturating_sub(before))
    }
}

/// Sends for so long in a thread of its own; the CPU time of that thread.
pub async fn measure(mut floor: Floor, seconds: u16) -> Result<Duration, Error> {
    let (sender, spent) = oneshot::channel();
    // Not one of the runtime's: it would wait for this one to end when somebody interrupts.
    let thread = std::thread::Builder::new().name("floor".to_owned());
    let run = move || {
        // Nobody waits any more when the measurement was given up.
        let _ = sender.send(floor.run(seconds));
    };
    thread.spawn(run).map_err(Error::NoFloor)?;
    spent.await.map_err(|_| Error::Broken)?.map_err(Error::NoFloor)
}

/// The send call of the server, and the only place here that knows which it is: one per datagram.
fn send_all(socket: &UdpSocket, batch: &[Datagram]) {
    for datagram in batch {
        // What does not go is lost, as the server's is; only what arrives is counted.
        let _ = socket.send_to(&datagram.bytes, datagram.to);
    }
}

impl Listener {
    fn new(address: SocketAddr, algorithm: &'static Algorithm) -> io::Result<Self> {
        let mut secret = vec![0; algorithm.key_len()];
        getrandom::fill(&mut secret).map_err(io::Error::other)?;
        let key = UnboundKey::new(algorithm, &secret).map_err(io::Error::other)?;
        Ok(Self { address, key: LessSafeKey::new(key), sealed: 0 })
    }

    /// A header in the clear, the payload sealed, the tag behind it.
    fn seal(&mut self, header: usize, payload: &[u8], datagram: &mut Datagram) -> io::Result<()> {
        self.sealed += 1;
        let count = self.sealed.to_be_bytes();
        let bytes = &mut datagram.bytes;
        bytes.clear();
        // Version 2 (RFC 3550 section 5.1) and the count, so that no two datagrams are alike.
        bytes.extend([0x80, 0, 0, 0]);
        bytes.extend(count);
        bytes.resize(header, 0);
        bytes.extend(payload);
        let (head, body) = bytes.split_at_mut(header);
        let mut nonce = [0; 12];
        nonce.iter_mut().skip(4).zip(count).for_each(|(to, from)| *to = from);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(head), body);
        bytes.extend(tag.map_err(io::Error::other)?.as_ref());
        datagram.to = self.address;
        Ok(())
    }
}

/// What happens in every 20 ms, in order. With more talkers than slots only so many are passed on.
fn bursts(plan: Plan, slots: u8) -> Vec<Burst> {
    let heard = usize::from(plan.talkers.min(slots.into()));
    let talkers = (0..plan.all()).filter(|number| plan.place(*number) < heard);
    let mut bursts: Vec<Burst> = talkers
        .map(|talker| {
            let room = (plan.room(talker)..plan.all()).step_by(plan.rooms.into());
            Burst { at: plan.offset(talker), listeners: room.filter(|other| *other != talker).collect() }
        })
        .collect();
    bursts.sort_by_key(|burst| burst.at);
    bursts
}

/// As the server makes its own: it never waits, and holds a busy moment.
fn bind(local: IpAddr) -> io::Result<UdpSocket> {
    let address = SocketAddr::new(local, 0);
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    // Less than asked for still works.
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan { rooms: 2, people: 3, talkers: 2, ..Plan::SMALL };

    #[test]
    fn every_talker_is_heard_by_the_others_of_the_room() {
        let bursts = bursts(PLAN, 8);
        assert!(bursts.is_sorted_by_key(|burst| burst.at));
        let mut who: Vec<_> = bursts.into_iter().map(|burst| burst.listeners).collect();
        who.sort();
        assert_eq!(who, [vec![0, 4], vec![1, 5], vec![2, 4], vec![3, 5]]);
    }

    #[test]
    fn no_more_talkers_are_passed_on_than_there_are_slots() {
        assert_eq!(bursts(PLAN, 1).len(), 2);
    }

    #[test]
    fn a_datagram_is_as_long_as_the_real_one_and_never_the_same_twice() {
        let mut listener = Listener::new(([127, 0, 0, 1], 9).into(), &AES_256_GCM).unwrap();
        let mut datagram = Datagram { to: ([0, 0, 0, 0], 0).into(), bytes: Vec::new() };
        listener.seal(28, &[7; 100], &mut datagram).unwrap();
        let first = datagram.bytes.clone();
        listener.seal(28, &[7; 100], &mut datagram).unwrap();
        assert_eq!((first.len(), datagram.to), (28 + 100 + TAG, listener.address));
        assert_ne!(first.get(28..), datagram.bytes.get(28..));
        let mut nonce = [0; 12];
        nonce[11] = 2;
        let (head, body) = datagram.bytes.split_at_mut(28);
        let nonce = Nonce::assume_unique_for_key(nonce);
        assert_eq!(listener.key.open_in_place(nonce, Aad::from(head), body).unwrap(), [7; 100]);
    }

    #[test]
    fn what_is_sent_arrives() {
        let socket = bind([127, 0, 0, 1].into()).unwrap();
        let ear = UdpSocket::bind("127.0.0.1:0").unwrap();
        send_all(&socket, &[Datagram { to: ear.local_addr().unwrap(), bytes: vec![1, 2, 3] }]);
        let mut buffer = [0; 9];
        assert_eq!(ear.recv_from(&mut buffer).unwrap(), (3, socket.local_addr().unwrap()));
    }
}
