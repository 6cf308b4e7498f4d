//! What was measured, added up: one JSON object for programs, and what the table for people is made from.

use std::time::Duration;

use serde::Serialize;

use super::histogram::{Histogram, Row};
use super::people::Plan;
use super::voice::Tally;

/// Rows of the histogram of latency. More would be a page, not a glance.
const ROWS: usize = 12;

/// What was measured. A field that is `null` could not be.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Rooms.
    pub rooms: u16,
    /// People in each.
    pub people: u16,
    /// How many of them talk, 50 packets a second each.
    pub talkers: u16,
    /// Bytes of a packet's payload.
    pub payload: u16,
    /// The measured time.
    pub seconds: u16,
    /// Threads of the server that forward voice.
    pub workers: Option<usize>,
    /// Packets that talkers sent.
    pub packets_sent: u64,
    /// Packets that listeners should have got.
    pub packets_expected: u64,
    /// Packets that listeners got and decrypted.
    pub packets_delivered: u64,
    /// How they were counted: by listeners who decrypted them, or by a device that dropped them.
    pub delivery: &'static str,
    /// Of the delivered packets, those that a device dropped.
    pub packets_sunk: Option<u64>,
    /// The part of the expected packets that did not come: 0 is none, 1 is all.
    pub loss: f64,
    /// CPU time of the whole server process for one delivered packet.
    pub server_cpu_ns_per_packet: Option<u64>,
    /// Cores the server kept busy.
    pub server_cores: Option<f64>,
    /// Packets that one busy core would deliver in a second.
    pub packets_per_core_second: Option<u64>,
    /// Cores the people kept busy, all in one process. Near what the machine has left, loss and delay are theirs.
    pub client_cores: Option<f64>,
    /// From asking to join until sound could travel: half of the people were in by then.
    pub join_ms_p50: Option<f64>,
    /// The same for 99 of 100.
    pub join_ms_p99: Option<f64>,
    /// From a talker's send to a listener's decrypted packet, both in the measuring process; half of them.
    pub latency_us_p50: Option<u64>,
    /// The same for 99 of 100.
    pub latency_us_p99: Option<u64>,
    /// The same, all of it: how many packets took how long.
    pub latency_us_histogram: Vec<Row>,
    /// What each person added to the memory of the server's process, from before the first came to the end of the
    /// measured time, in bytes.
    pub rss_bytes_per_participant: Option<u64>,
    /// The cipher that the server and the people agreed on.
    pub srtp_profile: Option<&'static str>,
    /// CPU time to seal and send as large a datagram to as many of the same people, and nothing else.
    pub floor_ns_per_packet: Option<u64>,
    /// Datagrams that came when that was measured. Far fewer than the packets delivered make it no comparison.
    pub floor_packets: Option<u64>,
    /// The server's CPU time for a packet over that.
    pub times_floor: Option<f64>,
    /// People whose connection or WebSocket ended while they should have been there.
    pub people_lost: usize,
}

/// What the server was, and what both sides cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Threads that forward voice.
    pub workers: Option<usize>,
    /// Voices that one hears at once.
    pub slots: u8,
    /// The server's CPU time in the measured time.
    pub server: Option<Duration>,
    /// The people's.
    pub client: Option<Duration>,
    /// That of the floor.
    pub floor: Option<Duration>,
    /// By how many bytes the server's process grew.
    pub resident: Option<u64>,
    /// Packets that went into a device that drops, in the measured time and for the floor.
    pub sunk: Option<Sunk>,
    /// The cipher.
    pub srtp_profile: Option<&'static str>,
}

/// Packets that a device dropped.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sunk {
    /// In the measured time.
    pub measured: u64,
    /// For the floor.
    pub floor: u64,
}

impl Report {
    /// Adds up what everybody counted.
    pub fn new(plan: Plan, seconds: u16, cost: Cost, joins: &[Duration], tallies: &[Tally]) -> Self {
        let sent = tallies.iter().map(|tally| tally.sent).sum();
        let sunk = cost.sunk.unwrap_or_default();
        let delivered = tallies.iter().map(|tally| tally.delivered).sum::<u64>() + sunk.measured;
        let expected = expected(sent, plan.people, plan.talkers, cost.slots);
        let mut latency = Histogram::default();
        tallies.iter().for_each(|tally| latency.merge(&tally.latency_us));
        let mut join = Histogram::default();
        joins.iter().for_each(|took| join.record(took.as_micros().try_into().unwrap_or(u64::MAX)));
        let join_ms = |per_cent| join.percentile(per_cent).map(|micros| micros as f64 / 1e3);
        let cores = |spent: Option<Duration>| spent.map(|spent| spent.as_secs_f64() / f64::from(seconds));
        let discarded = tallies.iter().map(|tally| tally.discarded).sum::<u64>() + sunk.floor;
        let nanos_per_packet = nanos_for_each(cost.server, delivered);
        let floor_nanos = nanos_for_each(cost.floor, discarded);
        let times_floor = nanos_per_packet.zip(floor_nanos).map(|(server, floor)| server / floor);
        Self {
            rooms: plan.rooms,
            people: plan.people,
            talkers: plan.talkers,
            payload: plan.payload,
            seconds,
            workers: cost.workers,
            packets_sent: sent,
            packets_expected: expected,
            packets_delivered: delivered,
            delivery: if cost.sunk.is_some() { "sink" } else { "live" },
            packets_sunk: cost.sunk.map(|sunk| sunk.measured),
            loss: if expected == 0 { 0.0 } else { 1.0 - delivered as f64 / expected as f64 },
            server_cpu_ns_per_packet: nanos_per_packet.map(|nanos| nanos.round() as u64),
            server_cores: cores(cost.server),
            packets_per_core_second: nanos_per_packet.map(|nanos| (1e9 / nanos) as u64),
            client_cores: cores(cost.client),
            join_ms_p50: join_ms(50),
            join_ms_p99: join_ms(99),
            latency_us_p50: latency.percentile(50),
            latency_us_p99: latency.percentile(99),
            latency_us_histogram: latency.rows(ROWS),
            rss_bytes_per_participant: cost.resident.map(|bytes| bytes / plan.all().max(1) as u64),
            srtp_profile: cost.srtp_profile,
            floor_ns_per_packet: floor_nanos.map(|nanos| nanos.round() as u64),
            floor_packets: cost.floor.map(|_| discarded),
            times_floor,
            people_lost: tallies.iter().filter(|tally| tally.lost).count(),
        }
    }
}

