//! The only stories with real sockets, threads and time; they wait for things to happen and never assert
//! how long it took.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use sfu::{
    Config, Event, Events, Join, JoinError, LeaveReason, MediaPath, ParticipantId, Pressure, RoomId,
    RoomSettings, Sfu,
};
use sfu_peer::{Event as PeerEvent, Identity, Options, Peer, Transport};
use tokio::time::timeout;

/// Longer than any machine needs; only a story that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

const ROOM: RoomId = RoomId(5);

/// A client with a socket of its own.
struct Caller {
    peer: Peer,
    wire: Wire,
    heard: Vec<u32>,
}

enum Wire {
    Udp(UdpSocket),
    Tcp { stream: TcpStream, read: Vec<u8> },
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { timeout(PATIENCE, future).await.expect("in time") })
}

fn start(config: Config) -> (Sfu, Events) {
    Sfu::start(config).unwrap()
}

impl Caller {
    fn joins(sfu: &Sfu, id: u32, transport: Transport) -> Caller {
        Caller::joins_with(sfu, id, transport, 4)
    }

    /// With so many lines to listen on.
    fn joins_with(sfu: &Sfu, id: u32, transport: Transport, lines: usize) -> Caller {
        let port = sfu.ports()[0];
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (wire, local) = match transport {
            Transport::Udp => {
                let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
                socket.set_nonblocking(true).unwrap();
                let local = socket.local_addr().unwrap();
                (Wire::Udp(socket), local)
            }
            Transport::Tcp => {
                let stream = TcpStream::connect(server).unwrap();
                stream.set_nonblocking(true).unwrap();
                let local = stream.local_addr().unwrap();
                (Wire::Tcp { stream, read: Vec::new() }, local)
            }
        };
        let options = Options { transport, ..Options::new(Identity::generate().unwrap()) };
        let (mut peer, offer) = Peer::new(Instant::now(), local, lines, options).unwrap();
        let answer = block_on(sfu.join(join(id, offer))).unwrap();
        peer.accept_answer(Instant::now(), &answer).unwrap();
        Caller { peer, wire, heard: Vec::new() }
    }

    fn turn(&mut self) {
        let now = Instant::now();
        let mut buffer = [0; 2_048];
        while let Some((from, bytes)) = self.wire.receive(&mut buffer) {
            self.peer.handle_datagram(now, from, &bytes);
        }
        self.peer.handle_timeout(now);
        while let Some(transmit) = self.peer.poll_transmit() {
            self.wire.send(transmit.to, &transmit.contents);
        }
        while let Some(event) = self.peer.poll_event() {
            if let PeerEvent::Packet(packet) = event {
                self.heard.extend(packet.speaker);
            }
        }
    }
}

