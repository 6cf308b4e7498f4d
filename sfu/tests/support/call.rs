//! People, an SFU, a network and a clock.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sfu::{
    Audience, EgressPath, Event, Identity, Join, JoinError, LeaveReason, Limits, ParticipantId, RestartError,
    RoomId, RoomSettings, Timeouts, Worker, WorkerConfig,
};
use sfu_peer::{Event as PeerEvent, Identity as PeerIdentity, Options, Peer};

use super::cipher::Cipher;
use super::ear::Ear;
use super::net::{Conditions, SimDatagram, SimNet};
use super::sim_sfu::{CROSSING_THERE_AND_BACK, SimSfu};
use super::wiretap::Wiretap;
use super::{millis, secs, workers_of_this_story};

/// A good voice close to the microphone.
pub const LOUD: i8 = -25;

/// One packet's worth of speech.
const FRAME: Duration = Duration::from_millis(20);

/// What may still arrive after someone was muted or has left: what was under way.
const AFTERMATH: Duration = Duration::from_millis(500);

/// How much an eavesdropper remembers.
const OVERHEARD_MAX: usize = 2_000;

/// How a call is set up, where it differs from an ordinary one.
#[derive(Clone, Debug)]
pub struct Setup {
    pub seed: u64,
    pub workers: u8,
    pub slots: u8,
    pub conditions: Conditions,
    pub limits: Limits,
    pub timeouts: Timeouts,
    pub egress: EgressPath,
    pub cipher: Cipher,
}

/// A call.
pub struct SimCall {
    pub now: Instant,
    pub sfu: SimSfu,
    pub net: SimNet,
    pub events: Vec<Event>,
    /// Whether anyone takes the SFU's events.
    pub somebody_listens_to_events: bool,
    /// What happens to offers on their way to the SFU.
    pub tampering: fn(String) -> String,
    people: BTreeMap<&'static str, Person>,
    seed: u64,
    slots: u8,
    next_id: u32,
    next_address: u32,
    identity: PeerIdentity,
    /// The last datagrams everyone sent, for whoever wants to send them again.
    overheard: VecDeque<SimDatagram>,
    /// Silent when the cipher has no nonces to be read.
    pub wiretap: Option<Wiretap>,
    /// What was sent to addresses nobody has.
    pub astray: Vec<SimDatagram>,
    /// When each participant was last allowed to be heard, once he is not any more.
    silenced: BTreeMap<u32, Instant>,
}

struct Person {
    id: ParticipantId,
    peer: Peer,
    ear: Ear,
    /// The address under which the network knows him.
    public: SocketAddr,
    /// What the network does with his datagrams.
    plugged_in: bool,
    connected: bool,
    closed: bool,
    deaf_since: Option<Instant>,
    spoken: u32,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            seed: 1,
            workers: workers_of_this_story(),
            slots: 4,
            conditions: Conditions::PERFECT,
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            egress: EgressPath::default(),
            cipher: Cipher::default(),
        }
    }
}

impl SimCall {
    pub fn new(setup: Setup) -> SimCall {
        let now = Instant::now();
        let identity = Identity::with_crypto([7; 32], setup.cipher.provider()).unwrap();
        let worker = |number: u8| {
            let address = SocketAddr::from(([10, 0, 0, 1 + number], 5_000));
            let config = WorkerConfig {
                number: usize::from(number),
                slots: setup.slots,
                addresses: vec![address],
                udp: true,
                tcp: false,
                limits: setup.limits.clone(),
                timeouts: setup.timeouts.clone(),
                egress: setup.egress,
                identity: identity.clone(),
            };
            (address, Worker::new(now, config))
        };
        let workers = (0..setup.workers).map(worker).collect();
        SimCall {
            now,
            sfu: SimSfu::new(now, setup.seed, workers),
            net: SimNet::new(setup.seed, setup.conditions),
            events: Vec::new(),
            somebody_listens_to_events: true,
            tampering: |offer| offer,
            people: BTreeMap::new(),
            seed: setup.seed,
            slots: setup.slots,
            next_id: 1,
            next_address: 1,
            identity: PeerIdentity::with_crypto(setup.cipher.provider()).unwrap(),
            overheard: VecDeque::new(),
            wiretap: (!matches!(setup.cipher, Cipher::Cm | Cipher::Own)).then(Wiretap::default),
            astray: Vec::new(),
            silenced: BTreeMap::new(),
        }
    }

