//! What is wrong with one direction of a network, as it is said in a command.
//!
//! Plain values, checked when they come in. Must not know how they are carried out: that is `path.rs`.

use serde::Deserialize;

/// Longer than any story.
const MS_MAX: f64 = 600_000.0;

/// Faults of one direction. All absent: a network without faults.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Faults {
    /// Fraction of the packets that is lost. What a stream of TCP loses comes late instead, and all behind it waits.
    pub(crate) loss: f64,
    /// How many packets in a row a loss takes, on average (a model of Gilbert's). 1: each falls by itself.
    pub(crate) burst: f64,
    /// Milliseconds each packet is on its way.
    pub(crate) delay: f64,
    /// Up to so many milliseconds more or less, evenly, and not less than none.
    pub(crate) jitter: f64,
    /// Whether a packet may overtake another. A stream of TCP never does.
    pub(crate) reorder: bool,
    /// Kilobits a second that get through, headers of IP and UDP included. None: as many as come.
    pub(crate) rate: Option<f64>,
    /// Milliseconds of waiting before the rate, after which packets are dropped at its tail.
    pub(crate) queue: f64,
}

impl Default for Faults {
    fn default() -> Self {
        Faults { loss: 0.0, burst: 1.0, delay: 0.0, jitter: 0.0, reorder: true, rate: None, queue: 200.0 }
    }
}

impl Faults {
    /// Refuses what no network does.
    ///
    /// # Errors
    /// A sentence for whoever wrote the command.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let time = |ms: f64| (0.0..=MS_MAX).contains(&ms);
        if !(0.0..=1.0).contains(&self.loss) {
            return Err("loss is a fraction, from 0 to 1");
        }
        if !(1.0..=1000.0).contains(&self.burst) {
            return Err("burst is a mean number of packets, from 1 to 1000");
        }
        if ![self.delay, self.jitter, self.queue].into_iter().all(time) {
            return Err("delay, jitter and queue are milliseconds, from 0 to 600000");
        }
        if !self.rate.is_none_or(|rate| (1.0..=1e9).contains(&rate)) {
            return Err("rate is in kilobits a second, from 1 on");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Result<Faults, String> {
        let faults: Faults = serde_json::from_str(text).map_err(|error| error.to_string())?;
        faults.check().map(|()| faults).map_err(str::to_owned)
    }

    #[test]
    fn what_is_not_said_is_not_wrong() {
        assert_eq!(said("{}"), Ok(Faults::default()));
        let bursts = Faults { loss: 0.1, burst: 3.0, ..Faults::default() };
        assert_eq!(said(r#"{"loss": 0.1, "burst": 3}"#), Ok(bursts));
    }

    #[test]
    fn what_no_network_does_is_refused() {
        for wrong in [
            r#"{"loss": 10}"#,
            r#"{"loss": -0.1}"#,
            r#"{"burst": 0}"#,
            r#"{"delay": -1}"#,
            r#"{"jitter": 1e9}"#,
            r#"{"rate": 0}"#,
            r#"{"lost": 0.1}"#,
            r#"{"loss": "much"}"#,
        ] {
            assert!(said(wrong).is_err(), "{wrong}");
        }
    }
}
