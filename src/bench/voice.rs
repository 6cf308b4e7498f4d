//! One person's voice: a socket, a headless client, and what is counted.
//!
//! Everything is handled as it comes, in the person's own task. A person who talks sends a packet every 20 ms
//! with the time in it; a listener counts what it can decrypt, by that time, so that what was sent in the
//! measured time counts, and nothing else.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sfu_peer::{Event, Identity, Options, Packet, Peer};
use tokio::net::UdpSocket;
use tokio::sync::watch;

use super::Error;
use super::histogram::Histogram;

/// The time one packet holds.
pub const FRAME: Duration = Duration::from_millis(20);

/// Talks clearly (RFC 6464): no speaker selection leaves it out for being quiet.
const LEVEL: i8 = -20;

/// Opus, one frame of 20 ms, full band (RFC 6716 section 3.1).
const OPUS_TOC: u8 = 0x78;

/// The smallest payload: the byte above and the time.
pub const PAYLOAD_MIN: u16 = 9;

/// The largest: with all headers it still fits any path (RFC 8200 section 5).
pub const PAYLOAD_MAX: u16 = 1_100;

/// Larger than any packet that anybody sends here.
const DATAGRAM_MAX: usize = 2_048;

/// Datagrams taken before the clock is looked at again; at 20 ms a packet nobody has as many waiting.
const BATCH: usize = 64;

/// What is going on.
#[derive(Clone, Copy, Debug)]
pub enum Phase {
    /// People come in.
    Arriving,
    /// Talkers talk; what they send in this time is measured.
    Talking(Window),
    /// Nobody talks; what comes from this address is counted and thrown away.
    Floor(SocketAddr),
    /// Everybody goes.
    Over,
}

/// The measured time.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// From here on.
    pub from: Instant,
    /// Until just before here.
    pub until: Instant,
}

/// What a person sends, and where the length of what comes is noted.
#[derive(Clone, Debug)]
pub struct Words {
    /// Bytes of a packet's payload.
    pub len: usize,
    /// The time that all payloads count from.
    pub epoch: Instant,
    /// How long after the others this talker begins, so that not all send at once.
    pub offset: Duration,
    /// Bytes of a datagram with somebody's voice in it, the newest that anybody got.
    pub datagram_len: Arc<AtomicUsize>,
}

/// What a person counted.
#[derive(Clone, Default)]
pub struct Tally {
    /// Packets sent in the measured time.
    pub sent: u64,
    /// Of the packets sent in the measured time, those that arrived here.
    pub delivered: u64,
    /// Microseconds from sending to here.
    pub latency_us: Histogram,
    /// Datagrams that came for the floor.
    pub discarded: u64,
    /// Whether the connection ended before its time.
    pub lost: bool,
}

/// A voice.
pub struct Voice {
    peer: Peer,
    socket: UdpSocket,
    words: Words,
    /// When the next packet is due; none for who does not talk.
    next_word: Option<Instant>,
    window: Option<Window>,
    floor: Option<SocketAddr>,
    tally: Tally,
}

impl Voice {
    /// A voice at an address of this machine, and its offer.
    pub async fn new(
        local: IpAddr,
        slots: u8,
        identity: Identity,
        words: Words,
    ) -> Result<(Self, String), Error> {
        let socket = UdpSocket::bind(SocketAddr::new(local, 0)).await.map_err(Error::Socket)?;
        let address = socket.local_addr().map_err(Error::Socket)?;
        let (peer, offer) = Peer::new(Instant::now(), address, slots.into(), Options::new(identity))?;
        let (next_word, window, floor) = (None, None, None);
        let voice = Self { peer, socket, words, next_word, window, floor, tally: Tally::default() };
        Ok((voice, offer))
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.peer.local()
    }

