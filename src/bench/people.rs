//! The people: each signs in, opens a WebSocket, goes into a room, and talks or listens.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sfu_peer::Identity;
use tokio::net::UdpSocket;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use super::client::{self, Http, Socket};
use super::voice::{Phase, Tally, Voice, Window, Words};
use super::{Error, sink};
use crate::id::ChannelId;
use crate::protocol::client::Request;
use crate::protocol::close;
use crate::protocol::rest::Register;
use crate::protocol::server::{Answer, ServerEvent, Snapshot};
use crate::protocol::types::ChannelKind;

/// How long one person may take to come in, waiting for others not counted.
const ARRIVAL: Duration = Duration::from_secs(60);

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(5);

/// How many people do what, and how they come in.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Rooms.
    pub rooms: u16,
    /// People in each.
    pub people: u16,
    /// How many of them talk.
    pub talkers: u16,
    /// Bytes of a packet's payload.
    pub payload: u16,
    /// People who come in at the same time.
    pub joins_at_once: u16,
    /// Whether the talkers of a room send at the same moment.
    pub together: bool,
    /// Whether those who only listen will be cut off, see [`sink`].
    pub sink: bool,
}

/// Everybody.
pub struct People {
    tasks: JoinSet<Result<Tally, Error>>,
    phase: watch::Sender<Phase>,
    /// Voices that one hears at once, as the server said.
    pub slots: u8,
    /// From asking to join until sound could travel, each person.
    pub joins: Vec<Duration>,
    /// Where each person's voice is, by number.
    pub addresses: BTreeMap<usize, SocketAddr>,
    /// The cipher they agreed on with the server; all offer the same.
    pub srtp_profile: Option<&'static str>,
    /// The address of this machine that they all have.
    pub local: IpAddr,
    datagram_len: Arc<AtomicUsize>,
}

impl Plan {
    /// Everybody.
    pub fn all(self) -> usize {
        usize::from(self.rooms) * usize::from(self.people)
    }

    /// The room of a person: they fill the rooms in turn.
    pub fn room(self, number: usize) -> usize {
        number % usize::from(self.rooms)
    }

    /// As how many-th this person came into the room. Those who come first talk.
    pub fn place(self, number: usize) -> usize {
        number / usize::from(self.rooms)
    }

    /// When in the 20 ms of a packet this person talks: spread by a step that is no part of them.
    pub fn offset(self, number: usize) -> Duration {
        let step = if self.together { self.room(number) } else { number };
        Duration::from_micros(step as u64 * 7_919 % 20_000)
    }
}

impl People {
    /// Brings everybody in; `progress` is told how many are.
    pub async fn gather(http: Http, plan: Plan, mut progress: impl FnMut(usize)) -> Result<Self, Error> {
        let mark = getrandom::u32().map_err(|error| Error::Socket(error.into()))?;
        let house = Arc::new(House {
            http,
            plan,
            mark,
            local: match plan.sink {
                true => sink::SERVER,
                false => local_address_towards(http.0).await?,
            },
            identity: Identity::generate()?,
            epoch: Instant::now(),
            doors: Semaphore::new(plan.joins_at_once.into()),
            datagram_len: Arc::default(),
        });
        let (phase, phases) = watch::channel(Phase::Arriving);
        let (sender, mut arrivals) = mpsc::channel(plan.all());
        let mut tasks = JoinSet::new();
        for number in 0..plan.all() {
            tasks.spawn(live(house.clone(), number, sender.clone(), phases.clone()));
        }
        let mut people = Self {
            tasks,
            phase,
            slots: 0,
            joins: Vec::with_capacity(plan.all()),
            addresses: BTreeMap::new(),
            srtp_profile: None,
            local: house.local,
            datagram_len: house.datagram_len.clone(),
        };
        while people.joins.len() < plan.all() {
            tokio::select! {
                Some(arrival) = arrivals.recv() => {
                    let Arrival { number, took, slots, address, srtp_profile } = arrival;
                    people.slots = slots;
                    people.addresses.insert(number, address);
                    people.srtp_profile = srtp_profile;
                    people.joins.push(took);
                    progress(people.joins.len());
                }
                // Nobody leaves before all are told to: this one did not come in.
                Some(ended) = people.tasks.join_next() => {
                    ended.map_err(|_| Error::Broken)??;
                    return Err(Error::Broken);
                }
            }
        }
        Ok(people)
    }

    /// Lets the talkers talk; what they send in the window is measured.
    pub fn talk(&self, window: Window) {
        self.phase.send_replace(Phase::Talking(window));
    }

    /// Nobody talks any more, and what comes from `floor` is counted and thrown away.
    pub fn discard_from(&self, floor: SocketAddr) {
        self.phase.send_replace(Phase::Floor(floor));
    }

    /// Bytes of a datagram in which somebody heard somebody; 0 when nobody has.
    pub fn datagram_len(&self) -> usize {
        self.datagram_len.load(Ordering::Relaxed)
    }