impl Wire {
    fn send(&mut self, to: SocketAddr, bytes: &[u8]) {
        match self {
            Wire::Udp(socket) => {
                socket.send_to(bytes, to).unwrap();
            }
            Wire::Tcp { stream, .. } => {
                let mut frame = u16::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
                frame.extend(bytes);
                stream.write_all(&frame).unwrap();
            }
        }
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Option<(SocketAddr, Vec<u8>)> {
        match self {
            Wire::Udp(socket) => match socket.recv_from(buffer) {
                Ok((len, from)) => Some((from, buffer[..len].to_vec())),
                Err(error) if error.kind() == ErrorKind::WouldBlock => None,
                Err(error) => panic!("{error}"),
            },
            Wire::Tcp { stream, read } => {
                match stream.read(buffer) {
                    Ok(len) => read.extend(&buffer[..len]),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => panic!("{error}"),
                }
                let len = usize::from(u16::from_be_bytes(*read.first_chunk()?));
                let frame = read.get(2..2 + len)?.to_vec();
                read.drain(..2 + len);
                Some((stream.peer_addr().unwrap(), frame))
            }
        }
    }
}

fn join(id: u32, offer: String) -> Join {
    Join { room: ROOM, participant: ParticipantId(id), offer, muted: false, deafened: false }
}

/// Lets everyone live until something holds.
fn until(callers: &mut [&mut Caller], speak: bool, mut done: impl FnMut(&[&mut Caller]) -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !done(callers) {
        assert!(Instant::now() < give_up, "it did not happen");
        for caller in callers.iter_mut() {
            caller.turn();
            if speak {
                caller.peer.send_opus(Instant::now(), &[1; 60], -20);
                caller.turn();
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Lets everyone live until something is told.
fn until_told(
    callers: &mut [&mut Caller],
    speak: bool,
    events: &mut Events,
    mut last: impl FnMut(&Event) -> bool,
) {
    let mut told = false;
    let mut look = || {
        while let Some(event) =
            block_on(async { timeout(Duration::ZERO, events.next()).await.ok().flatten() })
        {
            told |= last(&event);
        }
        told
    };
    until(callers, speak, |_| look());
}

fn events_until(events: &mut Events, last: impl Fn(&Event) -> bool) -> Vec<Event> {
    block_on(async {
        let mut seen = Vec::new();
        while let Some(event) = events.next().await {
            seen.push(event);
            if seen.last().is_some_and(&last) {
                break;
            }
        }
        seen
    })
}

fn two_talk(transport: Transport, path: MediaPath) {
    let (sfu, mut events) = start(Config::default());
    let mut ana = Caller::joins(&sfu, 1, transport);
    let mut ben = Caller::joins(&sfu, 2, transport);
    until(&mut [&mut ana, &mut ben], false, |all| all.iter().all(|caller| caller.peer.is_connected()));
    until(&mut [&mut ana, &mut ben], true, |all| all.iter().all(|caller| caller.heard.len() > 10));
    assert!(ana.heard.iter().all(|speaker| *speaker == 2));
    assert!(ben.heard.iter().all(|speaker| *speaker == 1));

    let stats = block_on(sfu.stats());
    assert_eq!((stats.total().participants, stats.total().rooms), (2, 1));
    assert!(stats.participants.iter().all(|participant| participant.path == Some(path)));
    assert_eq!(stats.total().tcp_connections, if path == MediaPath::Tcp { 2 } else { 0 });

    sfu.leave(ParticipantId(1));
    let seen = events_until(&mut events, |event| matches!(event, Event::Left { .. }));
    let connected = |participant| Event::Connected { room: ROOM, participant, path };
    assert!(seen.contains(&connected(ParticipantId(1))) && seen.contains(&connected(ParticipantId(2))));
    let left = Event::Left { room: ROOM, participant: ParticipantId(1), reason: LeaveReason::Asked };
    assert_eq!(seen.last(), Some(&left));
    sfu.stop();
}

#[test]
fn two_talk_over_udp() {
    two_talk(Transport::Udp, MediaPath::Udp);
}

#[test]
fn two_talk_over_tcp() {
    two_talk(Transport::Tcp, MediaPath::Tcp);
}

#[test]
fn whose_connection_is_cut_goes_on_over_another_one() {
    let (sfu, _events) = start(Config::default());
    let mut ana = Caller::joins(&sfu, 1, Transport::Tcp);
    let mut ben = Caller::joins(&sfu, 2, Transport::Udp);
    until(&mut [&mut ana, &mut ben], true, |all| all.iter().all(|caller| caller.heard.len() > 10));
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, sfu.ports()[0]));
    let stream = TcpStream::connect(server).unwrap();
    stream.set_nonblocking(true).unwrap();
    ana.wire = Wire::Tcp { stream, read: Vec::new() };
    let before = [ana.heard.len(), ben.heard.len()];
    until(&mut [&mut ana, &mut ben], true, |all| {
        all.iter().zip(before).all(|(caller, before)| caller.heard.len() > before + 100)
    });
    let stats = block_on(sfu.stats());
    assert_eq!(stats.total().dropped.tcp_refused, 0, "her voice may come first on the new one");
    sfu.stop();
}

#[test]
fn two_talk_over_two_workers() {
    let mut config = Config { workers: NonZeroUsize::new(2).unwrap(), ..Config::default() };
    // Each must be on a worker of his own.
    config.limits.participants_per_worker = 1;
    let (sfu, mut events) = start(config);
    let mut ana = Caller::joins(&sfu, 1, Transport::Udp);
    let mut ben = Caller::joins(&sfu, 2, Transport::Udp);
    until(&mut [&mut ana, &mut ben], false, |all| all.iter().all(|caller| caller.peer.is_connected()));
    until(&mut [&mut ana, &mut ben], true, |all| all.iter().all(|caller| caller.heard.len() > 10));
    assert!(ana.heard.iter().all(|speaker| *speaker == 2));
    assert!(ben.heard.iter().all(|speaker| *speaker == 1));
    let stats = block_on(sfu.stats());
    assert!(stats.workers.iter().all(|worker| worker.participants == 1));
    assert_eq!(stats.total().rooms, 1, "one room, however many workers have people of it");
    assert!(stats.total().crossings_in > 20, "{stats:?}");
    assert_eq!(stats.total().dropped.crossings, 0);
    for who in [1, 2] {
        sfu.leave(ParticipantId(who));
        events_until(&mut events, |event| matches!(event, Event::Left { .. }));
    }
    // The home hears of it a moment later.
    let give_up = Instant::now() + PATIENCE;
    while block_on(sfu.stats()).total().rooms > 0 {
        assert!(Instant::now() < give_up, "the room never ends");
    }
}

#[test]
fn who_comes_while_a_worker_refuses_is_placed_on_another_and_there_again_when_it_does_not() {
    // One slot, so that the first step is to refuse; and a thousandth of a core, which two people who talk use up.
    let config = Config {
        workers: NonZeroUsize::new(2).unwrap(),
        slots: 1,
        budget: Duration::from_millis(1),
        ..Config::default()
    };
    let (sfu, mut events) = start(config);
    let mut pressure = Pressure::Normal;
    let mut hear = |event: &Event| {
        if let Event::Pressure { worker: 0, pressure: told } = event {
            pressure = *told;
        }
        pressure
    };
    let people = |sfu: &Sfu| {
        let stats = block_on(sfu.stats());
        stats.workers.iter().map(|worker| worker.participants).collect::<Vec<_>>()
    };
    let joins = |who| Caller::joins_with(&sfu, who, Transport::Udp, 1);
    let mut ana = joins(1);
    let mut ben = joins(2);
    assert_eq!(people(&sfu), [2, 0], "the home of their room");
    until_told(&mut [&mut ana, &mut ben], true, &mut events, |event| hear(event) == Pressure::Refusing);

    let mut cleo = joins(3);
    assert_eq!(people(&sfu), [2, 1], "she is let in where that is possible");

    sfu.leave(ParticipantId(1));
    sfu.leave(ParticipantId(2));
    until_told(&mut [&mut cleo], false, &mut events, |event| hear(event) == Pressure::Normal);
    let _dan = joins(4);
    assert_eq!(people(&sfu), [1, 1], "home again");
    sfu.stop();
}

#[test]
fn what_is_wanted_of_a_room_holds_from_its_beginning_and_may_change() {
    let (sfu, mut events) = start(Config::default());
    sfu.set_room(ROOM, RoomSettings { max_speakers: Some(1) });
    let mut ana = Caller::joins(&sfu, 1, Transport::Udp);
    until(&mut [&mut ana], false, |all| all[0].peer.is_connected());
    assert_eq!(events_until(&mut events, |event| held(event).is_some()).last().and_then(held), Some(1));
    let mut ben = Caller::joins(&sfu, 2, Transport::Udp);
    until(&mut [&mut ana, &mut ben], true, |all| all[1].heard.len() > 10);
    assert!(ana.heard.is_empty(), "who came first has the only slot, and speaks");
    sfu.set_room(ROOM, RoomSettings::default());
    until(&mut [&mut ana, &mut ben], true, |all| all[0].heard.len() > 10);
    let seen = events_until(&mut events, |event| held(event) == Some(2));
    assert_eq!(seen.iter().filter_map(held).collect::<Vec<_>>(), [2]);
    sfu.stop();
}

/// How many slots are held, if the event says so.
fn held(event: &Event) -> Option<usize> {
    let Event::Slots { slots, .. } = event else { return None };
    Some(slots.iter().flatten().count())
}

#[test]
fn a_connection_that_talks_nonsense_is_closed() {
    let (sfu, _events) = start(Config::default());
    for nonsense in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0, 4, 1, 2, 3, 4], &[0, 0]] {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, sfu.ports()[0])).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(nonsense).unwrap();
        let end = stream.read(&mut [0; 10]);
        assert!(matches!(&end, Ok(0)) || end.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    }
    let stats = block_on(sfu.stats()).total();
    assert_eq!((stats.dropped.tcp_refused, stats.tcp_connections), (3, 0));
}

