//! The people: each signs in, opens a WebSocket, goes into a room, and talks or listens.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sfu_peer::Identity;
use tokio::net::UdpSocket;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use super::Error;
use super::booth::{Booth, Door, Phase, Window};
use super::client::{self, Http, Socket};
use super::plan::Plan;
use super::seat::{Seat, Tally};
use super::sink;
use super::voice::Voice;
use super::words::{Part, Wall};
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

/// Threads for the people: one per core, wherever the server leaves time, and no more than keep busy.
const BOOTHS_MAX: usize = 8;

/// Everybody.
pub struct People {
    tasks: JoinSet<Result<bool, Error>>,
    phase: watch::Sender<Phase>,
    doors: Vec<Door>,
    arrivals: mpsc::Receiver<Arrival>,
    /// Voices that one hears at once, as the server said.
    pub slots: u8,
    /// From asking to join until sound could travel, each person who was there from the beginning.
    pub joins: Vec<Duration>,
    /// The same of those who came in while it was measured.
    pub late_joins: Vec<Duration>,
    /// Where each person's voice is, by number; only of those who were there from the beginning.
    pub addresses: BTreeMap<usize, SocketAddr>,
    /// The cipher they agreed on with the server; all offer the same.
    pub srtp_profile: Option<&'static str>,
    /// The address of this machine that they all have.
    pub local: IpAddr,
    datagram_len: Arc<AtomicUsize>,
}

/// What everybody counted.
#[derive(Clone, Default)]
pub struct Counted {
    /// Each person.
    pub tallies: Vec<Tally>,
    /// Those whose WebSocket was lost before the end.
    pub sockets_lost: usize,
}

