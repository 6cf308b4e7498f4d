//! The voice of a test user: a real client (ICE, DTLS, SRTP) on a real socket.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use cromulent::id::ChannelId;
use cromulent::protocol::client::Request;
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::server::Answer;
use cromulent::protocol::types::{ParticipantNumber, Room};
use sfu_peer::{Event, Identity, Options, Peer};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::{PATIENCE, TestUser};

/// A frame of Opus that says nothing, marked with who says it.
const FRAME: Duration = Duration::from_millis(20);

fn identity() -> Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY.get_or_init(|| Identity::generate().unwrap()).clone()
}

/// What somebody has heard so far: packets by the number of who was heard.
pub type Heard = BTreeMap<ParticipantNumber, usize>;

/// A running voice connection.
pub struct Call {
    pub participant: ParticipantNumber,
    pub room: Room,
    heard: watch::Receiver<Heard>,
    said: Arc<AtomicUsize>,
    connected: watch::Receiver<bool>,
    wishes: mpsc::UnboundedSender<Wish>,
    task: JoinHandle<()>,
}

/// What a running connection is told.
enum Wish {
    Say(Option<&'static [u8]>),
    /// Goes on from another socket, and offers to begin ICE again.
    Move(oneshot::Sender<String>),
    Answer(String),
}

impl TestUser {
    pub async fn joins_voice(&mut self) -> Call {
        let lounge = self.lounge();
        self.tries_to_join(lounge).await.unwrap()
    }

    pub async fn tries_to_join(&mut self, channel: ChannelId) -> Result<Call, ErrorCode> {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let local = socket.local_addr().unwrap();
        let lines = self.snapshot.slots.into();
        let (mut peer, offer) = Peer::new(Instant::now(), local, lines, Options::new(identity())).unwrap();
        let request = Request::JoinVoice { channel, offer, muted: false, deafened: false };
        let Answer::VoiceJoined { participant, answer, room, .. } = self.asks(&request).await? else {
            panic!("another answer");
        };
        peer.accept_answer(Instant::now(), &answer).unwrap();
        let (heard_by, heard) = watch::channel(Heard::new());
        let (is_connected, mut connected) = watch::channel(false);
        let (wishes, told) = mpsc::unbounded_channel();
        let said = Arc::<AtomicUsize>::default();
        let task = tokio::spawn(live(peer, socket, heard_by, is_connected, told, said.clone()));
        let up = connected.wait_for(|connected| *connected);
        tokio::time::timeout(PATIENCE, up).await.expect("voice does not connect").unwrap();
        Ok(Call { participant, room, heard, said, connected, wishes, task })
    }

    /// Asks for a place and does nothing with it; whether it was given.
    pub async fn asks_to_join(&mut self, channel: ChannelId) -> Result<(), ErrorCode> {
        self.asks_for_a_place(channel).await.map(drop)
    }

    /// The same, with what was answered.
    pub async fn asks_for_a_place(&mut self, channel: ChannelId) -> Result<Answer, ErrorCode> {
        let local = "127.0.0.1:9".parse().unwrap();
        let (_, offer) = Peer::new(Instant::now(), local, 8, Options::new(identity())).unwrap();
        self.asks(&Request::JoinVoice { channel, offer, muted: false, deafened: false }).await
    }

    pub async fn sets_voice(&mut self, muted: bool, deafened: bool) {
        self.asks(&Request::SetVoice { muted, deafened }).await.unwrap();
    }
}

impl Call {
    /// Talks from now on, until [`Call::falls_silent`].
    pub fn talks(&self) {
        self.wishes.send(Wish::Say(Some(b"\xf8 words of somebody who has something to say"))).unwrap();
    }

    pub fn falls_silent(&self) {
        self.wishes.send(Wish::Say(None)).unwrap();
    }

