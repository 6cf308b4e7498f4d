//! The floor: what the same datagrams to the same listeners cost when nothing is done but sealing and sending.
//!
//! As many as in the measured time, as large, in the same rhythm (each talker's packet to everybody else in the
//! room, every 20 ms), by the server's kinds of send call, to the sockets of the same people, who count and throw
//! away. Where talkers talk at the same moment, all that a listener gets is one run, as the server makes it. A thread of its own does it, so that its CPU time is nobody else's. The floor holds what the kernel
//! charges the sender, AES-GCM with another key for every listener, and one wake-up per burst; it holds no
//! receiving, no choosing, no sessions and no timers, which are the server's to keep small.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use quinn_udp::UdpSocketState;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::oneshot;

use super::Error;
use super::cpu;
use super::flags::Gso;
use super::people::People;
use super::plan::Plan;
use super::words::FRAME;

/// Bursts of one talker in a second.
const FRAMES_PER_SECOND: u32 = 50;

/// Datagrams sealed before they are sent: as many as one call may carry.
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
    mouth: Mouth,
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

/// What is said at one moment in one room, to everybody else in it.
#[derive(Debug, PartialEq, Eq)]
struct Burst {
    /// How long after the beginning of the 20 ms.
    at: Duration,
    /// Each as many times in a row as there are packets for him.
    listeners: Vec<usize>,
}

/// Sealed datagrams of the same length, one behind the other, and whom each is for.
#[derive(Default)]
struct Batch {
    to: Vec<SocketAddr>,
    bytes: Vec<u8>,
}

/// A socket that sends as the server's do.
struct Mouth {
    socket: UdpSocket,
    /// What sends runs; none if they are not to be sent.
    runs: Option<UdpSocketState>,
}

