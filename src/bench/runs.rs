//! The same measured several times: every run, and the medians.
//!
//! Start at [`Runs::new`].

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::report::Report;

/// What the table of several runs shows; the JSON object has all.
const SHOWN: [(&str, &str); 12] = [
    ("packets_delivered", "packets delivered"),
    ("loss", "loss"),
    ("server_cpu_ns_per_packet", "server CPU per delivered packet, ns"),
    ("floor_ns_per_packet", "floor: to seal and send one, ns"),
    ("times_floor", "server CPU per packet, times the floor"),
    ("packets_per_core_second", "packets a core would deliver per second"),
    ("server_cpu_us_per_person_second", "server CPU per person and second, us"),
    ("rss_bytes_per_participant", "memory of the server per person, bytes"),
    ("client_cpu_ns_per_packet", "client CPU per delivered packet, ns"),
    ("join_ms_p99", "join until sound, p99, ms"),
    ("latency_us_p50", "mouth to ear without sound cards, p50, us"),
    ("latency_us_p99", "mouth to ear without sound cards, p99, us"),
];

/// One run or several.
#[derive(Clone, Debug)]
pub struct Runs(Vec<Report>);

/// Several runs, as a program reads them.
#[derive(Serialize)]
struct Several<'a> {
    runs: &'a [Report],
    median: Map<String, Value>,
}

impl Runs {
    /// In the order in which they were made.
    pub fn new(runs: Vec<Report>) -> Self {
        Self(runs)
    }

    /// Of every figure that all runs have; of the middle two the lower one, so that it was measured.
    fn medians(&self) -> Map<String, Value> {
        let runs: Vec<Value> = self.0.iter().filter_map(|run| serde_json::to_value(run).ok()).collect();
        let names = runs.first().and_then(Value::as_object).into_iter().flat_map(Map::keys);
        let median = |name: &String| {
            let mut values: Vec<&Value> = runs.iter().filter_map(|run| run.get(name)).collect();
            if !values.iter().all(|value| value.is_number()) {
                return None;
            }
            values.sort_by(|a, b| number(a).total_cmp(&number(b)));
            let middle = values.get(values.len().checked_sub(1)? / 2)?;
            Some((name.clone(), (*middle).clone()))
        };
        names.filter_map(median).collect()
    }

    fn range(&self, name: &str) -> Option<(f64, f64)> {
        let values: Vec<f64> = self
            .0
            .iter()
            .filter_map(|run| serde_json::to_value(run).ok()?.get(name).and_then(Value::as_f64))
            .collect();
        let least = values.iter().copied().reduce(f64::min)?;
        Some((least, values.iter().copied().reduce(f64::max)?))
    }
}

impl Serialize for Runs {
    /// One run as its report, several as a list with their medians.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [only] => only.serialize(serializer),
            runs => Several { runs, median: self.medians() }.serialize(serializer),
        }
    }
}

impl fmt::Display for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.0.as_slice() {
            return only.fmt(f);
        }
        let medians = self.medians();
        writeln!(f, "{:<42}{:>12}{:>12}{:>12}", format!("{} runs", self.0.len()), "median", "least", "most")?;
        for (name, label) in SHOWN {
            let (Some(median), Some((least, most))) = (medians.get(name), self.range(name)) else { continue };
            let [median, least, most] = [number(median), least, most].map(short);
            writeln!(f, "{label:<42}{median:>12}{least:>12}{most:>12}")?;
        }
        Ok(())
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

/// Whole numbers where they are large enough to tell enough.
fn short(value: f64) -> String {
    if value.abs() >= 100.0 || value == 0.0 { format!("{value:.0}") } else { format!("{value:.4}") }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::people::Counted;
    use super::super::plan::Plan;
    use super::super::report::{Cost, Joins};
    use super::super::seat::Tally;
    use super::*;

    fn run(micros: u64) -> Report {
        let server = Some(Duration::from_micros(micros));
        let tallies = vec![Tally { delivered: 100, ..Tally::default() }];
        let counted = Counted { tallies, sockets_lost: 0 };
        Report::new(Plan::SMALL, 1, Cost { server, ..Cost::default() }, Joins::default(), &counted)
    }

    #[test]
    fn one_run_is_one_object() {
        let json = serde_json::to_value(Runs::new(vec![run(500)])).unwrap();
        assert_eq!(json["server_cpu_ns_per_packet"], 5_000);
    }

    #[test]
    fn of_several_the_middle_counts() {
        let runs = Runs::new(vec![run(900), run(500), run(700)]);
        let json = serde_json::to_value(&runs).unwrap();
        assert_eq!(json["median"]["server_cpu_ns_per_packet"], 7_000);
        assert_eq!(json["runs"][0]["server_cpu_ns_per_packet"], 9_000);
        assert!(json["median"].get("floor_ns_per_packet").is_none(), "nobody measured it: {json}");
        let table = runs.to_string();
        let line = table.lines().find(|line| line.starts_with("server CPU per delivered")).unwrap();
        assert_eq!(line.split_whitespace().rev().take(3).collect::<Vec<_>>(), ["9000", "5000", "7000"]);
    }
}