    /// A call in which these people are connected.
    pub fn with<const N: usize>(names: [&'static str; N]) -> SimCall {
        SimCall::new(Setup::default()).joined_by(names)
    }

    pub fn joined_by<const N: usize>(mut self, names: [&'static str; N]) -> SimCall {
        for name in names {
            self.joins(name);
        }
        self.connects();
        self
    }

    // What people do.

    pub fn joins(&mut self, name: &'static str) -> ParticipantId {
        self.joins_with(name, false, false)
    }

    /// Joins with RED on offer, or not.
    pub fn joins_with(&mut self, name: &'static str, red: bool, muted: bool) -> ParticipantId {
        self.tries_to_join(name, 1, red, muted).unwrap()
    }

    pub fn tries_to_join(
        &mut self,
        name: &'static str,
        room: u64,
        red: bool,
        muted: bool,
    ) -> Result<ParticipantId, JoinError> {
        let id = ParticipantId(self.next_id);
        self.next_id += 1;
        let address = self.new_address();
        let options = Options { red, reported: true, ..Options::new(self.identity.clone()) };
        let (mut peer, offer) = Peer::new(self.now, address, usize::from(self.slots), options).unwrap();
        let offer = (self.tampering)(offer);
        let join = Join { room: RoomId(room), participant: id, offer, muted, deafened: false };
        let answer = self.sfu.join(self.now, &join)?;
        peer.accept_answer(self.now, &answer).unwrap();
        let person = Person {
            id,
            peer,
            ear: Ear::default(),
            public: address,
            plugged_in: true,
            connected: false,
            closed: false,
            deaf_since: None,
            spoken: 0,
        };
        self.people.insert(name, person);
        if muted {
            self.silenced.insert(id.0, self.now);
        }
        Ok(id)
    }

    /// Waits until everyone who joined is connected.
    pub fn connects(&mut self) {
        let give_up = self.now + secs(20);
        while !self.people.values().all(|person| person.connected) {
            assert!(self.now < give_up, "{}someone did not connect", self.context());
            self.passes(millis(50));
        }
        // The server hears of it a moment later than the last of them.
        self.passes(millis(300));
    }

    pub fn leaves(&mut self, name: &str) {
        let id = self.id(name);
        self.sfu.leave(self.now, id);
        self.silenced.insert(id.0, self.now);
        self.flush();
    }

    /// The browser tab is closed: his side says goodbye.
    pub fn hangs_up(&mut self, name: &str) {
        let now = self.now;
        self.person(name).peer.close(now);
        self.flush();
    }

    pub fn sets_media(&mut self, name: &str, muted: bool, deafened: bool) {
        let (id, now) = (self.id(name), self.now);
        self.sfu.set_media(now, id, muted, deafened);
        if muted || deafened {
            self.silenced.entry(id.0).or_insert(now);
        } else {
            self.silenced.remove(&id.0);
        }
        let person = self.person(name);
        person.deaf_since = deafened.then(|| person.deaf_since.unwrap_or(now));
    }

    /// Whispers to these from now on; to nobody in particular, which is the room, when there are none.
    pub fn whispers_to(&mut self, name: &str, others: &[&str]) {
        let (id, now) = (self.id(name), self.now);
        let ids: Vec<ParticipantId> = others.iter().map(|other| self.id(other)).collect();
        let audience = if ids.is_empty() { Audience::Room } else { Audience::Only(ids.into()) };
        self.sfu.set_audience(now, id, audience);
    }

    /// Goes before others while he speaks, or not any more.
    pub fn has_priority(&mut self, name: &str, priority: bool) {
        let (id, now) = (self.id(name), self.now);
        self.sfu.set_priority(now, id, priority);
    }

    /// Only so many people may be heard at once in the room.
    pub fn hears_at_most(&mut self, max_speakers: Option<u8>) {
        self.sfu.set_room(self.now, RoomId(1), RoomSettings { max_speakers });
        self.flush();
    }

    /// His address translator gives him a new address.
    pub fn is_given_a_new_address(&mut self, name: &str) -> (SocketAddr, SocketAddr) {
        let new = self.new_address();
        let person = self.person(name);
        let old = std::mem::replace(&mut person.public, new);
        (old, new)
    }

    /// His page begins ICE again, and takes the answer if there is one.
    pub fn restarts(&mut self, name: &str) -> Result<(), RestartError> {
        let (id, now) = (self.id(name), self.now);
        let offer = self.person(name).peer.restart().unwrap();
        let answer = self.sfu.restart(now, id, &offer)?;
        self.flush();
        self.person(name).peer.accept_answer(now, &answer).unwrap();
        self.flush();
        Ok(())
    }

    /// His cable is pulled, or put back.
    pub fn is_plugged_in(&mut self, name: &str, plugged_in: bool) {
        self.person(name).plugged_in = plugged_in;
    }

    pub fn speaks(&mut self, name: &str, time: Duration) {
        self.speak(&[(name, LOUD)], time);
    }

    /// Several people send packets of their level for some time; what was heard before is forgotten.
    pub fn speak(&mut self, levels: &[(&str, i8)], time: Duration) {
        // What is still under way between workers belongs to what was said before.
        self.passes(CROSSING_THERE_AND_BACK);
        self.forget();
        self.goes_on_speaking(levels, time);
        let one_way = self.net.conditions.delay + self.net.conditions.jitter;
        self.passes(2 * one_way + CROSSING_THERE_AND_BACK);
    }

    pub fn goes_on_speaking(&mut self, levels: &[(&str, i8)], time: Duration) {
        let end = self.now + time;
        while self.now < end {
            for (name, level) in levels {
                self.says_one_packet(name, *level);
            }
            self.flush();
            self.passes(FRAME);
        }
    }

    /// Time goes by.
    pub fn passes(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let next = self.next_event().filter(|at| *at <= end);
            self.now = next.unwrap_or(end).max(self.now);
            self.turn();
            if next.is_none() {
                return;
            }
        }
    }

    /// A datagram out of nowhere. It goes where it went when it was overheard, or else where whoever has
    /// this address sends his.
    pub fn receives_from(&mut self, from: SocketAddr, bytes: &[u8]) {
        let to = self.destination_of(from, bytes);
        self.sfu.handle_datagram(self.now, from, to, bytes);
    }

    fn destination_of(&self, from: SocketAddr, bytes: &[u8]) -> SocketAddr {
        if let Some(before) = self.overheard.iter().find(|before| before.bytes == bytes) {
            return before.to;
        }
        let his = self.overheard.iter().rev().find(|before| before.from == from);
        his.map_or(self.sfu.address(), |before| before.to)
    }

    /// What an eavesdropper on someone's line has heard him send lately.
    pub fn overheard(&self, name: &str) -> Vec<Vec<u8>> {
        let address = self.address(name);
        let his = self.overheard.iter().filter(|datagram| datagram.from == address);
        his.map(|datagram| datagram.bytes.clone()).collect()
    }

    // What can be seen.

    /// The names of those heard since speaking last began.
    pub fn heard_by(&self, name: &str) -> Vec<&'static str> {
        let heard = &self.people[name].ear.heard;
        self.people
            .iter()
            .filter(|(_, person)| heard.contains_key(&person.id.0))
            .map(|(name, _)| *name)
            .collect()
    }

