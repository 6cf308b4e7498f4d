//! A participant: one session of the WebRTC library, the track it publishes, and how it is reached.
//!
//! The contract with the library: every change is followed by draining its output until it names the time
//! it wants to be woken; so every method here that changes the session ends in [`Participant::drain`].
//! A participant knows nothing of other participants. Start at [`Participant::receive`].
//!
//! The library says who is genuine; where media goes we decide ourselves ([`Participant::proven`]), since
//! the library would keep sending to an address for 15 s after its owner has moved.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::change::SdpOffer;
use str0m::format::Codec as CodecName;
use str0m::media::Mid;
use str0m::net::{DatagramRecv, Protocol, Receive};
use str0m::rtp::{Extension, ExtensionMap, RtpPacket};
use str0m::{Candidate, Event, IceCreds, Input, Output, Rtc, RtcConfig};

use crate::bucket::Bucket;
use crate::config::Timeouts;
use crate::demux::{Origin, is_binding_success, is_stun};
use crate::egress::Egress;
use crate::forwarder::{Codec, Encoding, Frame, Outgoing, Sound};
use crate::id::{ParticipantId, RoomId, SlotIndex};
use crate::identity::Identity;
use crate::message::{MediaPath, OfferFault};
use crate::offer::Offer;
use crate::red::Red;
use crate::timeline::Source;
use crate::worker::{Datagram, Transmit};

/// Addresses one participant may have at a time: a few network cards times a few of ours.
const ADDRESSES_MAX: usize = 8;

/// New addresses per second, and how many at once. Each costs the library a candidate it never forgets.
const NEW_ADDRESSES_PER_SECOND: f32 = 0.2;
const NEW_ADDRESSES_BURST: f32 = 16.0;

/// Audio packets per second. Frames of 10 ms make 100; what is far beyond is no microphone.
const PACKETS_PER_SECOND: f32 = 150.0;
const PACKETS_BURST: f32 = 100.0;

/// How long nothing must have come from an address before a mere binding request may move media to
/// another one. Browsers check every 2.5 s; a request can be recorded and sent again by anyone who sees
/// it, audio cannot.
const PATH_SILENCE: Duration = Duration::from_secs(3);

/// Packets kept of someone without a slot, so that his first syllable is heard when he gets one: 100 ms.
const HELD_BACK: usize = 5;

/// One participant.
#[derive(Debug)]
pub(crate) struct Participant {
    pub(crate) id: ParticipantId,
    pub(crate) room: RoomId,
    rtc: Rtc,
    pub(crate) media: Media,
    pub(crate) link: Link,
    /// What the caller was last told of `link`.
    pub(crate) announced: Link,
    /// Whether `link` waits to be announced.
    pub(crate) announcing: bool,
    /// Whether something waits in the session to be sent.
    pub(crate) touched: bool,
    joined_at: Instant,
    /// When something genuine last came.
    heard_at: Instant,
    /// When the session wants to be woken.
    wake_at: Instant,
    /// Where media goes.
    path: Option<Path>,
    /// Proven addresses, oldest first.
    addresses: VecDeque<Origin>,
    new_addresses: Bucket,
    packets: Bucket,
    codec: Codec,
    egress: Egress,
    held_back: VecDeque<Frame>,
    /// See [`Source::turn`].
    turn: u32,
    /// Whether a packet has been withheld since the last one that was forwarded.
    gap: bool,
    pub(crate) packets_in: u64,
    pub(crate) packets_out: u64,
    /// Set by a test that wants to see what becomes of a session that breaks.
    pub(crate) fault: bool,
}

/// What a participant may send and gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    /// Speaks and listens.
    Open,
    /// Listens.
    Muted,
    /// Neither.
    Deafened,
}

/// How things stand between him and us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// Not yet connected.
    Connecting,
    /// Media flows.
    Connected,
    /// Nothing has come for a while.
    Interrupted,
}

#[derive(Clone, Copy, Debug)]
struct Path {
    remote: Origin,
    local: SocketAddr,
    heard_at: Instant,
}

/// What showed that a datagram was genuine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    /// A binding request the session has answered.
    Check,
    /// One that asks for media to be sent to where it came from.
    Nomination,
    /// Audio the session has decrypted. It cannot be replayed.
    Audio,
}

/// What came out of a session.
#[derive(Debug, Default)]
pub(crate) struct Produced {
    pub(crate) packets: Vec<RtpPacket>,
    /// He can send and be sent audio from now on.
    pub(crate) connected: bool,
    /// The session is over.
    pub(crate) ended: bool,
    /// An address he has just proven to have, and one he has to give up for it.
    pub(crate) learned: Option<Origin>,
    pub(crate) forgotten: Option<Origin>,
    /// The datagram was no good.
    pub(crate) refused: bool,
    binding_answered: bool,
}

