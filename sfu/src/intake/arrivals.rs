//! What a stream's receiver counts, to tell its sender (RFC 3550 section 6.4.1, appendices A.3 and A.8).
//!
//! Numbers in, numbers out. Knows no keys and no packets. Start at [`Arrivals::note`].

use std::time::Duration;

use crate::rtcp::ReceptionReport;
use crate::timeline::TICKS_PER_SECOND;

/// The cumulative loss has 24 bits with a sign.
const LOST_MAX: i64 = 0x7f_ffff;
const LOST_MIN: i64 = -0x80_0000;

/// What has arrived of one stream.
#[derive(Debug)]
pub(crate) struct Arrivals {
    /// Packet indexes, rollovers included.
    first: u64,
    highest: u64,
    received: u64,
    /// Of both, what was there at the last report.
    expected_before: u64,
    received_before: u64,
    /// Of the newest packet: when it arrived less when it was said, in ticks.
    transit: u32,
    /// In sixteenths of a tick.
    jitter: u32,
}

impl Arrivals {
    /// Begins with the first packet.
    pub(crate) fn new(index: u64, timestamp: u32, at: Duration) -> Arrivals {
        Arrivals {
            first: index,
            highest: index,
            received: 1,
            expected_before: 0,
            received_before: 0,
            transit: ticks(at).wrapping_sub(timestamp),
            jitter: 0,
        }
    }

    /// A packet has arrived, so long after our clock began.
    #[inline]
    pub(crate) fn note(&mut self, index: u64, timestamp: u32, at: Duration) {
        self.received += 1;
        // What was overtaken by the very first packet belongs to the stream all the same.
        self.first = self.first.min(index);
        self.highest = self.highest.max(index);
        let transit = ticks(at).wrapping_sub(timestamp);
        let change = transit.wrapping_sub(self.transit).cast_signed().unsigned_abs();
        self.transit = transit;
        // A sender's clock that leaps is no jitter: more than ten seconds is a new beginning.
        if change < 10 * TICKS_PER_SECOND {
            self.jitter = self.jitter + change - ((self.jitter + 8) >> 4);
        }
    }

    /// What is to be told of the stream; nothing when nothing has come since the last time.
    pub(crate) fn report(&mut self, ssrc: u32) -> Option<ReceptionReport> {
        let expected = self.highest - self.first + 1;
        let received = self.received - self.received_before;
        if received == 0 {
            return None;
        }
        let lost = (expected - self.expected_before).cast_signed() - received.cast_signed();
        let expected_now = (expected - self.expected_before).max(1);
        let fraction_lost = (lost.max(0).unsigned_abs() * 256 / expected_now).min(255) as u8;
        let lost = (expected.cast_signed() - self.received.cast_signed()).clamp(LOST_MIN, LOST_MAX);
        (self.expected_before, self.received_before) = (expected, self.received);
        Some(ReceptionReport {
            ssrc,
            fraction_lost,
            lost: lost as i32,
            highest: self.highest as u32,
            jitter: self.jitter >> 4,
            last_report: 0,
            delay: 0,
        })
    }
}

fn ticks(at: Duration) -> u32 {
    (at.as_micros() * u128::from(TICKS_PER_SECOND) / 1_000_000) as u32
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const FRAME: u32 = 960;

    /// Packets of 20 ms whose indexes are these, each arriving when it is said, or a little later.
    fn arrivals(indexes: impl IntoIterator<Item = u64>, late: impl Fn(u64) -> u64) -> Arrivals {
        let mut arrivals: Option<Arrivals> = None;
        for index in indexes {
            let at = Duration::from_millis(20 * index + late(index));
            let timestamp = (index as u32).wrapping_mul(FRAME);
            match &mut arrivals {
                Some(arrivals) => arrivals.note(index, timestamp, at),
                None => arrivals = Some(Arrivals::new(index, timestamp, at)),
            }
        }
        arrivals.unwrap()
    }

    #[test]
    fn a_clean_stream_has_no_loss_and_no_jitter() {
        let report = arrivals(65_500..65_600, |_| 0).report(7).unwrap();
        assert_eq!((report.ssrc, report.fraction_lost, report.lost, report.jitter), (7, 0, 0, 0));
        assert_eq!(report.highest, 65_599, "with its rollover");
    }

    #[test]
    fn losses_are_counted_since_the_last_report_and_in_all() {
        let mut arrivals = arrivals((0..100).filter(|n| n % 4 != 1), |_| 0);
        let report = arrivals.report(1).unwrap();
        assert_eq!((report.fraction_lost, report.lost), (64, 25));
        assert_eq!(arrivals.report(1), None, "nothing has come since");
        for index in 100..200 {
            arrivals.note(index, index as u32 * FRAME, Duration::from_millis(20 * index));
        }
        let report = arrivals.report(1).unwrap();
        assert_eq!((report.fraction_lost, report.lost), (0, 25));
    }

    #[test]
    fn duplicates_are_the_opposite_of_losses_and_late_packets_no_losses() {
        let report = arrivals([5, 4, 6, 6, 6, 7], |_| 0).report(1).unwrap();
        assert_eq!((report.fraction_lost, report.lost, report.highest), (0, -2, 7));
    }

    #[test]
    fn jitter_is_the_mean_deviation_of_the_distance() {
        // Every second packet is 10 ms late, so each distance is off by 480 ticks.
        let report = arrivals(0..500, |index| 10 * (index % 2)).report(1).unwrap();
        assert!((470..=480).contains(&report.jitter), "{}", report.jitter);
    }

    #[test]
    fn a_clock_that_leaps_is_no_jitter() {
        let mut arrivals = arrivals(0..50, |_| 0);
        for index in 50..100 {
            let timestamp = (index as u32 * FRAME).wrapping_add(1 << 31);
            arrivals.note(index, timestamp, Duration::from_millis(20 * index));
        }
        assert_eq!(arrivals.report(1).unwrap().jitter, 0);
    }

    #[test]
    fn a_report_holds_what_there_is_room_for() {
        let mut arrivals = arrivals([0, 1 << 40], |_| 0);
        let report = arrivals.report(1).unwrap();
        assert_eq!((report.fraction_lost, report.lost), (255, 0x7f_ffff));
        let mut arrivals = Arrivals::new(0, 0, Duration::ZERO);
        arrivals.received = 1 << 40;
        assert_eq!(arrivals.report(1).unwrap().lost, -0x80_0000);
    }
}