fn nanos_for_each(spent: Option<Duration>, packets: u64) -> Option<f64> {
    let nanos = spent?.as_nanos() as f64 / packets as f64;
    Some(nanos).filter(|nanos| nanos.is_finite() && *nanos > 0.0)
}

/// Packets that listeners should get: each one that was sent goes to everybody in the room but the talker. With
/// more talkers than slots only so many are heard at a time, and all talk alike.
fn expected(sent: u64, people: u16, talkers: u16, slots: u8) -> u64 {
    let listeners = u64::from(people).saturating_sub(1);
    let heard = u64::from(talkers.min(slots.into()));
    (sent * heard * listeners).checked_div(talkers.into()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan {
        rooms: 1,
        people: 5,
        talkers: 1,
        payload: 100,
        joins_at_once: 4,
        together: false,
        sink: false,
    };

    fn heard(delivered: u64) -> Tally {
        Tally { delivered, ..Tally::default() }
    }

    #[test]
    fn everybody_but_the_talker_should_hear() {
        assert_eq!(expected(500, 50, 1, 8), 500 * 49);
        assert_eq!(expected(1_500, 3, 3, 8), 1_500 * 2);
        // Twelve talk, eight are heard.
        assert_eq!(expected(1_200, 20, 12, 8), 800 * 19);
        assert_eq!(expected(0, 50, 0, 8), 0);
    }

    #[test]
    fn a_report_adds_up() {
        let mut tallies =
            vec![Tally { sent: 100, ..Tally::default() }, heard(100), heard(100), heard(100), heard(90)];
        tallies[4].lost = true;
        let spent = Some(Duration::from_micros(3_900));
        tallies.iter_mut().for_each(|tally| tally.discarded = 78);
        let cost = Cost {
            workers: Some(2),
            slots: 8,
            server: spent,
            client: spent,
            floor: Some(Duration::from_micros(780)),
            resident: Some(5_000),
            sunk: None,
            srtp_profile: Some("AEAD_AES_256_GCM"),
        };
        let joins = [10, 20, 30, 40, 50].map(Duration::from_millis);
        let report = Report::new(PLAN, 2, cost, &joins, &tallies);
        assert_eq!((report.packets_expected, report.packets_delivered), (400, 390));
        assert!((report.loss - 0.025).abs() < 1e-9);
        assert_eq!(report.server_cpu_ns_per_packet, Some(10_000));
        assert_eq!(report.packets_per_core_second, Some(100_000));
        assert_eq!(report.people_lost, 1);
        assert_eq!((report.floor_ns_per_packet, report.floor_packets), (Some(2_000), Some(390)));
        assert_eq!(report.times_floor, Some(5.0));
        assert_eq!(report.rss_bytes_per_participant, Some(1_000));
        assert!(report.join_ms_p50.is_some_and(|ms| (30.0..31.0).contains(&ms)));
        assert!(report.join_ms_p99.is_some_and(|ms| (50.0..52.0).contains(&ms)));
    }

    #[test]
    fn what_a_device_dropped_counts_as_delivered() {
        let tallies = [Tally { sent: 100, ..Tally::default() }, heard(60)];
        let cost = Cost {
            slots: 8,
            server: Some(Duration::from_micros(400)),
            floor: Some(Duration::from_micros(80)),
            sunk: Some(Sunk { measured: 340, floor: 80 }),
            ..Cost::default()
        };
        let report = Report::new(PLAN, 2, cost, &[], &tallies);
        assert_eq!((report.packets_delivered, report.packets_sunk), (400, Some(340)));
        assert_eq!((report.delivery, report.server_cpu_ns_per_packet), ("sink", Some(1_000)));
        assert_eq!((report.floor_packets, report.floor_ns_per_packet), (Some(80), Some(1_000)));
    }

    #[test]
    fn what_was_not_measured_is_null() {
        let report = Report::new(PLAN, 2, Cost { slots: 8, ..Cost::default() }, &[], &[]);
        let json = serde_json::to_value(&report).unwrap();
        for field in [
            "server_cpu_ns_per_packet",
            "packets_per_core_second",
            "join_ms_p99",
            "latency_us_p50",
            "rss_bytes_per_participant",
            "srtp_profile",
            "floor_ns_per_packet",
            "floor_packets",
            "times_floor",
        ] {
            assert!(json[field].is_null(), "{field} in {json}");
        }
        for field in ["packets_expected", "packets_delivered", "loss", "seconds", "talkers"] {
            assert!(json[field].is_number(), "{field} in {json}");
        }
    }
}
