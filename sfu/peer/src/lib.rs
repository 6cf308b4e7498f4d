//! A headless voice client without sockets or a clock, for simulations, tests and load.
//!
//! It does what a browser does in a voice room: offers one line to speak on and some to listen on, takes
//! the answer, connects as a full ICE agent, sends Opus with audio levels (RFC 6464), and reports every
//! packet it hears. Bytes and the time go in, bytes and events come out; whoever holds it owns the socket.
//! It must never know a server's insides: what it speaks is WebRTC and nothing else.
//!
//! Start at [`Peer::new`]. After anything goes in, call [`Peer::poll_transmit`] and [`Peer::poll_event`]
//! until they are empty, and come back at [`Peer::deadline`].
//!
//! ```
//! # use std::time::Instant;
//! # use sfu_peer::{Identity, Options, Peer};
//! let identity = Identity::generate().expect("a certificate");
//! let address = "192.0.2.7:40000".parse().expect("an address");
//! let (peer, offer) = Peer::new(Instant::now(), address, 4, Options::new(identity)).expect("an offer");
//! assert!(offer.starts_with("v=0") && !peer.is_connected());
//! ```

mod media;
mod packets;
mod profile;

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::config::{CryptoProvider, DtlsCert};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{DatagramRecv, Protocol, Receive, TcpType};
use str0m::rtp::{Extension, ExtensionMap, ExtensionValues, RtpPacket, RtpWrite};
use str0m::stats::MediaEgressStats;
use str0m::{Candidate, Event as SessionEvent, Input, Output, Rtc, RtcConfig};
use thiserror::Error;

use media::Line;
pub use media::{Heard, Media};
pub use packets::{Packet, Report, Transport};
use packets::{Speech, red_payload};

/// How often the session is asked for what was reported to it.
const NOTE_REPORTS_EVERY: Duration = Duration::from_secs(1);

/// The certificate of a client. Making one costs more than everything else at birth, so a thousand
/// clients of one process share it.
#[derive(Clone)]
pub struct Identity {
    crypto: Arc<CryptoProvider>,
    certificate: DtlsCert,
}

/// How a client behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who it is.
    pub identity: Identity,
    /// Offer RED, and send it if the other side agrees.
    pub red: bool,
    /// How its packets travel. Over TCP the holder does the framing (RFC 4571).
    pub transport: Transport,
    /// Note what the other side reports of what it hears; see [`Peer::reported`].
    pub reported: bool,
}

/// A voice client.
pub struct Peer {
    rtc: Rtc,
    local: SocketAddr,
    transport: Transport,
    pending: Option<SdpPendingOffer>,
    sending: Mid,
    slots: Vec<Mid>,
    speech: Speech,
    red: bool,
    connected: bool,
    agreed: Option<profile::Agreed>,
    /// Whether audio goes past the session from now on.
    spoken_for: bool,
    remote: Option<SocketAddr>,
    reported: Option<Reception>,
    wake_at: Option<Instant>,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
}

/// Something to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub to: SocketAddr,
    /// What.
    pub contents: Vec<u8>,
}

/// What the other side says of what it has heard of us (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reception {
    /// Since the beginning.
    pub packets_lost: u64,
    /// Of a thousand, in the last report that came.
    pub loss_per_mille: u16,
    /// In ticks of 48 kHz.
    pub jitter: u32,
}

/// What has happened to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It can speak and hear.
    Connected,
    /// It has heard something.
    Packet(Packet),
    /// The other side has said goodbye, or the session broke.
    Closed,
}

/// What can go wrong with a client.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PeerError {
    /// No certificate could be made.
    #[error("a certificate could not be made")]
    Certificate,
    /// The address cannot be used.
    #[error("the address cannot be used")]
    Address,
    /// The session library found nothing to offer.
    #[error("there is nothing to offer")]
    NoOffer,
    /// The answer was not taken.
    #[error("the answer cannot be used: {0}")]
    Answer(String),
    /// The answer came twice.
    #[error("the offer has already been answered")]
    Answered,
}

impl Identity {
    /// Makes a certificate.
    ///
    /// # Errors
    /// When the crypto library has none to give.
    pub fn generate() -> Result<Identity, PeerError> {
        Identity::with_crypto(profile::provider())
    }

