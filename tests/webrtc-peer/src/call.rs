//! A voice: one connection with a line to speak on and lines to listen on, offered once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
    RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use webrtc::media_stream::MediaStreamTrack;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfigurationBuilder,
    RTCIceGatheringState, RTCPeerConnectionState, RTCSessionDescription, Registry,
    register_default_interceptors,
};
use webrtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};

use crate::answer::{Answer, LEVEL_URI};
use crate::{Error, PATIENCE};

/// Samples in a packet of 20 ms at 48 kHz, which is how far its timestamp is from the one before.
pub const PACKET_SAMPLES: u32 = 960;

/// A packet's time.
const PACKET_TIME: Duration = Duration::from_millis(20);

/// Opus, one frame of 20 ms, full band (RFC 6716 section 3.1); what follows it is of no concern to a forwarder.
const OPUS_TOC: u8 = 0x78;

/// The payload type offered for it; the answer decides.
const OPUS_TYPE: u8 = 111;

/// Bytes of a voice's own after the number: what an ordinary packet of speech has.
const VOICE_BYTES: usize = 75;

/// Near the end of the 16 bits, so that every story has the numbers start again at zero (RFC 3711 section 3.3.1).
const FIRST_SEQUENCE: u16 = u16::MAX - 60;

/// -20 dBov with the voice bit (RFC 6464): clear speech.
const LEVEL: u8 = 0x80 | 20;

/// A voice call that is offered, then answered.
pub struct Call {
    connection: Arc<dyn PeerConnection>,
    track: Arc<TrackLocalStaticRTP>,
    ssrc: u32,
    offer: String,
    answer: Answer,
    state: watch::Receiver<RTCPeerConnectionState>,
    packets: Arc<Mutex<Vec<rtp::Packet>>>,
}

/// A packet that was heard, by what matters about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The receiving line it came on; none when the answer names no line for its stream.
    pub slot: Option<usize>,
    /// Who it says it comes from.
    pub contributors: Vec<u32>,
    /// Its sequence number.
    pub sequence: u16,
    /// Its timestamp.
    pub timestamp: u32,
    /// Whether it is marked as the first after a pause (RFC 3551 section 4.1).
    pub starts: bool,
    /// Which of the packets sent by the voice it is, when the payload is whole.
    pub count: Option<u32>,
    /// Whose voice the payload is.
    pub voice: u8,
}

/// A voice that goes on until it is dropped.
#[derive(Debug)]
pub struct Talking {
    sent: Arc<AtomicU32>,
    task: JoinHandle<()>,
}

