//! What was measured, added up: one JSON object for programs, and what the table for people is made from.

use std::time::Duration;

use serde::Serialize;

use super::histogram::{Histogram, Row};
use super::people::Counted;
use super::plan::Plan;
use super::seat::{Microphone, Tally};

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
    /// Whether the microphones of all others are open, and send silence.
    pub open_microphones: bool,
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
    /// Packets of silent microphones that listeners got and decrypted: those that nobody needs to hear.
    pub silence_delivered: u64,
    /// Packets that came back to the one who had sent them. Must be none.
    pub heard_self: u64,
    /// Of how many talkers anybody heard something, at the least; who talks counts as heard by oneself.
    pub talkers_heard_min: Option<usize>,
    /// CPU time of the whole server process for one delivered packet, those of silent microphones counted.
    pub server_cpu_ns_per_packet: Option<u64>,
    /// Cores the server kept busy.
    pub server_cores: Option<f64>,
    /// CPU time of each of the server's threads that forward voice, in the measured time.
    pub worker_cpu_ns: Option<Vec<u64>>,
    /// The server's CPU time for each person and second, in microseconds: with nobody talking, the cost of being there.
    pub server_cpu_us_per_person_second: Option<f64>,
    /// Packets that one busy core would deliver in a second.
    pub packets_per_core_second: Option<u64>,
    /// Cores the people kept busy, all in one process. Near what the machine has left, loss and delay are theirs.
    pub client_cores: Option<f64>,
    /// The people's CPU time for a packet that one of them got.
    pub client_cpu_ns_per_packet: Option<u64>,
    /// From asking to join until sound could travel: half of the people were in by then. With a storm, those in it.
    pub join_ms_p50: Option<f64>,
    /// The same for 99 of 100.
    pub join_ms_p99: Option<f64>,
    /// People who should have come in while it was measured.
    pub storm: u16,
    /// Those who did.
    pub storm_joined: usize,
    /// From a talker's send to the arrival at a listener's socket, by one clock; half of them.
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
#[derive(Clone, Debug, Default)]
pub struct Cost {
    /// Threads that forward voice.
    pub workers: Option<usize>,
    /// Voices that one hears at once.
    pub slots: u8,
    /// The server's CPU time in the measured time.
    pub server: Option<Duration>,
    /// Of that, each thread that forwards voice.
    pub each_worker: Option<Vec<Duration>>,
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

/// How long people waited to get in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Joins<'a> {
    /// Those who were there from the beginning.
    pub early: &'a [Duration],
    /// Those who came while it was measured.
    pub late: &'a [Duration],
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
    pub fn new(plan: Plan, seconds: u16, cost: Cost, joins: Joins<'_>, counted: &Counted) -> Self {
        let tallies = &counted.tallies;
        let sent = tallies.iter().map(|tally| tally.sent).sum();
        let sunk = cost.sunk.unwrap_or_default();
        // Those who come late hear as much as they are there for; loss is about those who are there already.
        let delivered = tallies.iter().filter(|tally| !tally.late).map(|tally| tally.delivered).sum::<u64>();
        let delivered = delivered + sunk.measured;
        let arrived =
            tallies.iter().map(|tally| tally.delivered + tally.silence).sum::<u64>() + sunk.measured;
        let expected = expected(sent, plan.people, plan.talkers, cost.slots);
        let mut latency = Histogram::default();
        tallies.iter().for_each(|tally| latency.merge(&tally.latency_us));
        let mut join = Histogram::default();
        let storm_joined = joins.late.len();
        let timed = if plan.late > 0 { joins.late } else { joins.early };
        timed.iter().for_each(|took| join.record(took.as_micros().try_into().unwrap_or(u64::MAX)));
        let join_ms = |per_cent| join.percentile(per_cent).map(|micros| micros as f64 / 1e3);
        let cores = |spent: Option<Duration>| spent.map(|spent| spent.as_secs_f64() / f64::from(seconds));
        let discarded = tallies.iter().map(|tally| tally.discarded).sum::<u64>() + sunk.floor;
        let nanos_per_packet = nanos_for_each(cost.server, arrived);
        let person_seconds = f64::from(seconds) * plan.all().max(1) as f64;
        let per_person = |spent: Duration| spent.as_secs_f64() * 1e6 / person_seconds;
        let nanos = |spent: Duration| u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
        let floor_nanos = nanos_for_each(cost.floor, discarded);
        let times_floor = nanos_per_packet.zip(floor_nanos).map(|(server, floor)| server / floor);
        Self {
            rooms: plan.rooms,
            people: plan.people,
            talkers: plan.talkers,
            open_microphones: plan.others == Microphone::Open,
            payload: plan.payload,
            seconds,
            workers: cost.workers,
            packets_sent: sent,
            packets_expected: expected,
            packets_delivered: delivered,
            delivery: if cost.sunk.is_some() { "sink" } else { "live" },
            packets_sunk: cost.sunk.map(|sunk| sunk.measured),
            // A device counts the few reports as well: more than all is all.
            loss: if expected == 0 { 0.0 } else { (1.0 - delivered as f64 / expected as f64).max(0.0) },
            silence_delivered: tallies.iter().map(|tally| tally.silence).sum(),
            heard_self: tallies.iter().map(|tally| tally.own).sum(),
            talkers_heard_min: tallies.iter().filter(|tally| !tally.late).map(talkers_heard).min(),
            server_cpu_ns_per_packet: nanos_per_packet.map(|nanos| nanos.round() as u64),
            server_cores: cores(cost.server),
            worker_cpu_ns: cost.each_worker.map(|each| each.into_iter().map(nanos).collect()),
            server_cpu_us_per_person_second: cost.server.map(per_person),
            packets_per_core_second: nanos_per_packet.map(|nanos| (1e9 / nanos) as u64),
            client_cores: cores(cost.client),
            client_cpu_ns_per_packet: nanos_for_each(cost.client, arrived).map(|nanos| nanos.round() as u64),
            join_ms_p50: join_ms(50),
            join_ms_p99: join_ms(99),
            storm: plan.late,
            storm_joined,
            latency_us_p50: latency.percentile(50),
            latency_us_p99: latency.percentile(99),
            latency_us_histogram: latency.rows(ROWS),
            rss_bytes_per_participant: cost.resident.map(|bytes| bytes / plan.everybody().max(1) as u64),
            srtp_profile: cost.srtp_profile,
            floor_ns_per_packet: floor_nanos.map(|nanos| nanos.round() as u64),
            floor_packets: cost.floor.map(|_| discarded),
            times_floor,
            people_lost: counted.sockets_lost + tallies.iter().filter(|tally| tally.lost).count(),
        }
    }
}

