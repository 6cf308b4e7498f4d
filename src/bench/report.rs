//! What was measured: as a table for people, as one JSON object for programs.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::histogram::Histogram;
use super::people::Plan;
use super::voice::Tally;

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
}

impl Report {
    /// Adds up what everybody counted.
    pub fn new(plan: Plan, seconds: u16, cost: Cost, joins: &[Duration], tallies: &[Tally]) -> Self {
        let sent = tallies.iter().map(|tally| tally.sent).sum();
        let delivered: u64 = tallies.iter().map(|tally| tally.delivered).sum();
        let expected = expected(sent, plan.people, plan.talkers, cost.slots);
        let mut latency = Histogram::default();
        tallies.iter().for_each(|tally| latency.merge(&tally.latency_us));
        let mut join = Histogram::default();
        joins.iter().for_each(|took| join.record(took.as_micros().try_into().unwrap_or(u64::MAX)));
        let join_ms = |per_cent| join.percentile(per_cent).map(|micros| micros as f64 / 1e3);
        let cores = |spent: Option<Duration>| spent.map(|spent| spent.as_secs_f64() / f64::from(seconds));
        let nanos_per_packet = cost.server.map(|spent| spent.as_nanos() as f64 / delivered as f64);
        let nanos_per_packet = nanos_per_packet.filter(|nanos| nanos.is_finite() && *nanos > 0.0);
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
            loss: if expected == 0 { 0.0 } else { 1.0 - delivered as f64 / expected as f64 },
            server_cpu_ns_per_packet: nanos_per_packet.map(|nanos| nanos.round() as u64),
            server_cores: cores(cost.server),
            packets_per_core_second: nanos_per_packet.map(|nanos| (1e9 / nanos) as u64),
            client_cores: cores(cost.client),
            join_ms_p50: join_ms(50),
            join_ms_p99: join_ms(99),
            latency_us_p50: latency.percentile(50),
            latency_us_p99: latency.percentile(99),
            people_lost: tallies.iter().filter(|tally| tally.lost).count(),
        }
    }
}

/// Packets that listeners should get: each one that was sent goes to everybody in the room but the talker. With
/// more talkers than slots only so many are heard at a time, and all talk alike.
fn expected(sent: u64, people: u16, talkers: u16, slots: u8) -> u64 {
    let listeners = u64::from(people).saturating_sub(1);
    let heard = u64::from(talkers.min(slots.into()));
    (sent * heard * listeners).checked_div(talkers.into()).unwrap_or(0)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, value: String| writeln!(f, "{name:<42}{value:>12}");
        line("rooms", self.rooms.to_string())?;
        line("people in each", self.people.to_string())?;
        line("of them talking", self.talkers.to_string())?;
        line("payload of a packet, bytes", self.payload.to_string())?;
        line("measured, seconds", self.seconds.to_string())?;
        line("workers of the server", known(self.workers))?;
        line("packets sent", self.packets_sent.to_string())?;
        line("packets expected", self.packets_expected.to_string())?;
        line("packets delivered", self.packets_delivered.to_string())?;
        line("loss, per cent", format!("{:.3}", self.loss * 100.0))?;
        line("server CPU per delivered packet, ns", known(self.server_cpu_ns_per_packet))?;
        line("cores the server kept busy", fixed(self.server_cores, 3))?;
        line("packets a core would deliver per second", known(self.packets_per_core_second))?;
        line("cores the people kept busy", fixed(self.client_cores, 3))?;
        line("join until sound, p50, ms", fixed(self.join_ms_p50, 1))?;
        line("join until sound, p99, ms", fixed(self.join_ms_p99, 1))?;
        line("mouth to ear without sound cards, p50, us", known(self.latency_us_p50))?;
        line("mouth to ear without sound cards, p99, us", known(self.latency_us_p99))?;
        line("people lost on the way", self.people_lost.to_string())
    }
}

fn known(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn fixed(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan { rooms: 1, people: 5, talkers: 1, payload: 100, joins_at_once: 4 };

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
        let cost = Cost { workers: Some(2), slots: 8, server: spent, client: spent };
        let joins = [10, 20, 30, 40, 50].map(Duration::from_millis);
        let report = Report::new(PLAN, 2, cost, &joins, &tallies);
        assert_eq!((report.packets_expected, report.packets_delivered), (400, 390));
        assert!((report.loss - 0.025).abs() < 1e-9);
        assert_eq!(report.server_cpu_ns_per_packet, Some(10_000));
        assert_eq!(report.packets_per_core_second, Some(100_000));
        assert_eq!(report.people_lost, 1);
        assert!(report.join_ms_p50.is_some_and(|ms| (30.0..31.0).contains(&ms)));
        assert!(report.join_ms_p99.is_some_and(|ms| (50.0..52.0).contains(&ms)));
    }

    #[test]
    fn what_was_not_measured_is_null_and_a_dash() {
        let report = Report::new(PLAN, 2, Cost { slots: 8, ..Cost::default() }, &[], &[]);
        let json = serde_json::to_value(&report).unwrap();
        for field in ["server_cpu_ns_per_packet", "packets_per_core_second", "join_ms_p99", "latency_us_p50"]
        {
            assert!(json[field].is_null(), "{field} in {json}");
        }
        for field in ["packets_expected", "packets_delivered", "loss", "seconds", "talkers"] {
            assert!(json[field].is_number(), "{field} in {json}");
        }
        assert!(report.to_string().contains("server CPU per delivered packet, ns                  -\n"));
    }
}
