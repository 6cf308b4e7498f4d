//! Logs and counters: how they are set up, and the name of every counter.
//!
//! Addresses, message bodies, passwords and tokens are never logged.

use std::fmt::Write;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Settings};

/// Something that is counted since the start.
pub struct Counter {
    name: &'static str,
    help: &'static str,
    count: AtomicU64,
}

impl Counter {
    const fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, count: AtomicU64::new(0) }
    }

    /// One more.
    pub fn add(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// How many so far.
    pub fn get(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($constant:ident = $name:literal, $help:literal;)*) => {
        $(#[doc = $help] pub static $constant: Counter = Counter::new($name, $help);)*
        static COUNTERS: &[&Counter] = &[$(&$constant),*];
    };
}

counters! {
    BAD_FRAMES = "cromulent_bad_frames_total", "Frames that could not be understood.";
    REFUSED_REQUESTS = "cromulent_refused_requests_total", "Requests that were answered with an error.";
    RATE_LIMITED = "cromulent_rate_limited_total", "Requests refused because they came too often.";
    SLOW_CONNECTIONS = "cromulent_slow_connections_total", "Connections closed because they could not keep up.";
    RESUMED_CONNECTIONS = "cromulent_resumed_connections_total", "Connections that went on where they stopped.";
    WRONG_ORIGINS = "cromulent_wrong_origins_total", "Requests refused because another site made them.";
    WRONG_PASSWORDS = "cromulent_wrong_passwords_total", "Sign-ins with a wrong name or password.";
    MAILS_SENT = "cromulent_mails_sent_total", "Mails the mail server took.";
    MAILS_LOST = "cromulent_mails_lost_total", "Mails nobody took.";
    REUSED_TOKENS = "cromulent_reused_tokens_total", "Refresh tokens that came a second time; their sign-ins were ended.";
    PASSWORD_HASHES = "cromulent_password_hashes_total", "Passwords hashed, to store or to compare.";
    HASHING_BUSY = "cromulent_hashing_busy_total", "Sign-ins refused because too many passwords waited.";
    MESSAGES_POSTED = "cromulent_messages_posted_total", "Messages stored.";
    PREVIEWS_MADE = "cromulent_previews_made_total", "Hyperlinks at whose other end was something to show.";
    PREVIEWS_FAILED = "cromulent_previews_failed_total", "Hyperlinks at whose other end was nothing to show.";
    PREVIEWS_DROPPED = "cromulent_previews_dropped_total", "Hyperlinks nobody went to, because too many waited.";
    VOICE_JOINS = "cromulent_voice_joins_total", "Participants admitted to a voice room.";
    VOICE_REFUSALS = "cromulent_voice_refusals_total", "Joins of a voice room that were refused.";
    VOICE_OVERLOADED = "cromulent_voice_overloaded_total", "Joins refused because voice had too much to do.";
}

/// A figure that somebody else keeps.
pub struct Figure {
    name: &'static str,
    help: &'static str,
    kind: &'static str,
    /// Its value, or one for each of several things of a kind.
    values: Values,
}

enum Values {
    One(u64),
    /// Told apart by this label, and their numbers from zero.
    Each(&'static str, Vec<u64>),
}

/// A figure that goes up and down.
pub fn gauge(name: &'static str, help: &'static str, value: u64) -> Figure {
    Figure { name, help, kind: "gauge", values: Values::One(value) }
}

/// Figures that go up and down, of several things that are told apart by a label and numbered from zero.
pub fn gauges(name: &'static str, help: &'static str, label: &'static str, values: Vec<u64>) -> Figure {
    Figure { name, help, kind: "gauge", values: Values::Each(label, values) }
}

/// A figure that only grows.
pub fn counter(name: &'static str, help: &'static str, value: u64) -> Figure {
    Figure { name, help, kind: "counter", values: Values::One(value) }
}

/// Everything counted here, and `others`, in the Prometheus text format (version 0.0.4).
pub fn render(others: &[Figure]) -> String {
    let counted = COUNTERS.iter().map(|one| counter(one.name, one.help, one.get()));
    let mut page = String::new();
    for figure in counted.collect::<Vec<_>>().iter().chain(others) {
        let Figure { name, help, kind, values } = figure;
        // Writing to a string does not fail.
        let _ = write!(page, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        let _ = match values {
            Values::One(value) => writeln!(page, "{name} {value}"),
            Values::Each(label, values) => values
                .iter()
                .enumerate()
                .try_for_each(|(n, value)| writeln!(page, "{name}{{{label}=\"{n}\"}} {value}")),
        };
    }
    page
}

/// Libraries that report every hostile packet as an event worth a line. Anybody could fill the disk with it; we
/// count such packets instead. A filter of the operator's own that names them goes before this.
const QUIET: [&str; 3] = ["dimpl", "is", "str0m"];

/// Starts logging to standard error. A second call (tests start many servers) changes nothing.
pub fn start(settings: &Settings) {
    let filter = filter(&settings.log);
    // Colours are for people; a file or a journal gets plain text.
    let colours = std::io::stderr().is_terminal();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    let _ = match settings.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}

fn filter(wish: &str) -> EnvFilter {
    let mut directives: Vec<String> = QUIET.iter().map(|library| format!("{library}=error")).collect();
    directives.push(wish.to_owned());
    EnvFilter::try_new(directives.join(",")).unwrap_or_else(|_| EnvFilter::new("info"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_several_things_are_told_apart() {
        let page = render(&[gauges("pressure", "How much.", "worker", vec![0, 2]), gauge("one", "One.", 1)]);
        assert!(page.contains(
            "# TYPE pressure gauge\npressure{worker=\"0\"} 0\npressure{worker=\"1\"} 2\n# HELP one"
        ));
        assert!(page.ends_with("\none 1\n"), "{page}");
    }

    #[test]
    fn noisy_libraries_are_quiet_unless_asked() {
        assert!(filter("info").to_string().contains("dimpl=error"));
        let asked = filter("info,dimpl=trace").to_string();
        assert!(asked.contains("dimpl=trace") && !asked.contains("dimpl=error"), "{asked}");
        assert_eq!(filter("no such=level=x").to_string(), "info");
    }
}