impl Call {
    /// Makes an offer: one line to speak on, `slots` to listen on.
    pub async fn offering(slots: u8, ssrc: u32) -> Result<Self, Error> {
        let mut media = MediaEngine::default();
        let codec = opus();
        let parameters = RTCRtpCodecParameters { rtp_codec: codec.clone(), payload_type: OPUS_TYPE };
        media.register_codec(parameters, RtpCodecKind::Audio)?;
        let level = RTCRtpHeaderExtensionCapability { uri: LEVEL_URI.to_owned() };
        media.register_header_extension(level, RtpCodecKind::Audio, None)?;
        let interceptors = register_default_interceptors(Registry::new(), &mut media)?;

        let (state_tx, state) = watch::channel(RTCPeerConnectionState::New);
        let (gathered_tx, mut gathered) = watch::channel(false);
        let packets = Arc::new(Mutex::new(Vec::new()));
        let handler = Handler { state: state_tx, gathered: gathered_tx, packets: packets.clone() };
        let connection = PeerConnectionBuilder::new()
            .with_configuration(RTCConfigurationBuilder::new().build())
            .with_media_engine(media)
            .with_interceptor_registry(interceptors)
            .with_handler(Arc::new(handler))
            .with_udp_addrs(vec!["127.0.0.1:0".to_owned()])
            .build()
            .await?;

        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
            codec,
            ..Default::default()
        };
        let track = MediaStreamTrack::new(
            "voice".to_owned(),
            format!("voice-{ssrc}"),
            "voice".to_owned(),
            RtpCodecKind::Audio,
            vec![encoding],
        );
        let track = Arc::new(TrackLocalStaticRTP::new(track));
        let one_way =
            |direction| RTCRtpTransceiverInit { direction, streams: Vec::new(), send_encodings: Vec::new() };
        let sending = one_way(RTCRtpTransceiverDirection::Sendonly);
        connection.add_transceiver_from_track(track.clone(), Some(sending)).await?;
        for _ in 0..slots {
            let receiving = one_way(RTCRtpTransceiverDirection::Recvonly);
            connection.add_transceiver_from_kind(RtpCodecKind::Audio, Some(receiving)).await?;
        }
        let offer = connection.create_offer(None).await?;
        connection.set_local_description(offer).await?;
        let complete = gathered.wait_for(|gathered| *gathered);
        let complete = tokio::time::timeout(PATIENCE, complete).await;
        complete.map_err(|_| Error::Never("own addresses gathered".to_owned()))?.map_err(gone)?;
        let offer = connection.local_description().await;
        let offer = offer.ok_or_else(|| Error::Protocol("no offer came about".to_owned()))?.sdp;
        let connection = Arc::new(connection);
        Ok(Self { connection, track, ssrc, offer, answer: Answer::default(), state, packets })
    }

    /// What to tell the server.
    pub fn offer(&self) -> &str {
        &self.offer
    }

    /// Takes the answer and waits until sound can travel.
    pub async fn accept(&mut self, answer: &str) -> Result<(), Error> {
        self.answer = Answer::parse(answer);
        self.connection.set_remote_description(RTCSessionDescription::answer(answer.to_owned())?).await?;
        let settled = |state: &RTCPeerConnectionState| {
            matches!(state, RTCPeerConnectionState::Connected | RTCPeerConnectionState::Failed)
        };
        let state = tokio::time::timeout(PATIENCE, self.state.wait_for(settled)).await;
        let state = *state.map_err(|_| Error::Never("the connection is up".to_owned()))?.map_err(gone)?;
        if state != RTCPeerConnectionState::Connected {
            return Err(Error::Connection(format!("the connection is {state}")));
        }
        Ok(())
    }

    /// Speaks, 50 packets a second, until the value is dropped. Each packet carries its number and `voice`.
    pub fn talk(&self, voice: u8) -> Result<Talking, Error> {
        let payload_type =
            self.answer.opus.ok_or_else(|| Error::Protocol("no Opus in the answer".to_owned()))?;
        let level = self.answer.level.ok_or_else(|| Error::Protocol("no levels in the answer".to_owned()))?;
        let (track, ssrc) = (self.track.clone(), self.ssrc);
        let sent = Arc::new(AtomicU32::new(0));
        let counter = sent.clone();
        let task = tokio::spawn(async move {
            let mut tick = tokio::time::interval(PACKET_TIME);
            for count in 0_u32.. {
                tick.tick().await;
                let mut packet = rtp::Packet { payload: payload(count, voice), ..Default::default() };
                packet.header.version = 2;
                packet.header.payload_type = payload_type;
                packet.header.marker = count == 0;
                // The low bits: the number starts again at zero.
                packet.header.sequence_number = FIRST_SEQUENCE.wrapping_add(count as u16);
                packet.header.timestamp = count.wrapping_mul(PACKET_SAMPLES);
                packet.header.ssrc = ssrc;
                let level = packet.header.set_extension(level, Bytes::from_static(&[LEVEL]));
                if level.is_err() || track.write_rtp(packet).await.is_err() {
                    return;
                }
                counter.store(count + 1, Ordering::Relaxed);
            }
        });
        Ok(Talking { sent, task })
    }

    /// All packets so far, in the order they came.
    pub fn heard(&self) -> Vec<Heard> {
        lock(&self.packets).iter().map(|packet| Heard::read(packet, &self.answer.lines)).collect()
    }

    /// Closes the connection from this end.
    pub async fn hang_up(self) -> Result<(), Error> {
        Ok(self.connection.close().await?)
    }
}

impl Talking {
    /// How many packets were sent.
    pub fn sent(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Talking {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Heard {
    fn read(packet: &rtp::Packet, lines: &HashMap<u32, usize>) -> Self {
        let header = &packet.header;
        // The first line is the one to speak on.
        let slot = lines.get(&header.ssrc).and_then(|line| line.checked_sub(1));
        let voice = packet.payload.last().copied().unwrap_or_default();
        let count = packet.payload.get(1..5).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
        // Byte for byte what was sent, or it has no number.
        let count = count.filter(|count| packet.payload == payload(*count, voice));
        Self {
            slot,
            contributors: header.csrc.clone(),
            sequence: header.sequence_number,
            timestamp: header.timestamp,
            starts: header.marker,
            count,
            voice,
        }
    }
}

fn opus() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: "audio/opus".to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        rtcp_feedback: Vec::new(),
    }
}

fn payload(count: u32, voice: u8) -> Bytes {
    let mut bytes = vec![OPUS_TOC];
    bytes.extend(count.to_be_bytes());
    bytes.resize(bytes.len() + VOICE_BYTES, voice);
    Bytes::from(bytes)
}

/// Carries what the library tells to where it is waited for.
struct Handler {
    state: watch::Sender<RTCPeerConnectionState>,
    gathered: watch::Sender<bool>,
    packets: Arc<Mutex<Vec<rtp::Packet>>>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.send_replace(true);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state.send_replace(state);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let packets = self.packets.clone();
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    lock(&packets).push(packet);
                }
            }
        });
    }
}

/// A panic of another thread has already failed the test; a list is whole at any time.
fn lock(packets: &Mutex<Vec<rtp::Packet>>) -> MutexGuard<'_, Vec<rtp::Packet>> {
    packets.lock().unwrap_or_else(PoisonError::into_inner)
}

fn gone(_: watch::error::RecvError) -> Error {
    Error::Connection("the connection is gone".to_owned())
}