impl People {
    /// Brings everybody in, and those who come later up to the door; `progress` is told how many there are.
    pub async fn gather(http: Http, plan: Plan, mut progress: impl FnMut(usize)) -> Result<Self, Error> {
        let mark = getrandom::u32().map_err(|error| Error::Socket(error.into()))?;
        let (phase, phases) = watch::channel(Phase::Arriving);
        let wall = Wall::look()?;
        let datagram_len = Arc::<AtomicUsize>::default();
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let booths = 0..cores.clamp(1, BOOTHS_MAX);
        let open = |_| Booth::open(plan.payload.into(), wall, phases.clone(), datagram_len.clone());
        let doors = booths.map(open).collect::<Result<Vec<_>, Error>>()?;
        let house = Arc::new(House {
            http,
            plan,
            mark,
            wall,
            local: match plan.sink {
                true => sink::SERVER,
                false => local_address_towards(http.0).await?,
            },
            identity: Identity::generate()?,
            queue: Semaphore::new(plan.joins_at_once.into()),
            seats: doors.iter().map(Door::seats).collect(),
        });
        let (sender, arrivals) = mpsc::channel(plan.everybody().max(1));
        let mut tasks = JoinSet::new();
        for number in 0..plan.everybody() {
            tasks.spawn(live(house.clone(), number, sender.clone(), phases.clone()));
        }
        let mut people = Self {
            tasks,
            phase,
            doors,
            arrivals,
            slots: 0,
            joins: Vec::with_capacity(plan.all()),
            late_joins: Vec::with_capacity(plan.late.into()),
            addresses: BTreeMap::new(),
            srtp_profile: None,
            local: house.local,
            datagram_len,
        };
        let mut there = 0;
        while there < plan.everybody() {
            tokio::select! {
                Some(arrival) = people.arrivals.recv() => {
                    there += 1;
                    people.note(arrival);
                    progress(there);
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

    fn note(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::AtTheDoor => {}
            Arrival::In { number, took, slots, address, srtp_profile } => {
                self.slots = slots;
                self.addresses.insert(number, address);
                self.srtp_profile = srtp_profile;
                self.joins.push(took);
            }
            Arrival::Late { took } => self.late_joins.push(took),
        }
    }

    /// Lets the talkers talk, and those who come later come; what is sent in the window is measured.
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

    /// Notes who has come in since.
    pub fn note_late_joins(&mut self) {
        while let Ok(arrival) = self.arrivals.try_recv() {
            self.note(arrival);
        }
    }

    /// Sends everybody home; what each counted.
    pub async fn go_home(mut self) -> Result<Counted, Error> {
        self.phase.send_replace(Phase::Over);
        let mut counted = Counted::default();
        while let Some(ended) = self.tasks.join_next().await {
            counted.sockets_lost += usize::from(ended.map_err(|_| Error::Broken)??);
        }
        for door in self.doors {
            counted.tallies.extend(door.tallies().await?);
        }
        Ok(counted)
    }
}

/// What all people share.
struct House {
    http: Http,
    plan: Plan,
    /// In every name, so that a second run on the same server makes new ones.
    mark: u32,
    wall: Wall,
    local: IpAddr,
    identity: Identity,
    /// Before the door.
    queue: Semaphore,
    seats: Vec<std::sync::mpsc::Sender<Seat>>,
}

/// Somebody has come.
enum Arrival {
    /// Signed in, and waits for the call to begin.
    AtTheDoor,
    /// In the call before it is measured.
    In { number: usize, took: Duration, slots: u8, address: SocketAddr, srtp_profile: Option<&'static str> },
    /// In the call while it is measured.
    Late { took: Duration },
}

/// Somebody who is signed in.
struct Guest {
    socket: Socket,
    slots: u8,
    channel: ChannelId,
}

/// From the door to the goodbye; whether the WebSocket was lost on the way.
async fn live(
    house: Arc<House>,
    number: usize,
    arrivals: mpsc::Sender<Arrival>,
    mut phases: watch::Receiver<Phase>,
) -> Result<bool, Error> {
    let part = house.plan.part(number);
    // Closed only when the house is gone, and this task holds it.
    let place = house.queue.acquire().await.map_err(|_| Error::Broken)?;
    let mut guest = in_time(sign_in(&house, number)).await?;
    let arrival = if part.late {
        drop(place);
        // Nobody waits any more when the measurement was given up.
        let _ = arrivals.send(Arrival::AtTheDoor).await;
        let Ok(from) = phases.wait_for(|phase| !matches!(phase, Phase::Arriving)).await.map(|phase| *phase)
        else {
            return Ok(false);
        };
        if let Phase::Talking(window) = from {
            tokio::time::sleep_until((window.from + house.plan.delay(number)).into()).await;
        }
        // Who is not let in while it is busy is counted as not come, and is no reason to end the measurement.
        match in_time(join(&house, &mut guest, part)).await {
            Ok((took, _, _)) => Arrival::Late { took },
            Err(_) => return Ok(false),
        }
    } else {
        let (took, address, srtp_profile) = in_time(join(&house, &mut guest, part)).await?;
        drop(place);
        Arrival::In { number, took, slots: guest.slots, address, srtp_profile }
    };
    let _ = arrivals.send(arrival).await;
    Ok(follow(guest.socket, phases).await)
}

async fn in_time<T>(coming: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::time::timeout(ARRIVAL, coming).await.map_err(|_| Error::NotConnected)?
}

async fn sign_in(house: &House, number: usize) -> Result<Guest, Error> {
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
    let channel = voice_channel(&snapshot, house.plan.room(number), house.plan.rooms)?;
    Ok(Guest { socket, slots: snapshot.slots, channel })
}

/// Into the call: how long it took, from where, and with which cipher.
async fn join(
    house: &House,
    guest: &mut Guest,
    part: Part,
) -> Result<(Duration, SocketAddr, Option<&'static str>), Error> {
    let local = match house.plan.sink {
        true => sink::address_of(house.plan, part.number),
        false => house.local,
    };
    let (mut voice, offer) = Voice::new(local, guest.slots, house.identity.clone()).await?;
    let asked = Instant::now();
    // Nobody is muted: those who do not talk have a microphone that is open and silent.
    let join = Request::JoinVoice { channel: guest.channel, offer, muted: false, deafened: false };
    let Answer::VoiceJoined { answer, .. } = guest.socket.request(&join).await? else {
        return Err(client::Error::Protocol("another answer to `join_voice`".to_owned()).into());
    };
    voice.connect(&answer).await?;
    let outcome = (asked.elapsed(), voice.address(), voice.srtp_profile());
    let seat = voice.take_seat(part, house.wall)?;
    let booth = part.number.checked_rem(house.seats.len()).and_then(|booth| house.seats.get(booth));
    booth.ok_or(Error::Broken)?.send(seat).map_err(|_| Error::Broken)?;
    Ok(outcome)
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
            heard = socket.skim() => {
                if heard.is_err() {
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