#[test]
fn a_connection_that_says_nothing_is_closed() {
    let mut config = Config::default();
    config.timeouts.tcp_handshake = Duration::from_millis(50);
    let (sfu, _events) = start(config);
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, sfu.ports()[0])).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(stream.read(&mut [0; 10]).unwrap(), 0);
}

#[test]
fn connections_are_counted_per_address() {
    let mut config = Config::default();
    config.limits.tcp_connections_per_address = 2;
    let (sfu, _events) = start(config);
    let connect = || {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, sfu.ports()[0])).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    };
    let _kept = [connect(), connect()];
    assert_eq!(connect().read(&mut [0; 10]).unwrap(), 0);
}

#[test]
fn a_stopped_sfu_refuses_and_ends_its_events() {
    let (sfu, mut events) = start(Config::default());
    let caller = Caller::joins(&sfu, 1, Transport::Udp);
    sfu.stop();
    assert_eq!(block_on(sfu.join(join(2, "v=0".to_owned()))), Err(JoinError::Stopped));
    let seen = events_until(&mut events, |_| false);
    assert!(matches!(seen.last(), Some(Event::Left { reason: LeaveReason::Asked, .. })));
    drop(caller);
}

#[test]
fn a_refused_participant_may_try_again() {
    let (sfu, _events) = start(Config::default());
    assert!(block_on(sfu.join(join(1, "nonsense".to_owned()))).is_err());
    let _caller = Caller::joins(&sfu, 1, Transport::Udp);
    let again = block_on(sfu.join(join(1, "v=0".to_owned())));
    assert_eq!(again, Err(JoinError::AlreadyJoined));
}

#[test]
fn a_full_room_says_so() {
    let mut config = Config::default();
    config.limits.participants_per_room = 1;
    let (sfu, mut events) = start(config);
    let _caller = Caller::joins(&sfu, 1, Transport::Udp);
    assert_eq!(block_on(sfu.join(join(2, "v=0".to_owned()))), Err(JoinError::RoomFull));
    sfu.leave(ParticipantId(1));
    events_until(&mut events, |event| matches!(event, Event::Left { .. }));
    Caller::joins(&sfu, 2, Transport::Udp);
}

#[test]
fn a_taken_port_is_named() {
    let taken = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Sfu::start(Config { base_port: port, ..Config::default() }).unwrap_err();
    assert!(error.to_string().contains(&port.to_string()), "{error}");
}
