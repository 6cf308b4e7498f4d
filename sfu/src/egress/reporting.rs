//! What the session would have told about streams it does not know: reports of what was sent and of what
//! has come, and an ear for what the other side reports (RFC 3550 section 6.4).
//!
//! Everything that is to be told at a time goes out in one compound packet. It is told what was sent and
//! what came, and must never send voice. Start at [`Reporting::report`].

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use str0m::Rtc;

use super::Plan;
use super::lanes::Tally;
use crate::bucket::Bucket;
use crate::keys::SessionKeys;
use crate::outbox::{Destination, Outbox};
use crate::protection::Protection;
use crate::rtcp::{
    Ntp, ReceptionReport, SenderReport, delay, reception_reports, sender_reports, write_description,
    write_goodbye, write_receiver_report,
};
use crate::srtp::{Cipher, Indexes, ReportStream};
use crate::stats::Reception;
use crate::timeline::TICKS_PER_SECOND;

/// A report every so often, as the session does it: RFC 3550 section 6.2 asks for five seconds at least.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// The first one comes sooner, since a browser cannot align streams before it.
const FIRST_REPORT: Duration = Duration::from_secs(1);

/// No browser's report is longer: it fits into one datagram.
const REPORT_LEN_MAX: usize = 1_500;

/// Reports per second that are opened, and how many at once. A browser sends a handful every few seconds.
/// Whoever exhausts this under someone else's address keeps reports out and nothing else: they repeat
/// what the ones before them said, and that he is there is known from his voice and his checks.
const REPORTS_PER_SECOND: f32 = 50.0;
const REPORTS_BURST: f32 = 100.0;

/// Numbers under which one participant reports: one for each line in some browsers. Reports under
/// further ones are not taken.
const REPORTERS_MAX: usize = 32;

/// Streams of his on which he reports: as many as are taken of him. The oldest makes room.
const SENDERS_MAX: usize = 4;

/// One participant's reports, in both directions.
#[derive(Debug)]
pub(crate) struct Reporting {
    outgoing: Cipher,
    incoming: Cipher,
    /// Where our clock begins.
    born: Instant,
    next: Instant,
    /// In order of slot.
    streams: Vec<Reported>,
    /// Under which we speak while nothing is sent.
    receiver: ReportStream,
    /// The name of all that is not a slot.
    cname: String,
    openings: Bucket,
    reporters: Vec<(u32, Indexes)>,
    protection: Protection,
    senders: VecDeque<Sender>,
}

/// What he last said about a stream of his own.
#[derive(Clone, Copy, Debug)]
struct Sender {
    ssrc: u32,
    report: Ntp,
    at: Instant,
}

/// What became of a report of his.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It is his, and new.
    Genuine {
        /// No later one of its reporter was there before.
        newest: bool,
    },
    /// It was there before, or is one of too many reporters'.
    Replayed,
    /// Its seal is wrong.
    Forged,
    /// It was not opened: too many came.
    Suspect,
}

/// What was last said about a slot.
#[derive(Debug)]
struct Reported {
    stream: ReportStream,
    cname: String,
    /// Packets that have been reported as sent.
    packets: u32,
    heard: Option<Answer>,
}

/// What the listener has said.
#[derive(Clone, Copy, Debug)]
struct Answer {
    report: ReceptionReport,
    round_trip: Option<Duration>,
    at: Instant,
}

/// The worst of what was reported lately, over all streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lately {
    /// Of 256.
    pub(crate) fraction_lost: u8,
    /// In ticks.
    pub(crate) jitter: u32,
    pub(crate) round_trip: Option<Duration>,
}

impl Reporting {
    pub(super) fn new(
        now: Instant,
        born: Instant,
        rtc: &mut Rtc,
        plan: &Plan,
        keys: &SessionKeys,
    ) -> Option<Reporting> {
        let streams = plan.lines.iter().map(|line| Reported {
            stream: ReportStream::new(*line.ssrc),
            cname: line.cname.clone(),
            packets: 0,
            heard: None,
        });
        // A number that none of the streams has: they are sealed with the same key.
        let mut receiver = rtc.direct_api().new_ssrc();
        while plan.has(receiver) {
            receiver = rtc.direct_api().new_ssrc();
        }
        Some(Reporting {
            outgoing: Cipher::new(&keys.rtcp_out)?,
            incoming: Cipher::new(&keys.rtcp_in)?,
            born,
            next: now + FIRST_REPORT,
            streams: streams.collect(),
            receiver: ReportStream::new(*receiver),
            cname: rtc.media(plan.sending)?.cname().to_owned(),
            openings: Bucket::new(now, REPORTS_PER_SECOND, REPORTS_BURST),
            reporters: Vec::new(),
            protection: Protection::new(),
            senders: VecDeque::new(),
        })
    }