    /// Sends everybody home; what each counted.
    pub async fn go_home(mut self) -> Result<Vec<Tally>, Error> {
        self.phase.send_replace(Phase::Over);
        let mut tallies = Vec::with_capacity(self.joins.len());
        while let Some(ended) = self.tasks.join_next().await {
            tallies.push(ended.map_err(|_| Error::Broken)??);
        }
        Ok(tallies)
    }
}

/// What all people share.
struct House {
    http: Http,
    plan: Plan,
    /// In every name, so that a second run on the same server makes new ones.
    mark: u32,
    local: IpAddr,
    identity: Identity,
    epoch: Instant,
    doors: Semaphore,
    datagram_len: Arc<AtomicUsize>,
}

/// Somebody is in.
struct Arrival {
    number: usize,
    took: Duration,
    slots: u8,
    address: SocketAddr,
    srtp_profile: Option<&'static str>,
}

/// From the door to the goodbye.
async fn live(
    house: Arc<House>,
    number: usize,
    arrivals: mpsc::Sender<Arrival>,
    phases: watch::Receiver<Phase>,
) -> Result<Tally, Error> {
    let plan = house.plan;
    let talks = plan.place(number) < usize::from(plan.talkers);

    // Closed only when the house is gone, and this task holds it.
    let door = house.doors.acquire().await.map_err(|_| Error::Broken)?;
    let arriving = arrive(&house, number);
    let (voice, socket, arrival) =
        tokio::time::timeout(ARRIVAL, arriving).await.map_err(|_| Error::NotConnected)??;
    drop(door);
    // Nobody waits any more when the measurement was given up.
    let _ = arrivals.send(arrival).await;

    let listening = tokio::spawn(follow(socket, phases.clone()));
    let mut tally = voice.take_part(talks, phases).await?;
    tally.lost |= listening.await.map_err(|_| Error::Broken)?;
    Ok(tally)
}

async fn arrive(house: &House, number: usize) -> Result<(Voice, Socket, Arrival), Error> {
    let name = format!("bench-{:08x}-{number}", house.mark);
    let account = Register {
        email: format!("{name}@example.org"),
        password: format!("{name}-has-a-password"),
        username: name,
        setup_token: None,
    };
    let cookie = house.http.register(&account).await?;
    let (mut socket, _) = Socket::open(house.http.0, &cookie, None).await?;
    let ServerEvent::Ready { snapshot } = socket.event().await? else {
        return Err(client::Error::Protocol("the first event is not `ready`".to_owned()).into());
    };
    let slots = snapshot.slots;
    let channel = voice_channel(&snapshot, house.plan.room(number), house.plan.rooms)?;
    let words = Words {
        len: house.plan.payload.into(),
        epoch: house.epoch,
        offset: house.plan.offset(number),
        datagram_len: house.datagram_len.clone(),
    };
    let local = match house.plan.sink {
        true => sink::address_of(house.plan, number),
        false => house.local,
    };
    let (mut voice, offer) = Voice::new(local, slots, house.identity.clone(), words).await?;
    let asked = Instant::now();
    // Those who do not talk send nothing, as in a room of people who listen with an open microphone.
    let join = Request::JoinVoice { channel, offer, muted: false, deafened: false };
    let Answer::VoiceJoined { answer, .. } = socket.request(&join).await? else {
        return Err(client::Error::Protocol("another answer to `join_voice`".to_owned()).into());
    };
    voice.connect(&answer).await?;
    let (took, address, srtp_profile) = (asked.elapsed(), voice.address(), voice.srtp_profile());
    Ok((voice, socket, Arrival { number, took, slots, address, srtp_profile }))
}

/// The voice channel of the `room`-th room.
fn voice_channel(snapshot: &Snapshot, room: usize, rooms: u16) -> Result<ChannelId, Error> {
    let voice = snapshot.channels.iter().filter(|channel| channel.kind == ChannelKind::Voice);
    let channels: Vec<ChannelId> = voice.map(|channel| channel.id).collect();
    let too_few = Error::TooFewRooms { asked: rooms, there: channels.len() };
    if channels.len() < usize::from(rooms) {
        return Err(too_few);
    }
    channels.get(room).copied().ok_or(too_few)
}

/// Takes in what the server tells, as a page does, until all is over; whether the socket was lost before.
async fn follow(mut socket: Socket, mut phases: watch::Receiver<Phase>) -> bool {
    loop {
        tokio::select! {
            // The end comes first: what closes after it was meant to.
            biased;
            over = phases.wait_for(|phase| matches!(phase, Phase::Over)) => {
                drop(over);
                break;
            }
            frame = socket.frame() => {
                if frame.is_err() {
                    return true;
                }
            }
        }
    }
    // Says goodbye, so that a server that goes on keeps no place for this person.
    let _ = tokio::time::timeout(GOODBYE, socket.close(close::GOING_AWAY)).await;
    false
}

/// The address of this machine that the way to `server` begins at.
async fn local_address_towards(server: SocketAddr) -> Result<IpAddr, Error> {
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(any).await.map_err(Error::Socket)?;
    // Sends nothing: only the route is looked up.
    socket.connect(server).await.map_err(Error::Socket)?;
    Ok(socket.local_addr().map_err(Error::Socket)?.ip())
}
