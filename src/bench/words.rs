//! What is said: who says it, and when.
//!
//! Both travel in the payload of every packet, so that a listener can tell what was sent in the measured time, how
//! long it took, and whose it is. Start at [`Part::write`].

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

use super::Error;
use super::seat::Microphone;

/// The time one packet holds.
pub const FRAME: Duration = Duration::from_millis(20);

/// Opus, one frame of 20 ms, full band (RFC 6716 section 3.1).
const OPUS_TOC: u8 = 0x78;

/// The smallest payload: the byte above, the time and the number.
pub const PAYLOAD_MIN: u16 = 13;

/// The largest: with all headers it still fits any path (RFC 8200 section 5).
pub const PAYLOAD_MAX: u16 = 1_100;

/// The kernel's clock, which stamps what arrives, by the one that this program goes by. Whoever sets the clock while
/// it measures spoils the latencies.
#[derive(Clone, Copy, Debug)]
pub struct Wall {
    here: Instant,
    nanos: u64,
}

/// Nanoseconds since 1970 by the kernel's clock.
pub type Nanos = u64;

/// What all are told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Words {
    /// Bytes of a talker's packet's payload.
    pub len: usize,
    /// What is sent in this time is measured.
    pub measured: Option<(Nanos, Nanos)>,
    /// What comes from here is counted and thrown away.
    pub floor: Option<SocketAddr>,
}

/// Who somebody is, and what that one does.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// By which all are told apart.
    pub number: usize,
    /// Rooms, which are filled in turn.
    pub rooms: usize,
    /// As many in each room talk, those who came first.
    pub talkers: usize,
    /// The microphone.
    pub microphone: Microphone,
    /// When in the 20 ms of a packet this person says something.
    pub offset: Duration,
    /// Came in while it was measured.
    pub late: bool,
}

/// What a packet says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// When it was sent.
    pub at: Nanos,
    /// Who said it.
    pub number: usize,
}

impl Wall {
    /// Looks at both clocks, a few times: the quickest look is the truest, since nothing came between.
    pub fn look() -> Result<Self, Error> {
        const LOOKS: usize = 16;
        let mut best: Option<(Duration, Self)> = None;
        for _ in 0..LOOKS {
            let here = Instant::now();
            let time = clock_gettime(ClockId::CLOCK_REALTIME).map_err(|error| Error::Socket(error.into()))?;
            let took = here.elapsed();
            if best.is_none_or(|(quickest, _)| took < quickest) {
                best = Some((took, Self { here, nanos: nanos(time.tv_sec(), time.tv_nsec()) }));
            }
        }
        best.map(|(_, wall)| wall).ok_or(Error::Broken)
    }

    /// What the kernel's clock shows at a moment.
    pub fn at(self, moment: Instant) -> Nanos {
        let since = moment.saturating_duration_since(self.here).as_nanos();
        self.nanos.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
    }
}

/// A time as the kernel writes it.
pub fn nanos(seconds: i64, nanos: i64) -> Nanos {
    let seconds = u64::try_from(seconds).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(nanos).unwrap_or(0))
}

impl Words {
    /// Whether what was sent at this time counts.
    pub fn measures(&self, at: Nanos) -> bool {
        self.measured.is_some_and(|(from, until)| from <= at && at < until)
    }
}

impl Part {
    /// As how many-th somebody came into the room.
    pub fn place_of(&self, number: usize) -> usize {
        number.checked_div(self.rooms).unwrap_or(0)
    }

    /// Writes what is said at a time over `payload`.
    pub fn write(&self, at: Nanos, words: &Words, payload: &mut Vec<u8>) {
        let len = match self.microphone {
            Microphone::Talking => words.len,
            Microphone::Open | Microphone::Quiet => PAYLOAD_MIN.into(),
        };
        payload.clear();
        payload.push(OPUS_TOC);
        payload.extend(at.to_be_bytes());
        payload.extend(u32::try_from(self.number).unwrap_or(u32::MAX).to_be_bytes());
        payload.resize(len, 0);
    }

    /// Reads it.
    pub fn read(&self, payload: &[u8]) -> Option<Word> {
        let (toc, rest) = payload.split_first()?;
        let (at, rest) = rest.split_first_chunk::<8>()?;
        let number = u32::from_be_bytes(*rest.first_chunk::<4>()?);
        let number = usize::try_from(number).ok()?;
        (*toc == OPUS_TOC).then_some(Word { at: u64::from_be_bytes(*at), number })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_number_travel_in_the_payload() {
        let microphone = Microphone::Talking;
        let part = Part { number: 70_000, rooms: 7, talkers: 1, microphone, offset: FRAME, late: false };
        for len in [PAYLOAD_MIN, 100, PAYLOAD_MAX] {
            let words = Words { len: len.into(), ..Words::default() };
            let mut payload = vec![9; 5];
            part.write(1 << 60, &words, &mut payload);
            assert_eq!(payload.len(), usize::from(len));
            assert_eq!(part.read(&payload), Some(Word { at: 1 << 60, number: 70_000 }));
        }
        assert_eq!(part.read(&[OPUS_TOC; 12]), None);
        assert_eq!(part.read(&[0; 100]), None);
        assert_eq!(part.place_of(20), 2);
    }

    #[test]
    fn the_wall_goes_with_the_clock() {
        let wall = Wall::look().unwrap();
        let now = Instant::now();
        assert_eq!(wall.at(now + FRAME) - wall.at(now), 20_000_000);
        // After 2020, by whatever clock.
        assert!(wall.at(now) > 1_577_836_800_000_000_000);
    }
}