    /// Number and name of each stream, in order of slot.
    pub(super) fn lines(&self) -> Vec<(u32, String)> {
        self.streams.iter().map(|reported| (reported.stream.ssrc(), reported.cname.clone())).collect()
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Reports on every stream on which something was sent or has come since the last time.
    pub(super) fn report(
        &mut self,
        now: Instant,
        sent: impl Iterator<Item = Tally>,
        received: impl Iterator<Item = ReceptionReport>,
        to: Option<Destination>,
        outbox: &mut Outbox,
    ) {
        if self.next > now {
            return;
        }
        self.next = now + REPORT_EVERY;
        let Some(to) = to else { return };
        let received: Vec<ReceptionReport> = received.map(|report| self.answered(now, report)).collect();
        let due: Vec<Option<SenderReport>> = self
            .streams
            .iter_mut()
            .zip(sent)
            .map(|(reported, tally)| {
                let news = tally.packets != reported.packets;
                reported.packets = tally.packets;
                news.then(|| sender_report(now, self.born, reported.stream.ssrc(), &tally))
            })
            .collect();
        self.write(to, &due, &received, outbox, false);
    }

    /// Reports for the last time.
    pub(super) fn say_goodbye(
        &mut self,
        now: Instant,
        sent: impl Iterator<Item = Tally>,
        to: Destination,
        outbox: &mut Outbox,
    ) {
        let streams = self.streams.iter().zip(sent);
        let due: Vec<Option<SenderReport>> = streams
            .map(|(reported, tally)| {
                let used = tally.packets > 0;
                used.then(|| sender_report(now, self.born, reported.stream.ssrc(), &tally))
            })
            .collect();
        self.write(to, &due, &[], outbox, true);
    }

    /// Writes one compound: what was sent, slot by slot; what has come, in the first of these; then names.
    fn write(
        &mut self,
        to: Destination,
        due: &[Option<SenderReport>],
        received: &[ReceptionReport],
        outbox: &mut Outbox,
        last: bool,
    ) {
        let first = due.iter().position(Option::is_some);
        if first.is_none() && received.is_empty() {
            return;
        }
        let names: Vec<(u32, &str)> = match first {
            Some(_) => {
                let streams = self.streams.iter().zip(due).filter(|(_, due)| due.is_some());
                streams.map(|(reported, _)| (reported.stream.ssrc(), reported.cname.as_str())).collect()
            }
            None => vec![(self.receiver.ssrc(), self.cname.as_str())],
        };
        let mut compound = Vec::new();
        let mut blocks = received;
        for report in due.iter().flatten() {
            report.write(&mut compound, std::mem::take(&mut blocks));
        }
        if first.is_none() {
            write_receiver_report(&mut compound, self.receiver.ssrc(), received);
        }
        for (ssrc, cname) in &names {
            write_description(&mut compound, *ssrc, cname);
        }
        for (ssrc, _) in names.iter().filter(|_| last) {
            write_goodbye(&mut compound, *ssrc);
        }
        let stream = match first.and_then(|slot| self.streams.get_mut(slot)) {
            Some(reported) => &mut reported.stream,
            None => &mut self.receiver,
        };
        outbox.write(to, |buffer, start| {
            buffer.extend_from_slice(&compound);
            self.outgoing.seal_rtcp(stream, buffer, start)
        });
    }

    /// The same with what lets him measure the round trip.
    fn answered(&self, now: Instant, report: ReceptionReport) -> ReceptionReport {
        let Some(sender) = self.senders.iter().find(|sender| sender.ssrc == report.ssrc) else {
            return report;
        };
        let since = now.saturating_duration_since(sender.at);
        ReceptionReport { last_report: sender.report.middle(), delay: delay(since), ..report }
    }

    /// Takes note of what he reports about our streams and his, if it is genuine and new.
    pub(super) fn hear(&mut self, now: Instant, datagram: &[u8]) -> Heard {
        let Some((reporter, index)) = Cipher::rtcp_index(datagram) else { return Heard::Forged };
        let fresh = match self.reporters.iter().find(|(ssrc, _)| *ssrc == reporter) {
            Some((_, indexes)) => indexes.would_take(index),
            None => self.reporters.len() < REPORTERS_MAX,
        };
        if !fresh {
            return Heard::Replayed;
        }
        if !self.openings.take(now) {
            return Heard::Suspect;
        }
        let mut copy = [0; REPORT_LEN_MAX];
        let Some(copy) = copy.get_mut(..datagram.len()) else { return Heard::Forged };
        copy.copy_from_slice(datagram);
        let Some(compound) = self.incoming.open_rtcp(copy) else { return Heard::Forged };
        let mut newest = true;
        match self.reporters.iter_mut().find(|(ssrc, _)| *ssrc == reporter) {
            Some((_, indexes)) => {
                newest = indexes.newest().is_none_or(|newest| index > newest);
                indexes.take(index);
            }
            None => {
                let mut indexes = Indexes::default();
                indexes.take(index);
                self.reporters.push((reporter, indexes));
            }
        }
        self.read(now, compound);
        Heard::Genuine { newest }
    }

    fn read(&mut self, now: Instant, compound: &[u8]) {
        for (ssrc, report) in sender_reports(compound) {
            self.senders.retain(|sender| sender.ssrc != ssrc);
            self.senders.truncate(SENDERS_MAX - 1);
            self.senders.push_front(Sender { ssrc, report, at: now });
        }
        let at = Ntp::after(now.saturating_duration_since(self.born));
        let mut worst = None;
        for report in reception_reports(compound) {
            let mut streams = self.streams.iter_mut();
            let found = streams.find(|reported| reported.stream.ssrc() == report.ssrc);
            let Some(reported) = found else { continue };
            // What was overtaken knows less.
            if reported.heard.is_some_and(|heard| report.highest <= heard.report.highest) {
                continue;
            }
            reported.heard = Some(Answer { report, round_trip: report.round_trip(at), at: now });
            worst = worst.max(Some(report.fraction_lost));
        }
        if let Some(worst) = worst {
            self.protection.heard(worst);
        }
    }

    /// How many packets back his packets repeat.
    pub(super) fn distance(&self) -> u8 {
        self.protection.distance()
    }

    /// What was reported since then.
    pub(super) fn received_since(&self, since: Instant) -> Option<Lately> {
        let heard =
            || self.streams.iter().filter_map(|reported| reported.heard).filter(|heard| heard.at > since);
        Some(Lately {
            fraction_lost: heard().map(|heard| heard.report.fraction_lost).max()?,
            jitter: heard().map(|heard| heard.report.jitter).max()?,
            round_trip: heard().filter_map(|heard| heard.round_trip).max(),
        })
    }

    /// All streams together.
    pub(super) fn reception(&self) -> Option<Reception> {
        let heard = || self.streams.iter().filter_map(|reported| reported.heard);
        let worst_jitter = heard().map(|heard| heard.report.jitter).max()?;
        let worst_loss = heard().map(|heard| heard.report.fraction_lost).max()?;
        Some(Reception {
            packets_lost: heard().map(|heard| i64::from(heard.report.lost)).sum(),
            loss_per_mille: (u32::from(worst_loss) * 1_000 / 256) as u16,
            jitter: Duration::from_micros(u64::from(worst_jitter) * 1_000_000 / u64::from(TICKS_PER_SECOND)),
            round_trip: heard().filter_map(|heard| heard.round_trip).max(),
        })
    }
}

/// What was sent, as of now.
fn sender_report(now: Instant, born: Instant, ssrc: u32, tally: &Tally) -> SenderReport {
    let since = now.saturating_duration_since(tally.at).as_micros();
    let ticks = since * u128::from(TICKS_PER_SECOND) / 1_000_000;
    SenderReport {
        ssrc,
        at: Ntp::after(now.saturating_duration_since(born)),
        timestamp: tally.timestamp.wrapping_add(ticks as u32),
        packets: tally.packets,
        octets: tally.octets,
    }
}