impl Floor {
    /// Gets everything ready, so that only the sending is left.
    pub fn new(plan: Plan, people: &People, gso: Gso) -> Result<Self, Error> {
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
            mouth: Mouth::new(people.local, gso).map_err(Error::NoFloor)?,
            listeners: listeners.map_err(Error::NoFloor)?,
            bursts: bursts(plan, people.slots),
            header,
            payload: vec![0; payload],
        })
    }

    /// Where it sends from, by which listeners know what to throw away.
    pub fn address(&self) -> Result<SocketAddr, Error> {
        self.mouth.socket.local_addr().map_err(Error::NoFloor)
    }

    /// Sends for so long; the CPU time of this thread.
    fn run(&mut self, seconds: u16) -> io::Result<Duration> {
        let mut batch = Batch::default();
        std::thread::sleep(STOP);
        let before = cpu::of_this_thread()?;
        let start = Instant::now();
        for frame in 0..FRAMES_PER_SECOND * u32::from(seconds) {
            for burst in &self.bursts {
                // Who is late goes on at once, as the server does.
                let due = start + FRAME * frame + burst.at;
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                for part in burst.listeners.chunks(BATCH) {
                    batch.to.clear();
                    batch.bytes.clear();
                    for number in part {
                        // Bursts and listeners are of one plan: the number is always there.
                        if let Some(listener) = self.listeners.get_mut(*number) {
                            listener.seal(self.header, &self.payload, &mut batch)?;
                        }
                    }
                    self.mouth.send_all(&batch, self.header + self.payload.len() + TAG);
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

impl Mouth {
    /// As the server makes its own: it never waits, and holds a busy moment.
    fn new(local: IpAddr, gso: Gso) -> io::Result<Self> {
        let address = SocketAddr::new(local, 0);
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        // Less than asked for still works.
        let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        let state = UdpSocketState::new((&socket).into())?;
        let runs = Some(state).filter(|state| gso == Gso::Auto && state.max_gso_segments() > 1);
        Ok(Self { socket: socket.into(), runs })
    }

    /// The send calls of the server, and the only place here that knows which they are: one for each datagram, or
    /// one for all that go to the same place in a row.
    fn send_all(&self, batch: &Batch, len: usize) {
        let mut rest = batch.bytes.as_slice();
        for run in batch.to.chunk_by(|one, next| one == next) {
            let (datagrams, others) = rest.split_at_checked(run.len() * len).unwrap_or((rest, &[]));
            rest = others;
            let [to, ..] = run else { continue };
            let sent = match &self.runs {
                Some(state) if run.len() > 1 => {
                    let transmit = quinn_udp::Transmit {
                        destination: *to,
                        ecn: None,
                        contents: datagrams,
                        segment_size: Some(len),
                        src_ip: None,
                    };
                    state.try_send((&self.socket).into(), &transmit)
                }
                Some(_) | None => {
                    datagrams.chunks(len).try_for_each(|datagram| self.socket.send_to(datagram, to).map(drop))
                }
            };
            // What does not go is lost, as the server's is; only what arrives is counted.
            let _ = sent;
        }
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
    fn seal(&mut self, header: usize, payload: &[u8], batch: &mut Batch) -> io::Result<()> {
        self.sealed += 1;
        let count = self.sealed.to_be_bytes();
        let bytes = &mut batch.bytes;
        let start = bytes.len();
        // Version 2 (RFC 3550 section 5.1) and the count, so that no two datagrams are alike.
        bytes.extend([0x80, 0, 0, 0]);
        bytes.extend(count);
        bytes.resize(start + header, 0);
        bytes.extend(payload);
        let (head, body) = bytes.split_at_mut(start).1.split_at_mut(header);
        let mut nonce = [0; 12];
        nonce.iter_mut().skip(4).zip(count).for_each(|(to, from)| *to = from);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(head), body);
        bytes.extend(tag.map_err(io::Error::other)?.as_ref());
        batch.to.push(self.address);
        Ok(())
    }
}

/// What happens in every 20 ms, in order. With more talkers than slots only so many are passed on.
fn bursts(plan: Plan, slots: u8) -> Vec<Burst> {
    let heard = usize::from(plan.talkers.min(slots.into()));
    let talkers = (0..plan.all()).filter(|number| plan.place(*number) < heard);
    // By moment and room: who talks.
    let mut moments: BTreeMap<(Duration, usize), Vec<usize>> = BTreeMap::new();
    for talker in talkers {
        moments.entry((plan.offset(talker), plan.room(talker))).or_default().push(talker);
    }
    let burst = |((at, room), talkers): ((Duration, usize), Vec<usize>)| {
        let room = (room..plan.all()).step_by(plan.rooms.into());
        let packets =
            |other: usize| talkers.iter().filter(move |talker| **talker != other).map(move |_| other);
        Burst { at, listeners: room.flat_map(packets).collect() }
    };
    moments.into_iter().map(burst).collect()
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
    fn who_talks_together_is_sent_together() {
        let bursts = bursts(Plan { people: 4, together: true, ..PLAN }, 8);
        let who: Vec<_> = bursts.into_iter().map(|burst| burst.listeners).collect();
        // Of four people two talk, and hear the other one; the others hear both.
        assert_eq!(who, [vec![0, 2, 4, 4, 6, 6], vec![1, 3, 5, 5, 7, 7]]);
    }

    #[test]
    fn no_more_talkers_are_passed_on_than_there_are_slots() {
        assert_eq!(bursts(PLAN, 1).len(), 2);
    }

    #[test]
    fn a_datagram_is_as_long_as_the_real_one_and_never_the_same_twice() {
        let mut listener = Listener::new(([127, 0, 0, 1], 9).into(), &AES_256_GCM).unwrap();
        let mut batch = Batch::default();
        listener.seal(28, &[7; 100], &mut batch).unwrap();
        listener.seal(28, &[7; 100], &mut batch).unwrap();
        assert_eq!((batch.bytes.len(), &batch.to), (2 * (28 + 100 + TAG), &vec![listener.address; 2]));
        let (first, second) = batch.bytes.split_at_mut(28 + 100 + TAG);
        assert_ne!(first.get(28..), second.get(28..));
        let mut nonce = [0; 12];
        nonce[11] = 2;
        let (head, body) = second.split_at_mut(28);
        let nonce = Nonce::assume_unique_for_key(nonce);
        assert_eq!(listener.key.open_in_place(nonce, Aad::from(head), body).unwrap(), [7; 100]);
    }

    #[test]
    fn what_is_sent_arrives() {
        for gso in [Gso::Auto, Gso::Off] {
            let mouth = Mouth::new([127, 0, 0, 1].into(), gso).unwrap();
            let ears = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
            let [one, other] = ears.each_ref().map(|ear| ear.local_addr().unwrap());
            mouth.send_all(&Batch { to: vec![one, one, other], bytes: vec![1, 2, 3, 4, 5, 6] }, 2);
            let mut buffer = [0; 9];
            for (ear, expected) in [(0, [1, 2]), (0, [3, 4]), (1, [5, 6])] {
                let from = ears[ear].recv_from(&mut buffer).unwrap();
                assert_eq!((from, &buffer[..2]), ((2, mouth.socket.local_addr().unwrap()), &expected[..]));
            }
        }
    }
}
