//! What the SFU measures of somebody's sound, in the words of the wire.
//!
//! Must never know: who may see it. Start at [`told`].

use std::time::Duration;

use sfu::{Direction, MediaPath, ParticipantStats, Signal};

use super::number;
use crate::protocol::quality::{Quality, VoicePath, Way};

/// How a participant's sound travels.
pub fn told(stats: &ParticipantStats) -> Quality {
    let measured = &stats.quality;
    Quality {
        participant: number(stats.participant),
        signal: measured.signal.map(Signal::bars),
        round_trip_ms: measured.round_trip.map(milliseconds),
        up: way(measured.up),
        down: way(measured.down),
        path: stats.path.map(|path| match path {
            MediaPath::Udp => VoicePath::Udp,
            MediaPath::Tcp => VoicePath::Tcp,
        }),
    }
}

fn way(direction: Direction) -> Way {
    Way {
        lost_per_mille: direction.lost_per_mille,
        jitter_ms: direction.jitter.map(milliseconds),
        kilobits_per_second: direction.kilobits_per_second,
    }
}

fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}
