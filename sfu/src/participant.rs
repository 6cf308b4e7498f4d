//! A participant: one session of the WebRTC library, and what is known of the one behind it.
//!
//! The contract with the library: every change is followed by draining its output until it names the time
//! it wants to be woken; so every method here that changes the session ends in [`Participant::drain`].
//! (Queueing a packet is no exception: it leaves with the next [`Participant::drive`].) A participant
//! knows nothing of other participants. Start at [`Participant::receive`].

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use str0m::change::SdpOffer;
use str0m::format::Codec as CodecName;
use str0m::media::Mid;
use str0m::net::{DatagramRecv, Protocol, Receive};
use str0m::rtp::{Extension, ExtensionMap, RtpPacket};
use str0m::{Candidate, Event, IceCreds, Input, Output, Rtc, RtcConfig};

use crate::config::Timeouts;
use crate::demux::{is_binding_success, is_stun};
use crate::egress::Egress;
use crate::forwarder::{Codec, Outgoing};
use crate::id::{ParticipantId, RoomId, SlotIndex};
use crate::identity::Identity;
use crate::message::{Datagram, MediaPath, OfferFault, Transmit};
use crate::offer::Offer;
use crate::reach::{Noted, Proof, Reach};
use crate::track::Track;

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
    pub(crate) reach: Reach,
    pub(crate) track: Track,
    egress: Egress,
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

/// What came out of a session.
#[derive(Debug, Default)]
pub(crate) struct Produced {
    pub(crate) packets: Vec<RtpPacket>,
    /// He can send and be sent audio from now on.
    pub(crate) connected: bool,
    /// The session is over.
    pub(crate) ended: bool,
    pub(crate) noted: Noted,
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
            reach: Reach::new(now),
            track: Track::new(now, id, codec),
            egress: Egress::new(codec, streams),
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
        if !self.reach.admits(now, origin) {
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
        let proof = if !produced.packets.is_empty() {
            Proof::Audio
        } else if !produced.binding_answered {
            return;
        } else if !nominates {
            Proof::Check
        } else if self.link == Link::Connecting {
            Proof::FirstNomination
        } else {
            Proof::Nomination
        };
        self.heard_at = now;
        produced.noted = self.reach.proven(now, origin, datagram.local, proof);
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
        Some(self.reach.path()?.remote.path)
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
                    if is_stun(&transmit.contents) {
                        produced.binding_answered |= is_binding_success(&transmit.contents);
                        outbox.push_back(answer(transmit));
                    } else if let Some(path) = self.reach.path() {
                        outbox.push_back(Transmit {
                            path: path.remote.path,
                            local: path.local,
                            remote: path.remote.source,
                            contents: transmit.contents.into(),
                        });
                    }
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

/// An answer to a binding request goes where the request came from.
fn answer(transmit: str0m::net::Transmit) -> Transmit {
    let path = match transmit.proto {
        Protocol::Udp => MediaPath::Udp,
        Protocol::Tcp | Protocol::SslTcp | Protocol::Tls => MediaPath::Tcp,
    };
    let (local, remote) = (transmit.source, transmit.destination);
    Transmit { path, local, remote, contents: transmit.contents.into() }
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