/// How many talkers somebody heard.
fn talkers_heard(tally: &Tally) -> usize {
    tally.heard.iter().filter(|packets| **packets > 0).count() + usize::from(tally.talks)
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

    const PLAN: Plan = Plan::SMALL;

    fn heard(delivered: u64) -> Tally {
        Tally { delivered, heard: vec![1], ..Tally::default() }
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
        let mut tallies = vec![
            Tally { sent: 100, talks: true, ..Tally::default() },
            heard(100),
            heard(100),
            heard(100),
            heard(90),
        ];
        tallies[4].lost = true;
        let spent = Some(Duration::from_micros(3_900));
        tallies.iter_mut().for_each(|tally| tally.discarded = 78);
        let cost = Cost {
            workers: Some(2),
            slots: 8,
            server: spent,
            each_worker: Some(vec![Duration::from_nanos(7), Duration::from_nanos(9)]),
            client: spent,
            floor: Some(Duration::from_micros(780)),
            resident: Some(5_000),
            sunk: None,
            srtp_profile: Some("AEAD_AES_256_GCM"),
        };
        let joins = [10, 20, 30, 40, 50].map(Duration::from_millis);
        let joins = Joins { early: &joins, late: &[] };
        let report = Report::new(PLAN, 2, cost, joins, &Counted { tallies, sockets_lost: 0 });
        assert_eq!((report.packets_expected, report.packets_delivered), (400, 390));
        assert!((report.loss - 0.025).abs() < 1e-9);
        assert_eq!(report.server_cpu_ns_per_packet, Some(10_000));
        assert_eq!(report.packets_per_core_second, Some(100_000));
        assert_eq!(report.people_lost, 1);
        assert_eq!((report.heard_self, report.talkers_heard_min), (0, Some(1)));
        assert_eq!(report.worker_cpu_ns, Some(vec![7, 9]));
        assert_eq!(report.server_cpu_us_per_person_second, Some(390.0));
        assert_eq!((report.floor_ns_per_packet, report.floor_packets), (Some(2_000), Some(390)));
        assert_eq!(report.times_floor, Some(5.0));
        assert_eq!(report.rss_bytes_per_participant, Some(1_000));
        assert!(report.join_ms_p50.is_some_and(|ms| (30.0..31.0).contains(&ms)));
        assert!(report.join_ms_p99.is_some_and(|ms| (50.0..52.0).contains(&ms)));
    }

    #[test]
    fn who_comes_late_is_no_part_of_the_loss_but_of_the_cost() {
        let late = Tally { late: true, ..heard(50) };
        let silence = Tally { silence: 50, ..heard(100) };
        let sender = Tally { sent: 100, talks: true, own: 1, ..Tally::default() };
        let tallies = vec![sender, silence, heard(100), heard(100), heard(100), late];
        let plan = Plan { late: 2, ..PLAN };
        let joins = Joins { early: &[Duration::from_secs(9)], late: &[Duration::from_millis(5)] };
        let cost = Cost { slots: 8, server: Some(Duration::from_micros(500)), ..Cost::default() };
        let report = Report::new(plan, 1, cost, joins, &Counted { tallies, sockets_lost: 0 });
        assert_eq!((report.loss, report.heard_self, report.silence_delivered), (0.0, 1, 50));
        assert_eq!(report.server_cpu_ns_per_packet, Some(1_000));
        assert_eq!((report.storm, report.storm_joined), (2, 1));
        assert!(report.join_ms_p99.is_some_and(|ms| ms < 6.0));
    }

    #[test]
    fn what_a_device_dropped_counts_as_delivered() {
        let tallies = vec![Tally { sent: 100, ..Tally::default() }, heard(60)];
        let cost = Cost {
            slots: 8,
            server: Some(Duration::from_micros(400)),
            floor: Some(Duration::from_micros(80)),
            sunk: Some(Sunk { measured: 340, floor: 80 }),
            ..Cost::default()
        };
        let report = Report::new(PLAN, 2, cost, Joins::default(), &Counted { tallies, sockets_lost: 0 });
        assert_eq!((report.packets_delivered, report.packets_sunk), (400, Some(340)));
        assert_eq!((report.delivery, report.server_cpu_ns_per_packet), ("sink", Some(1_000)));
        assert_eq!((report.floor_packets, report.floor_ns_per_packet), (Some(80), Some(1_000)));
    }

    #[test]
    fn what_was_not_measured_is_null() {
        let cost = Cost { slots: 8, ..Cost::default() };
        let report = Report::new(PLAN, 2, cost, Joins::default(), &Counted::default());
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