    /// For tests: the same with another crypto library.
    ///
    /// # Errors
    /// When it has no certificate to give.
    #[doc(hidden)]
    pub fn with_crypto(crypto: CryptoProvider) -> Result<Identity, PeerError> {
        let certificate = crypto.dtls_provider.generate_certificate().ok_or(PeerError::Certificate)?;
        Ok(Identity { crypto: Arc::new(crypto), certificate })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl Options {
    /// Over UDP, without RED, deaf to reports.
    #[must_use]
    pub fn new(identity: Identity) -> Options {
        Options { identity, red: false, transport: Transport::Udp, reported: false }
    }
}

impl Peer {
    /// A client at an address, and its offer: one line to speak on, `slots` lines to listen on.
    ///
    /// # Errors
    /// When the address cannot be one of a client's.
    pub fn new(
        now: Instant,
        local: SocketAddr,
        slots: usize,
        options: Options,
    ) -> Result<(Peer, String), PeerError> {
        let mut rtc = config(&options).build(now);
        let candidate = match options.transport {
            Transport::Udp => Candidate::builder().udp().host(local).build(),
            Transport::Tcp => Candidate::builder().tcp().host(local).tcptype(TcpType::Active).build(),
        };
        rtc.add_local_candidate(candidate.map_err(|_| PeerError::Address)?).ok_or(PeerError::Address)?;
        let mut changes = rtc.sdp_api();
        let sending = changes.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
        let slots =
            (0..slots).map(|_| changes.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None));
        let slots = slots.collect();
        let (offer, pending) = changes.apply().ok_or(PeerError::NoOffer)?;
        let peer = Peer {
            rtc,
            local,
            transport: options.transport,
            pending: Some(pending),
            sending,
            slots,
            speech: Speech::new(now),
            red: options.red,
            connected: false,
            agreed: None,
            spoken_for: false,
            remote: None,
            reported: None,
            wake_at: Some(now),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        };
        Ok((peer, offer.to_sdp_string()))
    }

    /// Takes the answer to the offer.
    ///
    /// # Errors
    /// When the answer does not fit the offer.
    pub fn accept_answer(&mut self, now: Instant, answer: &str) -> Result<(), PeerError> {
        let pending = self.pending.take().ok_or(PeerError::Answered)?;
        let unusable = |error: &dyn fmt::Display| PeerError::Answer(error.to_string());
        let answer = SdpAnswer::from_sdp_string(answer).map_err(|error| unusable(&error))?;
        self.rtc.sdp_api().accept_answer(pending, answer).map_err(|error| unusable(&error))?;
        self.drive(now);
        Ok(())
    }

    /// Begins ICE again: an offer with new credentials, for an answer with new ones.
    ///
    /// # Errors
    /// When the session library finds nothing to offer.
    pub fn restart(&mut self) -> Result<String, PeerError> {
        let mut changes = self.rtc.sdp_api();
        changes.ice_restart(true);
        let (offer, pending) = changes.apply().ok_or(PeerError::NoOffer)?;
        self.pending = Some(pending);
        Ok(offer.to_sdp_string())
    }

    /// Takes what came from the network.
    pub fn handle_datagram(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        let Ok(contents) = DatagramRecv::try_from(bytes) else { return };
        let proto = match self.transport {
            Transport::Udp => Protocol::Udp,
            Transport::Tcp => Protocol::Tcp,
        };
        let receive = Receive { proto, source: from, destination: self.local, contents };
        // What is refused is not ours; what breaks the session shows when it is drained.
        let _ = self.rtc.handle_input(Input::Receive(now, receive));
        self.drain();
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.wake_at.is_some_and(|at| at <= now) {
            self.drive(now);
        }
    }

    /// Says 20 ms of something, this loud (0 is the loudest, -127 silence).
    ///
    /// Silently does nothing before the client is connected: a microphone does not wait either.
    pub fn send_opus(&mut self, now: Instant, payload: &[u8], level: i8) {
        let Some((opus, red)) = self.payload_types() else { return };
        let words = self.speech.next(now);
        let (payload_type, payload) = match red.filter(|_| self.red) {
            Some(red) => {
                let packed = red_payload(opus, payload, self.speech.previous(now));
                self.speech.remember(now, payload);
                (red, packed)
            }
            None => (opus, payload.to_vec()),
        };
        let sound = ExtensionValues {
            audio_level: Some(level),
            voice_activity: Some(level > -50),
            ..ExtensionValues::default()
        };
        let write = RtpWrite::new(payload_type.into(), words.sequence.into(), words.timestamp, now, payload)
            .marker(words.marker)
            .ext_vals(sound);
        let mut session = self.rtc.direct_api();
        if let Some(stream) = session.stream_tx_by_mid(self.sending, None) {
            stream.write_rtp(write);
        }
        self.drive(now);
    }

    /// For hostile clients: a packet with whatever numbers and payload.
    pub fn send_crafted(&mut self, now: Instant, sequence: u64, timestamp: u32, red: bool, payload: &[u8]) {
        let Some((opus, red_type)) = self.payload_types() else { return };
        let payload_type = red_type.filter(|_| red).unwrap_or(opus);
        let sound = ExtensionValues { audio_level: Some(-20), ..ExtensionValues::default() };
        let write =
            RtpWrite::new(payload_type.into(), sequence.into(), timestamp, now, payload).ext_vals(sound);
        let mut session = self.rtc.direct_api();
        if let Some(stream) = session.stream_tx_by_mid(self.sending, None) {
            stream.write_rtp(write);
        }
        self.drive(now);
    }

    /// Says goodbye.
    pub fn close(&mut self, now: Instant) {
        let _ = self.rtc.close();
        self.drive(now);
    }

    /// The next thing to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next thing that has happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Peer::handle_timeout`] must be called at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.wake_at
    }