    /// How many packets of one person another has heard.
    pub fn packets_heard(&self, listener: &str, speaker: &str) -> u64 {
        let id = self.people[speaker].id.0;
        self.people[listener].ear.heard.get(&id).copied().unwrap_or(0)
    }

    /// How many packets somebody has sent.
    pub fn spoken(&self, name: &str) -> u32 {
        self.people[name].spoken
    }

    pub fn ear(&self, name: &str) -> &Ear {
        &self.people[name].ear
    }

    pub fn peer(&mut self, name: &str) -> &mut Peer {
        &mut self.person(name).peer
    }

    pub fn forget(&mut self) {
        for person in self.people.values_mut() {
            person.ear.clear();
        }
    }

    pub fn id(&self, name: &str) -> ParticipantId {
        self.people[name].id
    }

    pub fn address(&self, name: &str) -> SocketAddr {
        self.people[name].public
    }

    pub fn is_connected(&self, name: &str) -> bool {
        self.people[name].connected
    }

    pub fn was_told_goodbye(&self, name: &str) -> bool {
        self.people[name].closed
    }

    /// Takes someone out of the story, together with his client.
    pub fn vanishes(&mut self, name: &str) {
        self.people.remove(name);
    }

    pub fn names(&self) -> Vec<&'static str> {
        self.people.keys().copied().collect()
    }

    /// Who speaks, as was last announced.
    pub fn speakers(&self) -> Vec<ParticipantId> {
        let last = self.events.iter().rev().find_map(|event| match event {
            Event::Speakers { speakers, .. } => Some(speakers.clone()),
            _ => None,
        });
        last.unwrap_or_default()
    }

    /// Who is heard in which slot, as was last announced.
    pub fn slots(&self) -> Vec<Option<ParticipantId>> {
        let last = self.events.iter().rev().find_map(|event| match event {
            Event::Slots { slots, .. } => Some(slots.clone()),
            _ => None,
        });
        last.unwrap_or_default()
    }

    pub fn left(&self, who: ParticipantId) -> Option<LeaveReason> {
        self.events.iter().find_map(|event| match event {
            Event::Left { participant, reason, .. } if *participant == who => Some(*reason),
            _ => None,
        })
    }

    /// What to say when something is wrong.
    pub fn context(&self) -> String {
        format!("seed {}: ", self.seed)
    }

    // How it works.

    pub fn says_one_packet(&mut self, name: &str, level: i8) {
        let now = self.now;
        let person = self.person(name);
        person.spoken += 1;
        let mut words = person.id.0.to_be_bytes().to_vec();
        words.extend(person.spoken.to_be_bytes());
        words.resize(80, 0x55);
        person.peer.send_opus(now, &words, level);
    }

    pub fn flush(&mut self) {
        for person in self.people.values_mut() {
            while let Some(transmit) = person.peer.poll_transmit() {
                if person.plugged_in {
                    let datagram =
                        SimDatagram { from: person.public, to: transmit.to, bytes: transmit.contents };
                    self.overheard.push_back(datagram.clone());
                    if self.overheard.len() > OVERHEARD_MAX {
                        self.overheard.pop_front();
                    }
                    self.net.send(self.now, datagram);
                }
            }
        }
        while let Some(transmit) = self.sfu.poll_transmit() {
            if let Some(wiretap) = &mut self.wiretap {
                wiretap.hear(transmit.contents);
            }
            let datagram =
                SimDatagram { from: transmit.local, to: transmit.remote, bytes: transmit.contents.to_vec() };
            self.net.send(self.now, datagram);
        }
        self.sfu.cross(self.now);
        while self.somebody_listens_to_events
            && let Some(event) = self.sfu.poll_event()
        {
            self.events.push(event);
        }
    }

    fn turn(&mut self) {
        while let Some(datagram) = self.net.arrived(self.now) {
            if self.sfu.has_address(datagram.to) {
                self.sfu.handle_datagram(self.now, datagram.from, datagram.to, &datagram.bytes);
            } else {
                self.deliver(datagram);
            }
        }
        self.sfu.handle_timeout(self.now);
        for person in self.people.values_mut() {
            person.peer.handle_timeout(self.now);
        }
        self.flush();
        self.listen();
    }

    fn deliver(&mut self, datagram: SimDatagram) {
        let now = self.now;
        // Whoever has this address now; what goes to an address nobody has is gone.
        let Some(person) = self.people.values_mut().find(|person| person.public == datagram.to) else {
            self.astray.push(datagram);
            return;
        };
        if person.plugged_in {
            person.peer.handle_datagram(now, datagram.from, &datagram.bytes);
        }
    }

    fn listen(&mut self) {
        let (now, seed) = (self.now, self.seed);
        for (name, person) in &mut self.people {
            let mut events = VecDeque::new();
            while let Some(event) = person.peer.poll_event() {
                events.push_back(event);
            }
            for event in events {
                match event {
                    PeerEvent::Connected => person.connected = true,
                    PeerEvent::Closed => person.closed = true,
                    PeerEvent::Packet(packet) => {
                        let payload = newest_words(&packet.payload, packet.red);
                        let speaker = packet.speaker.unwrap_or_default();
                        for since in
                            [self.silenced.get(&speaker).copied(), person.deaf_since].into_iter().flatten()
                        {
                            assert!(
                                now < since + AFTERMATH,
                                "seed {seed}: {name} hears participant {speaker}, which must not be"
                            );
                        }
                        person.ear.hear(person.id.0, &packet, payload);
                    }
                }
            }
        }
    }

    fn next_event(&mut self) -> Option<Instant> {
        let peers = self.people.values().filter_map(|person| person.peer.deadline()).min();
        [self.net.deadline(), self.sfu.deadline(), peers].into_iter().flatten().min()
    }

    fn new_address(&mut self) -> SocketAddr {
        let n = self.next_address;
        self.next_address += 1;
        let [_, a, b, c] = n.to_be_bytes();
        SocketAddr::from(([192, a, b, c], 40_000))
    }

    fn person(&mut self, name: &str) -> &mut Person {
        self.people.get_mut(name).unwrap_or_else(|| panic!("nobody is called {name}"))
    }
}

/// What the newest block of a payload says; our speech is always 80 bytes.
fn newest_words(payload: &[u8], red: bool) -> &[u8] {
    if red { &payload[payload.len() - 80..] } else { payload }
}

impl Drop for SimCall {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the call's seed was {}", self.seed);
        }
    }
}
