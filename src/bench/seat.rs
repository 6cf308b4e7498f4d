//! One person in a call: a socket, a client that keeps the connection, and what is said, heard and counted.
//!
//! The client does what a browser's does: it answers the server's STUN, checks consent, and reports on what it hears
//! every five seconds. Audio goes past its session (see [`sfu_peer::Media`]), since a thousand of them share a core
//! or two with the server. A packet counts when it was authenticated and decrypted, and for the time when the kernel
//! got it, so that it does not matter when somebody looks. Knows no clock but the one it is given. Start at
//! [`Seat::listen`].

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use sfu_peer::{Media, Peer};

use super::histogram::Histogram;
use super::inbox::{Arrived, Inbox};
use super::words::{FRAME, Part, Wall, Words};

/// Talks clearly (RFC 6464): no speaker selection leaves it out for being quiet.
const TALK: i8 = -20;

/// An open microphone in a quiet room.
const HUSH: i8 = -90;

/// Reports on what is heard: browsers' mean for audio (RFC 3550 section 6.2).
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// What a person counted.
#[derive(Clone, Default)]
pub struct Tally {
    /// Whether this person was there before the measured time.
    pub late: bool,
    /// Packets of talk sent in the measured time.
    pub sent: u64,
    /// Of the talk sent in the measured time, what arrived here.
    pub delivered: u64,
    /// Packets of silent microphones sent in the measured time that arrived here.
    pub silence: u64,
    /// Packets of this person's own that came back. Must be none.
    pub own: u64,
    /// Packets of each talker of the room that arrived here.
    pub heard: Vec<u32>,
    /// Whether this person talks.
    pub talks: bool,
    /// Microseconds from sending to here.
    pub latency_us: Histogram,
    /// Datagrams that came for the floor.
    pub discarded: u64,
    /// Bytes of a datagram with somebody's voice in it, the newest that came.
    pub datagram_len: usize,
    /// Whether the connection ended before its time.
    pub lost: bool,
}

/// What a person does with the microphone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Microphone {
    /// Talks, without a pause.
    Talking,
    /// Sends what a silent microphone sends.
    Open,
    /// Sends nothing.
    Quiet,
}

/// Somebody who is connected.
pub struct Seat {
    peer: Peer,
    media: Media,
    socket: UdpSocket,
    to: SocketAddr,
    part: Part,
    wall: Wall,
    report_at: Instant,
    packet: Vec<u8>,
    payload: Vec<u8>,
    /// When this seat is in the booth's list of things to do.
    pub armed: Option<Instant>,
    tally: Tally,
}

impl Seat {
    /// Somebody who is connected; none when the cipher is not one that can be opened here.
    pub fn new(mut peer: Peer, socket: UdpSocket, part: Part, wall: Wall) -> Option<Self> {
        let media = peer.take_media()?;
        let to = peer.remote()?;
        let tally = Tally {
            late: part.late,
            talks: part.microphone == Microphone::Talking,
            heard: vec![0; part.talkers],
            ..Tally::default()
        };
        let report_at = Instant::now() + REPORT_EVERY;
        let (packet, payload) = (Vec::new(), Vec::new());
        Some(Self { peer, media, socket, to, part, wall, report_at, packet, payload, armed: None, tally })
    }

    /// What this person does with the microphone.
    pub fn part(&self) -> Part {
        self.part
    }

    /// When [`Seat::keep_up`] has something to do.
    pub fn deadline(&self) -> Instant {
        self.peer.deadline().map_or(self.report_at, |at| at.min(self.report_at))
    }

    /// Does what the connection needs: consent, reports.
    pub fn keep_up(&mut self, now: Instant) {
        self.peer.handle_timeout(now);
        self.flush();
        if self.report_at <= now {
            self.report_at = now + REPORT_EVERY;
            if self.media.report(&mut self.packet).is_some() {
                self.send_packet();
            }
        }
        self.tally.lost |= !self.peer.is_connected();
    }

    /// Says the next 20 ms.
    pub fn speak(&mut self, now: Instant, words: &Words) {
        let at = self.wall.at(now);
        let level = match self.part.microphone {
            Microphone::Talking => {
                self.tally.sent += u64::from(words.measures(at));
                TALK
            }
            Microphone::Open => HUSH,
            Microphone::Quiet => return,
        };
        self.part.write(at, words, &mut self.payload);
        if self.media.seal(now, &self.payload, level, &mut self.packet).is_some() {
            self.send_packet();
        }
    }

    /// Takes all that has come.
    pub fn listen(&mut self, now: Instant, inbox: &mut Inbox, words: &Words) {
        let Self { socket, media, peer, part, tally, .. } = self;
        inbox.empty(socket, |arrived, datagram| {
            let Arrived { from, at } = arrived;
            if words.floor == from && from.is_some() {
                tally.discarded += 1;
            } else if Media::is_audio(datagram) {
                let len = datagram.len();
                if let Some(heard) = media.open(datagram)
                    && let Some(word) = part.read(heard.payload)
                {
                    tally.datagram_len = len;
                    tally.hear(at, word, part, words);
                }
            } else {
                let from = from.unwrap_or_else(|| peer.local());
                peer.handle_datagram(now, from, datagram);
            }
        });
        self.flush();
        while self.peer.poll_event().is_some() {}
    }

    /// Bytes of a datagram in which somebody was heard; 0 when nobody was.
    pub fn datagram_len(&self) -> usize {
        self.tally.datagram_len
    }

    /// Says goodbye; what was counted.
    pub fn go(mut self, now: Instant) -> Tally {
        self.peer.close(now);
        self.flush();
        self.tally
    }

    fn flush(&mut self) {
        while let Some(transmit) = self.peer.poll_transmit() {
            // What cannot be sent is lost, as on any network.
            let _ = self.socket.send_to(&transmit.contents, transmit.to);
        }
    }

    fn send_packet(&self) {
        let _ = self.socket.send_to(&self.packet, self.to);
    }
}

impl Tally {
    fn hear(&mut self, at: u64, word: super::words::Word, part: &Part, words: &Words) {
        self.own += u64::from(word.number == part.number);
        if !words.measures(word.at) {
            return;
        }
        let Some(talker) = self.heard.get_mut(part.place_of(word.number)) else {
            self.silence += 1;
            return;
        };
        *talker += 1;
        self.delivered += 1;
        self.latency_us.record(at.saturating_sub(word.at) / 1_000);
    }
}

/// The next moment at which this person says something.
pub fn next_word(due: Instant) -> Instant {
    due + FRAME
}
