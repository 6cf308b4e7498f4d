//! What was measured, as people read it: a table, and how long packets took as bars.

use std::fmt;

use super::histogram::Row;
use super::report::Report;

/// The longest bar. With the figures before it a line fits a terminal of 80 columns.
const BAR: u64 = 48;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, value: String| writeln!(f, "{name:<42}{value:>20}");
        line("rooms", self.rooms.to_string())?;
        line("people in each", self.people.to_string())?;
        line("of them talking", self.talkers.to_string())?;
        let others = if self.open_microphones { "open, silent" } else { "silent" };
        line("microphones of the others", others.to_owned())?;
        line("payload of a packet, bytes", self.payload.to_string())?;
        line("measured, seconds", self.seconds.to_string())?;
        line("workers of the server", known(self.workers))?;
        line("cipher of the packets", known(self.srtp_profile))?;
        line("packets sent", self.packets_sent.to_string())?;
        line("packets expected", self.packets_expected.to_string())?;
        line("packets delivered", self.packets_delivered.to_string())?;
        line("of them, dropped by a device", known(self.packets_sunk))?;
        line("loss, per cent", format!("{:.3}", self.loss * 100.0))?;
        line("packets of silent microphones delivered", self.silence_delivered.to_string())?;
        line("packets heard by who sent them", self.heard_self.to_string())?;
        line("talkers heard by everybody", known(self.talkers_heard_min))?;
        line("server CPU per delivered packet, ns", known(self.server_cpu_ns_per_packet))?;
        line("floor: to seal and send one, ns", known(self.floor_ns_per_packet))?;
        line("floor: packets that arrived", known(self.floor_packets))?;
        line("server CPU per packet, times the floor", fixed(self.times_floor, 2))?;
        line("cores the server kept busy", fixed(self.server_cores, 3))?;
        line("server CPU per person and second, us", fixed(self.server_cpu_us_per_person_second, 1))?;
        line("each worker's share of their CPU, per cent", shares(self.worker_cpu_ns.as_deref()))?;
        line("packets a core would deliver per second", known(self.packets_per_core_second))?;
        line("memory of the server per person, bytes", known(self.rss_bytes_per_participant))?;
        line("cores the people kept busy", fixed(self.client_cores, 3))?;
        line("client CPU per delivered packet, ns", known(self.client_cpu_ns_per_packet))?;
        if self.storm > 0 {
            line("came in meanwhile", format!("{} of {}", self.storm_joined, self.storm))?;
        }
        line("join until sound, p50, ms", fixed(self.join_ms_p50, 1))?;
        line("join until sound, p99, ms", fixed(self.join_ms_p99, 1))?;
        line("mouth to ear without sound cards, p50, us", known(self.latency_us_p50))?;
        line("mouth to ear without sound cards, p99, us", known(self.latency_us_p99))?;
        line("people lost on the way", self.people_lost.to_string())?;
        bars(f, &self.latency_us_histogram)
    }
}

/// A line for each row, the fullest with the longest bar. Whatever came at all has a bar.
fn bars(f: &mut fmt::Formatter<'_>, rows: &[Row]) -> fmt::Result {
    let Some(most) = rows.iter().map(|row| row.count).max().filter(|most| *most > 0) else { return Ok(()) };
    writeln!(f, "\nmouth to ear, packets")?;
    for Row { below, count } in rows {
        // At most BAR.
        let bar = "#".repeat((count * BAR).div_ceil(most) as usize);
        writeln!(f, "{}", format!("< {below:>10} us {count:>10}  {bar}").trim_end())?;
    }
    Ok(())
}

/// What each part is of the whole, in per cent; the first few where there are many.
fn shares(parts: Option<&[u64]>) -> String {
    const FIRST: usize = 5;
    let Some(parts) = parts.filter(|parts| parts.iter().any(|part| *part > 0)) else { return "-".to_owned() };
    let whole = parts.iter().sum::<u64>() as f64;
    let shares = parts.iter().take(FIRST).map(|part| format!("{:.0}", *part as f64 / whole * 100.0));
    shares.collect::<Vec<_>>().join(" ")
}

fn known(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn fixed(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::people::Counted;
    use super::super::plan::Plan;
    use super::super::report::{Cost, Joins};
    use super::super::seat::Tally;
    use super::*;

    fn table_of(tallies: Vec<Tally>, cost: Cost) -> String {
        let counted = Counted { tallies, sockets_lost: 0 };
        Report::new(Plan::SMALL, 2, cost, Joins::default(), &counted).to_string()
    }

    #[test]
    fn what_was_not_measured_is_a_dash_and_has_no_bars() {
        let table = table_of(Vec::new(), Cost::default());
        let line = table.lines().find(|line| line.starts_with("server CPU per delivered")).unwrap();
        assert!(line.ends_with(" -"), "{line}");
        assert!(!table.contains('#'), "{table}");
    }

    #[test]
    fn bars_are_as_long_as_there_are_packets() {
        let mut tally = Tally::default();
        (0..96).for_each(|_| tally.latency_us.record(100));
        tally.latency_us.record(300);
        let each_worker = Some(vec![Duration::from_nanos(30), Duration::from_nanos(10)]);
        let table = table_of(vec![tally], Cost { each_worker, ..Cost::default() });
        assert!(
            table.lines().any(|line| line.starts_with("each worker") && line.ends_with(" 75 25")),
            "{table}"
        );
        let bars: Vec<&str> = table.lines().skip_while(|line| !line.starts_with('<')).collect();
        let full = format!("<        128 us         96  {}", "#".repeat(48));
        assert_eq!(bars, [full.as_str(), "<        256 us          0", "<        512 us          1  #"]);
        assert!(table.lines().all(|line| line.len() <= 80), "{table}");
    }
}