    /// The cipher agreed on; none before it is connected.
    pub fn srtp_profile(&self) -> Option<&'static str> {
        self.peer.srtp_profile()
    }

    /// Takes the answer and comes back when sound can travel.
    pub async fn connect(&mut self, answer: &str) -> Result<(), Error> {
        self.peer.accept_answer(Instant::now(), answer)?;
        while !self.peer.is_connected() {
            if self.peer.deadline().is_none() {
                return Err(Error::NotConnected);
            }
            self.flush().await;
            self.turn().await?;
        }
        Ok(())
    }

    /// Talks, if it is this person's part, and listens until all is over.
    pub async fn take_part(mut self, talks: bool, mut phase: watch::Receiver<Phase>) -> Result<Tally, Error> {
        loop {
            self.flush().await;
            // The other end is gone when nobody measures any more.
            let now = match phase.has_changed() {
                Ok(_) => *phase.borrow_and_update(),
                Err(_) => Phase::Over,
            };
            match now {
                Phase::Arriving => {}
                Phase::Talking(window) if self.window.is_none() => {
                    self.window = Some(window);
                    self.next_word = talks.then(|| Instant::now() + self.words.offset);
                }
                Phase::Talking(_) => {}
                Phase::Floor(from) => {
                    self.floor = Some(from);
                    self.next_word = None;
                }
                Phase::Over => break,
            }
            // Looked at after the phase: at the end it is the server that hangs up first, now and then.
            self.tally.lost |= !self.peer.is_connected();
            tokio::select! {
                turn = self.turn() => turn?,
                _ = phase.changed() => {}
            }
        }
        self.peer.close(Instant::now());
        self.flush().await;
        Ok(self.tally)
    }

    /// Waits for whatever is next, and does it.
    async fn turn(&mut self) -> Result<(), Error> {
        let wake = [self.peer.deadline(), self.next_word].into_iter().flatten().min();
        let sleep = async {
            match wake {
                Some(wake) => tokio::time::sleep_until(wake.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ready = self.socket.readable() => {
                ready.map_err(Error::Socket)?;
                self.receive();
            }
            () = sleep => {
                let now = Instant::now();
                self.speak(now);
                self.peer.handle_timeout(now);
                self.take_events(now);
            }
        }
        Ok(())
    }

    fn receive(&mut self) {
        let mut buffer = [0; DATAGRAM_MAX];
        for _ in 0..BATCH {
            // An error here is a packet of ours that somebody refused; the client gives up by itself in time.
            let Ok((len, from)) = self.socket.try_recv_from(&mut buffer) else { return };
            if self.floor == Some(from) {
                self.tally.discarded += 1;
                continue;
            }
            let now = Instant::now();
            let heard = self.tally.delivered;
            self.peer.handle_datagram(now, from, buffer.get(..len).unwrap_or_default());
            self.take_events(now);
            // Looked at first: all people share it, and writing what is there already would slow them down.
            if self.tally.delivered > heard && self.words.datagram_len.load(Ordering::Relaxed) != len {
                self.words.datagram_len.store(len, Ordering::Relaxed);
            }
        }
    }

    /// Sends what is due. Who was kept waiting catches up, as a microphone's buffer does.
    fn speak(&mut self, now: Instant) {
        while let Some(due) = self.next_word.filter(|due| *due <= now) {
            self.next_word = Some(due + FRAME);
            if !self.peer.is_connected() {
                continue;
            }
            let now = Instant::now();
            self.tally.sent += u64::from(self.measures(now));
            let payload = payload(now.saturating_duration_since(self.words.epoch), self.words.len);
            self.peer.send_opus(now, &payload, LEVEL);
        }
    }

    fn take_events(&mut self, now: Instant) {
        while let Some(event) = self.peer.poll_event() {
            match event {
                Event::Packet(packet) => self.hear(now, &packet),
                // Both are asked for where they matter.
                Event::Connected | Event::Closed => {}
            }
        }
    }

    fn hear(&mut self, now: Instant, packet: &Packet) {
        let Some(sent) = sent_at(&packet.payload) else { return };
        let sent = self.words.epoch + sent;
        if self.measures(sent) {
            self.tally.delivered += 1;
            let micros = now.saturating_duration_since(sent).as_micros();
            self.tally.latency_us.record(micros.try_into().unwrap_or(u64::MAX));
        }
    }

    fn measures(&self, at: Instant) -> bool {
        self.window.is_some_and(|window| window.from <= at && at < window.until)
    }

    async fn flush(&mut self) {
        while let Some(transmit) = self.peer.poll_transmit() {
            // What cannot be sent is lost, as on any network.
            let _ = self.socket.send_to(&transmit.contents, transmit.to).await;
        }
    }
}

fn payload(time: Duration, len: usize) -> Vec<u8> {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let mut payload = vec![OPUS_TOC];
    payload.extend(micros.to_be_bytes());
    payload.resize(len, 0);
    payload
}

/// The time in a payload.
fn sent_at(payload: &Arc<[u8]>) -> Option<Duration> {
    let bytes = payload.get(1..usize::from(PAYLOAD_MIN))?;
    let micros = u64::from_be_bytes(bytes.try_into().ok()?);
    (payload.first() == Some(&OPUS_TOC)).then(|| Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_travels_in_the_payload() {
        let time = Duration::from_micros(123_456_789);
        for len in [PAYLOAD_MIN, 100, PAYLOAD_MAX] {
            let payload: Arc<[u8]> = payload(time, len.into()).into();
            assert_eq!(payload.len(), usize::from(len));
            assert_eq!(sent_at(&payload), Some(time));
        }
        assert_eq!(sent_at(&Arc::from([OPUS_TOC; 8])), None);
        assert_eq!(sent_at(&Arc::from([0; 100])), None);
    }
}