    /// Whether it can speak and hear.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// The cipher both sides agreed on, as "AEAD_AES_256_GCM"; none before they have.
    #[must_use]
    pub fn srtp_profile(&self) -> Option<&'static str> {
        self.agreed.as_ref().map(|agreed| profile::name(agreed.profile))
    }

    /// Takes the audio out of the session, for a holder of many clients: from now on it is sealed and
    /// opened by what is returned, and packets of audio must not be given to the client any more. Without
    /// RED. `None` when the client is not connected, has already spoken, or the cipher is not an AEAD.
    pub fn take_media(&mut self) -> Option<Media> {
        let (payload_type, _) = self.payload_types()?;
        if self.spoken_for || self.red || self.speech.has_begun() {
            return None;
        }
        let mut session = self.rtc.direct_api();
        let ssrc = *session.stream_tx_by_mid(self.sending, None)?.ssrc();
        // Any number but that of a stream will do, and only the other side's streams could have it too.
        let reporter = *session.new_ssrc();
        let line = Line { ssrc, mid: self.sending.to_string(), payload_type };
        let media = Media::new(self.agreed.as_ref()?, line, self.speech.clone(), reporter)?;
        self.spoken_for = true;
        Some(media)
    }

    /// Where the other side is; none before something was sent to it.
    #[must_use]
    pub fn remote(&self) -> Option<SocketAddr> {
        self.remote
    }

    /// What the other side has reported last, if that is noted and something has come.
    #[must_use]
    pub fn reported(&self) -> Option<Reception> {
        self.reported
    }

    /// The address it was given.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    fn payload_types(&self) -> Option<(u8, Option<u8>)> {
        // Two writers of one stream would sooner or later use a nonce twice.
        if !self.connected || self.spoken_for {
            return None;
        }
        let params = self.rtc.codec_config().params().first()?;
        Some((*params.pt(), params.red().map(|red| *red)))
    }

    fn drive(&mut self, now: Instant) {
        if self.rtc.handle_input(Input::Timeout(now)).is_err() {
            self.rtc.disconnect();
        }
        self.drain();
    }

    fn drain(&mut self) {
        let was_alive = self.connected;
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.wake_at = Some(at);
                    break;
                }
                Ok(Output::Transmit(transmit)) => {
                    self.remote = Some(transmit.destination);
                    let contents = transmit.contents.into();
                    self.transmits.push_back(Transmit { to: transmit.destination, contents });
                }
                Ok(Output::Event(SessionEvent::RtpPacket(packet))) => self.heard(packet),
                Ok(Output::Event(event)) => {
                    if matches!(event, SessionEvent::Connected) {
                        self.connected = true;
                        self.events.push_back(Event::Connected);
                    }
                    if let SessionEvent::MediaEgressStats(stats) = event {
                        self.note_report(&stats);
                    }
                }
                Err(_) => {
                    self.rtc.disconnect();
                    break;
                }
            }
        }
        if let Some(agreed) = profile::agreed() {
            self.agreed = Some(agreed);
        }
        if !self.rtc.is_alive() {
            self.wake_at = None;
            self.connected = false;
            if was_alive {
                self.events.push_back(Event::Closed);
            }
        }
    }

    fn note_report(&mut self, stats: &MediaEgressStats) {
        let Some(remote) = stats.remote.as_ref().filter(|_| stats.mid == self.sending) else { return };
        // None is said to be lost when no report has come since the last time.
        let before = self.reported.map_or(0, |before| before.loss_per_mille);
        self.reported = Some(Reception {
            packets_lost: remote.packets_lost,
            loss_per_mille: stats.loss.map_or(before, |loss| (loss * 1e3).round() as u16),
            jitter: remote.jitter,
        });
    }

    fn heard(&mut self, packet: RtpPacket) {
        let ssrc = packet.header.ssrc;
        let mid = self.rtc.direct_api().stream_rx(&ssrc).map(|stream| stream.mid());
        let Some(slot) = self.slots.iter().position(|slot| Some(*slot) == mid) else { return };
        let red = self.payload_types().and_then(|(_, red)| red);
        self.events.push_back(Event::Packet(Packet::new(slot, packet, red)));
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("local", &self.local)
            .field("connected", &self.connected)
            .finish_non_exhaustive()
    }
}

fn config(options: &Options) -> RtcConfig {
    let mut extensions = ExtensionMap::empty();
    extensions.set(1, Extension::AudioLevel);
    extensions.set(4, Extension::RtpMid);
    RtcConfig::new()
        .set_crypto_provider(Arc::clone(&options.identity.crypto))
        .set_dtls_cert(options.identity.certificate.clone())
        .set_rtp_mode(true)
        .clear_codecs()
        .enable_opus(true, options.red)
        .set_extension_map(extensions)
        .set_rtcp_report_interval_audio(Duration::from_secs(5))
        .set_stats_interval(options.reported.then_some(NOTE_REPORTS_EVERY))
}