/// Time has run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// For connecting, or for coming back.
    Gone,
    /// For sending anything.
    Interrupted,
}

/// Why a packet was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Muted,
    Flooded,
    BadRed,
}

impl Media {
    pub(crate) fn new(muted: bool, deafened: bool) -> Media {
        match (deafened, muted) {
            (true, _) => Media::Deafened,
            (false, true) => Media::Muted,
            (false, false) => Media::Open,
        }
    }

    pub(crate) fn may_speak(self) -> bool {
        self == Media::Open
    }

    pub(crate) fn may_listen(self) -> bool {
        self != Media::Deafened
    }
}

/// What is needed to open a session.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    pub(crate) id: ParticipantId,
    pub(crate) room: RoomId,
    pub(crate) media: Media,
    pub(crate) offer: Offer,
    pub(crate) identity: &'a Identity,
    pub(crate) credentials: IceCreds,
    pub(crate) candidates: &'a [Candidate],
}

impl Participant {
    /// Opens a session for an offer, and answers it.
    pub(crate) fn open(now: Instant, opening: Opening<'_>) -> Result<(Participant, String), OfferFault> {
        let Opening { id, room, media, offer, identity, credentials, candidates } = opening;
        let sdp = SdpOffer::from_sdp_string(&offer.sdp).map_err(|_| OfferFault::NotSdp)?;
        let mut rtc = session_config(identity, credentials).build(now);
        for candidate in candidates {
            rtc.add_local_candidate(candidate.clone());
        }
        let answer = rtc.sdp_api().accept_offer(sdp).map_err(|_| OfferFault::Refused)?;
        let codec = agreed_codec(&rtc, offer.sending).ok_or(OfferFault::NoOpus)?;
        let mut streams = Vec::with_capacity(offer.receiving.len());
        for mid in &offer.receiving {
            let mut session = rtc.direct_api();
            let stream = session.stream_tx_by_mid(*mid, None).ok_or(OfferFault::Refused)?;
            // Voice is never sent again: what is late is useless, and RED carries the redundancy.
            stream.set_rtx_cache(0, Duration::ZERO, None);
            streams.push(stream.ssrc());
        }
        let participant = Participant {
            id,
            room,
            rtc,
            media,
            link: Link::Connecting,
            announced: Link::Connecting,
            announcing: false,
            touched: false,
            joined_at: now,
            heard_at: now,
            wake_at: now,
            path: None,
            addresses: VecDeque::new(),
            new_addresses: Bucket::new(now, NEW_ADDRESSES_PER_SECOND, NEW_ADDRESSES_BURST),
            packets: Bucket::new(now, PACKETS_PER_SECOND, PACKETS_BURST),
            codec,
            egress: Egress::new(codec, streams),
            held_back: VecDeque::new(),
            turn: 0,
            gap: false,
            packets_in: 0,
            packets_out: 0,
            fault: false,
        };
        Ok((participant, answer.to_sdp_string()))
    }

