//! `cromulent doctor`: looks at the machine and at the way to it, and says what would keep people from talking.
//!
//! Must never know: rooms, users, messages. It reads and asks, and changes nothing: it may be run while the server runs.
//! Start with [`examine`]; each file looks at one thing. What a finding says, the operator can do something about: a
//! fault comes with what to do, and with the name of the setting.

mod machine;
mod neighbours;
mod page;
mod ports;
mod storage;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Serialize;

use crate::clock::Timestamp;
use crate::db::Address;
use crate::mail::MailServer;
use crate::turn;

pub use self::page::Trust;

/// What is looked at: the server as its settings make it.
pub struct Subject {
    /// Where the page listens.
    pub listen: SocketAddr,
    /// The address people type, where it is set.
    pub public_url: Option<String>,
    /// Where voice listens, and what it offers.
    pub voice: sfu::Config,
    /// The folder of what is kept.
    pub data_dir: PathBuf,
    /// The database.
    pub database: Address,
    /// The mail server, where one is set.
    pub mail: Option<MailServer>,
    /// Relays that are set where the server is started, and their secret. Those that admins set are tried in the page.
    pub relays: Option<(Vec<turn::Url>, turn::Secret)>,
}

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Works, or cannot be looked at from here; worth knowing.
    Note,
    /// Somebody will not get in, not talk, or lose something.
    Fault,
}

/// What was found about one thing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub about: &'static str,
    /// How bad it is.
    pub verdict: Verdict,
    /// What is so.
    pub says: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Finding {
    fn good(about: &'static str, says: impl Into<String>) -> Self {
        Self { about, verdict: Verdict::Good, says: says.into(), advice: None }
    }

    fn note(about: &'static str, says: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { about, verdict: Verdict::Note, says: says.into(), advice: Some(advice.into()) }
    }

    fn fault(about: &'static str, says: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { about, verdict: Verdict::Fault, says: says.into(), advice: Some(advice.into()) }
    }
}

/// Everything that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// In the order in which things are set up: the machine, what is kept, ports, the page, neighbours.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether anything will not work.
    pub fn has_faults(&self) -> bool {
        self.count(Verdict::Fault) > 0
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { about, verdict, says, advice } in &self.findings {
            let mark = match verdict {
                Verdict::Good => "good ",
                Verdict::Note => "note ",
                Verdict::Fault => "FAULT",
            };
            writeln!(f, "{mark}  {about:<14}  {says}")?;
            if let Some(advice) = advice {
                writeln!(f, "{:23}-> {advice}", "")?;
            }
        }
        let (faults, notes) = (self.count(Verdict::Fault), self.count(Verdict::Note));
        writeln!(f, "\n{faults} faults, {notes} notes, {} good", self.count(Verdict::Good))
    }
}

/// Looks at everything, which takes some seconds at most; `now` is the time of day, `trust` says whose certificates are
/// believed.
pub async fn examine(subject: &Subject, now: Timestamp, trust: &Trust) -> Report {
    let mut findings = vec![
        machine::open_files(machine::files_allowed()),
        machine::clock(now, machine::keeper_of_time()),
        machine::buffers(machine::largest_buffers()),
        machine::cores(subject.voice.workers, machine::cores_there()),
    ];
    findings.extend(storage::folder(&subject.data_dir));
    findings.push(storage::database(&subject.database).await);
    let running = page::is_ours(subject.listen).await;
    findings.push(page::port(subject.listen, running).await);
    findings.extend(ports::voice(&subject.voice, running));
    findings.push(ports::reach(&subject.voice));
    findings.extend(page::address(subject, running, now, trust).await);
    findings.extend(neighbours::mail(subject.mail.as_ref()).await);
    findings.extend(neighbours::relays(subject.relays.as_ref(), now).await);
    Report { findings }
}