    /// Comes into another network: what the connection offers to begin ICE again.
    pub async fn moves(&self) -> String {
        let (reply, offer) = oneshot::channel();
        self.wishes.send(Wish::Move(reply)).unwrap();
        offer.await.unwrap()
    }

    pub fn takes(&self, answer: String) {
        self.wishes.send(Wish::Answer(answer)).unwrap();
    }

    /// Waits until this many more packets of `other` have been heard.
    pub async fn hears(&mut self, other: ParticipantNumber, packets: usize) {
        let before = self.heard.borrow().get(&other).copied().unwrap_or(0);
        let enough = self.heard.wait_for(|heard| heard.get(&other).copied().unwrap_or(0) >= before + packets);
        tokio::time::timeout(PATIENCE, enough).await.expect("nothing is heard").unwrap();
    }

    /// Waits until so many packets of `other` have been heard in all.
    pub async fn has_heard(&mut self, other: ParticipantNumber, packets: usize) {
        let enough = self.heard.wait_for(|heard| heard.get(&other).copied().unwrap_or(0) >= packets);
        let is_late = tokio::time::timeout(PATIENCE, enough).await.is_err();
        assert!(!is_late, "{:?} of {packets} packets were heard", self.heard().get(&other));
    }

    /// Packets said so far.
    pub fn said(&self) -> usize {
        self.said.load(Ordering::Relaxed)
    }

    /// Waits until nothing of `other` has come for half a second.
    pub async fn stops_hearing(&mut self, other: ParticipantNumber) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let before = self.heard.borrow().get(&other).copied();
            tokio::time::sleep(Duration::from_millis(500)).await;
            if self.heard.borrow().get(&other).copied() == before {
                return;
            }
            assert!(Instant::now() < deadline, "still heard");
        }
    }

    pub fn heard(&self) -> Heard {
        self.heard.borrow().clone()
    }

    /// Waits until the other side has ended the connection.
    pub async fn is_over(&mut self) {
        let over = self.connected.wait_for(|connected| !*connected);
        tokio::time::timeout(PATIENCE, over).await.expect("the connection goes on").ok();
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn live(
    mut peer: Peer,
    mut socket: UdpSocket,
    heard: watch::Sender<Heard>,
    connected: watch::Sender<bool>,
    mut wishes: mpsc::UnboundedReceiver<Wish>,
    said: Arc<AtomicUsize>,
) {
    let mut buffer = [0; 2048];
    let mut saying = None;
    let mut pace = tokio::time::interval(FRAME);
    loop {
        while let Some(out) = peer.poll_transmit() {
            let _ = socket.send_to(&out.contents, out.to).await;
        }
        while let Some(event) = peer.poll_event() {
            match event {
                Event::Connected => drop(connected.send(true)),
                Event::Packet(packet) => {
                    if let Some(speaker) = packet.speaker {
                        heard.send_modify(|heard| *heard.entry(speaker).or_default() += 1);
                    }
                }
                Event::Closed => drop(connected.send(false)),
            }
        }
        let deadline = peer.deadline().unwrap_or_else(|| Instant::now() + Duration::from_secs(1));
        tokio::select! {
            received = socket.recv_from(&mut buffer) => if let Ok((length, from)) = received {
                peer.handle_datagram(Instant::now(), from, &buffer[..length]);
            },
            () = tokio::time::sleep_until(deadline.into()) => peer.handle_timeout(Instant::now()),
            _ = pace.tick() => if let Some(payload) = saying {
                peer.send_opus(Instant::now(), payload, -10);
                said.fetch_add(1, Ordering::Relaxed);
            },
            wish = wishes.recv() => match wish {
                Some(Wish::Say(words)) => saying = words,
                Some(Wish::Move(reply)) => {
                    socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
                    reply.send(peer.restart().unwrap()).unwrap();
                }
                Some(Wish::Answer(answer)) => peer.accept_answer(Instant::now(), &answer).unwrap(),
                None => return,
            },
        }
    }
}