    /// Takes a datagram that is his, or claims to be (`nominates` is what its STUN header says).
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        nominates: bool,
        outbox: &mut VecDeque<Transmit>,
        produced: &mut Produced,
    ) {
        assert!(!self.fault, "a fault was injected");
        let origin = datagram.origin();
        let known = self.addresses.contains(&origin);
        if !known && !self.new_addresses.would_yield(now) {
            produced.refused = true;
            return;
        }
        let Ok(contents) = DatagramRecv::try_from(datagram.contents) else {
            produced.refused = true;
            return;
        };
        let proto = match datagram.path {
            MediaPath::Udp => Protocol::Udp,
            MediaPath::Tcp => Protocol::Tcp,
        };
        let (source, destination) = (datagram.remote, datagram.local);
        let receive = Receive { proto, source, destination, contents };
        // An error here may have been caused by anyone who knows his address (noise that looks like
        // DTLS), so it must not cost him the session. What really breaks it shows when it is drained.
        produced.refused = self.rtc.handle_input(Input::Receive(now, receive)).is_err();
        self.drain(outbox, produced);
        if !produced.packets.is_empty() {
            self.proven(now, origin, datagram.local, Proof::Audio, produced);
        } else if produced.binding_answered {
            let proof = if nominates { Proof::Nomination } else { Proof::Check };
            self.proven(now, origin, datagram.local, proof, produced);
        }
    }

    /// Lets the session do what its timers ask for, and whatever was queued in it leave.
    pub(crate) fn drive(&mut self, now: Instant, outbox: &mut VecDeque<Transmit>, produced: &mut Produced) {
        assert!(!self.fault, "a fault was injected");
        self.touched = false;
        produced.ended |= self.rtc.handle_input(Input::Timeout(now)).is_err();
        self.drain(outbox, produced);
    }

    /// Says goodbye.
    pub(crate) fn close(&mut self, outbox: &mut VecDeque<Transmit>) {
        if self.rtc.close().is_ok() {
            self.drain(outbox, &mut Produced::default());
        }
    }

    /// Queues a packet for him; it leaves with the next [`Participant::drive`].
    pub(crate) fn send(&mut self, now: Instant, packet: &mut Outgoing) -> bool {
        let listens = self.media.may_listen() && self.link != Link::Connecting;
        if listens && self.egress.send(&mut self.rtc, now, packet) {
            self.packets_out += 1;
            return true;
        }
        self.egress.pause(packet.slot);
        false
    }

    /// What comes on this slot now is not for him.
    pub(crate) fn skip(&mut self, slot: SlotIndex) {
        self.egress.pause(slot);
    }

    /// Takes a packet of his track as a frame to forward.
    pub(crate) fn frame(&mut self, now: Instant, packet: RtpPacket) -> Result<Frame, Refusal> {
        if !self.media.may_speak() {
            self.withhold();
            return Err(Refusal::Muted);
        }
        if !self.packets.take(now) {
            return Err(Refusal::Flooded);
        }
        let header = packet.header;
        let encoding = if self.codec.red == Some(*header.payload_type) {
            let opus = self.codec.opus;
            Red::parse(&packet.payload, opus).ok_or(Refusal::BadRed)?;
            Encoding::Red { opus }
        } else {
            Encoding::Opus
        };
        Ok(Frame {
            source: Source { speaker: self.id.0, stream: *header.ssrc, turn: self.turn },
            sequence: *packet.seq_no,
            timestamp: header.timestamp,
            marker: header.marker,
            sound: Sound { level: header.ext_vals.audio_level, voice: header.ext_vals.voice_activity },
            payload: packet.payload,
            encoding,
        })
    }

    /// Keeps a frame of someone without a slot for a moment.
    pub(crate) fn hold_back(&mut self, frame: Frame) {
        if self.held_back.len() == HELD_BACK {
            self.held_back.pop_front();
            self.gap = true;
        }
        self.held_back.push_back(frame);
    }

    /// The frames to send now that he has a slot: what was kept, then the newest.
    pub(crate) fn release(&mut self, newest: Frame) -> impl Iterator<Item = Frame> + use<> {
        if self.gap {
            self.gap = false;
            self.turn = self.turn.wrapping_add(1);
        }
        let turn = self.turn;
        let frames = std::mem::take(&mut self.held_back).into_iter().chain([newest]);
        frames.map(move |mut frame| {
            frame.source.turn = turn;
            frame
        })
    }

    /// Nothing that was kept may be heard any more.
    pub(crate) fn withhold(&mut self) {
        self.held_back.clear();
        self.gap = true;
    }

    /// When he must be looked at again.
    pub(crate) fn deadline(&self, timeouts: &Timeouts) -> Instant {
        let patience = match self.link {
            Link::Connecting => self.joined_at + timeouts.connect,
            Link::Connected => self.heard_at + timeouts.interrupted,
            Link::Interrupted => self.heard_at + timeouts.silence,
        };
        self.wake_at.min(patience)
    }

    /// Whether the session itself wants to be driven.
    pub(crate) fn wants_driving(&self, now: Instant) -> bool {
        self.wake_at <= now
    }

    pub(crate) fn overdue(&self, now: Instant, timeouts: &Timeouts) -> Option<Overdue> {
        let silent_for = now.saturating_duration_since(self.heard_at);
        match self.link {
            Link::Connecting => {
                (now.saturating_duration_since(self.joined_at) >= timeouts.connect).then_some(Overdue::Gone)
            }
            Link::Connected => (silent_for >= timeouts.interrupted).then_some(Overdue::Interrupted),
            Link::Interrupted => (silent_for >= timeouts.silence).then_some(Overdue::Gone),
        }
    }

    /// Whether someone who was interrupted has been heard of again.
    pub(crate) fn back(&self, now: Instant, timeouts: &Timeouts) -> bool {
        now.saturating_duration_since(self.heard_at) < timeouts.interrupted
    }

    /// How his packets travel.
    pub(crate) fn media_path(&self) -> Option<MediaPath> {
        Some(self.path?.remote.path)
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = Origin> + '_ {
        self.addresses.iter().copied()
    }

    /// Whether something genuine came from this address lately.
    pub(crate) fn uses(&self, now: Instant, origin: Origin) -> bool {
        self.path.is_some_and(|path| {
            path.remote == origin && now.saturating_duration_since(path.heard_at) < PATH_SILENCE
        })
    }

    /// An address is gone (a TCP connection closed, or someone else has it now).
    pub(crate) fn lose_address(&mut self, origin: Origin) {
        self.addresses.retain(|address| *address != origin);
        self.path = self.path.filter(|path| path.remote != origin);
    }

    /// Something genuine came from an address: he is there, and perhaps media should go there from now on.
    fn proven(&mut self, now: Instant, origin: Origin, local: SocketAddr, proof: Proof, produced: &mut Produced) {
        self.heard_at = now;
        if !self.addresses.contains(&origin) {
            self.new_addresses.take(now);
            if self.addresses.len() == ADDRESSES_MAX {
                let in_use = self.path.map(|path| path.remote);
                let oldest = self.addresses.iter().position(|address| Some(*address) != in_use);
                produced.forgotten = oldest.and_then(|index| self.addresses.remove(index));
            }
            self.addresses.push_back(origin);
            produced.learned = Some(origin);
        }
        let fresh = Path { remote: origin, local, heard_at: now };
        let Some(path) = &mut self.path else {
            self.path = Some(fresh);
            return;
        };
        let quiet = now.saturating_duration_since(path.heard_at) >= PATH_SILENCE;
        let moves = match proof {
            _ if path.remote == origin => true,
            Proof::Audio => true,
            Proof::Nomination => self.link == Link::Connecting || quiet,
            Proof::Check => false,
        };
        if moves {
            *path = fresh;
        }
    }

    /// Empties the session until it says when it wants to be woken.
    fn drain(&mut self, outbox: &mut VecDeque<Transmit>, produced: &mut Produced) {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.wake_at = at;
                    break;
                }
                Ok(Output::Transmit(transmit)) => {
                    let contents: Vec<u8> = transmit.contents.into();
                    let path = match transmit.proto {
                        Protocol::Udp => MediaPath::Udp,
                        Protocol::Tcp | Protocol::SslTcp | Protocol::Tls => MediaPath::Tcp,
                    };
                    let mut transmit =
                        Transmit { path, local: transmit.source, remote: transmit.destination, contents };
                    if is_stun(&transmit.contents) {
                        produced.binding_answered |= is_binding_success(&transmit.contents);
                    } else if let Some(path) = self.path {
                        transmit.path = path.remote.path;
                        transmit.local = path.local;
                        transmit.remote = path.remote.source;
                    }
                    outbox.push_back(transmit);
                }
                Ok(Output::Event(Event::RtpPacket(packet))) => produced.packets.push(packet),
                Ok(Output::Event(event)) => {
                    produced.connected |= matches!(event, Event::Connected);
                    produced.ended |= matches!(event, Event::Closed);
                }
                Err(_) => {
                    produced.ended = true;
                    break;
                }
            }
        }
        produced.ended |= !self.rtc.is_alive();
    }
}

/// A session as every participant has it.
fn session_config(identity: &Identity, credentials: IceCreds) -> RtcConfig {
    let mut extensions = ExtensionMap::empty();
    // The numbers are only a wish: the offerer's are taken.
    extensions.set(1, Extension::AudioLevel);
    extensions.set(4, Extension::RtpMid);
    // No statistics and no bandwidth estimation: both cost more than the audio itself.
    RtcConfig::new()
        .set_crypto_provider(identity.crypto.clone())
        .set_dtls_cert(identity.certificate.clone())
        .set_local_ice_credentials(credentials)
        .set_ice_lite(true)
        .set_rtp_mode(true)
        .clear_codecs()
        .enable_opus(true, true)
        .set_extension_map(extensions)
}

/// The payload types on which both sides agreed for the line he speaks on.
fn agreed_codec(rtc: &Rtc, sending: Mid) -> Option<Codec> {
    let media = rtc.media(sending)?;
    let opus = rtc
        .codec_config()
        .find(|codec| codec.spec().codec == CodecName::Opus && media.remote_pts().contains(&codec.pt()))?;
    Some(Codec { opus: *opus.pt(), red: opus.red().map(|red| *red) })
}
