//! What the session would have told about streams it does not know: reports of what was sent, and an ear
//! for what the listener reports (RFC 3550 section 6.4).
//!
//! It is told what was sent and must never send voice. Start at [`Reporting::report`].

use std::time::{Duration, Instant};

use str0m::Rtc;

use super::Plan;
use super::lanes::Tally;
use crate::keys::SessionKeys;
use crate::outbox::{Destination, Outbox};
use crate::rtcp::{Ntp, ReceptionReport, SenderReport, reception_reports};
use crate::srtp::{Cipher, ReportStream};
use crate::stats::Reception;
use crate::timeline::TICKS_PER_SECOND;

/// A report every so often, as the session does it: RFC 3550 section 6.2 asks for five seconds at least.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// The first one comes sooner, since a browser cannot align streams before it.
const FIRST_REPORT: Duration = Duration::from_secs(1);

/// No browser's report is longer: it fits into one datagram.
const REPORT_LEN_MAX: usize = 1_500;

/// One listener's reports.
#[derive(Debug)]
pub(crate) struct Reporting {
    outgoing: Cipher,
    incoming: Cipher,
    /// Where our clock begins.
    born: Instant,
    next: Instant,
    /// In order of slot.
    streams: Vec<Reported>,
}

/// What was last said about a slot.
#[derive(Debug)]
struct Reported {
    stream: ReportStream,
    cname: String,
    /// Packets that have been reported as sent.
    packets: u32,
    heard: Option<Heard>,
}

/// What the listener has said.
#[derive(Clone, Copy, Debug)]
struct Heard {
    report: ReceptionReport,
    round_trip: Option<Duration>,
}

impl Reporting {
    pub(super) fn new(
        now: Instant,
        born: Instant,
        rtc: &Rtc,
        plan: &Plan,
        keys: &SessionKeys,
    ) -> Option<Reporting> {
        let streams = plan.lines.iter().map(|line| {
            Some(Reported {
                stream: ReportStream::new(*line.ssrc),
                cname: rtc.media(line.mid)?.cname().to_owned(),
                packets: 0,
                heard: None,
            })
        });
        Some(Reporting {
            outgoing: Cipher::new(&keys.rtcp_out)?,
            incoming: Cipher::new(&keys.rtcp_in)?,
            born,
            next: now + FIRST_REPORT,
            streams: streams.collect::<Option<_>>()?,
        })
    }

    pub(super) fn owns(&self, ssrc: u32) -> bool {
        self.streams.iter().any(|reported| reported.stream.ssrc() == ssrc)
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Reports on every stream on which something was sent since it was last reported on.
    pub(super) fn report(
        &mut self,
        now: Instant,
        sent: impl Iterator<Item = Tally>,
        to: Option<Destination>,
        outbox: &mut Outbox,
    ) {
        if self.next > now {
            return;
        }
        self.next = now + REPORT_EVERY;
        let Some(to) = to else { return };
        for (reported, tally) in self.streams.iter_mut().zip(sent) {
            if tally.packets == reported.packets {
                continue;
            }
            reported.packets = tally.packets;
            let report = sender_report(now, self.born, reported.stream.ssrc(), &tally);
            outbox.write(to, |buffer, start| {
                report.write(buffer, &reported.cname);
                self.outgoing.seal_rtcp(&mut reported.stream, buffer, start)
            });
        }
    }

    /// Reports for the last time.
    pub(super) fn say_goodbye(
        &mut self,
        now: Instant,
        sent: impl Iterator<Item = Tally>,
        to: Destination,
        outbox: &mut Outbox,
    ) {
        for (reported, tally) in self.streams.iter_mut().zip(sent) {
            if tally.packets == 0 {
                continue;
            }
            let report = sender_report(now, self.born, reported.stream.ssrc(), &tally);
            outbox.write(to, |buffer, start| {
                report.write(buffer, &reported.cname);
                report.write_goodbye(buffer);
                self.outgoing.seal_rtcp(&mut reported.stream, buffer, start)
            });
        }
    }

    /// Takes note of what a genuine report says about our streams.
    pub(super) fn hear(&mut self, now: Instant, datagram: &[u8]) {
        let mut copy = [0; REPORT_LEN_MAX];
        let Some(copy) = copy.get_mut(..datagram.len()) else { return };
        copy.copy_from_slice(datagram);
        let Some(packet) = self.incoming.open_rtcp(copy) else { return };
        let at = Ntp::after(now.saturating_duration_since(self.born));
        for report in reception_reports(packet) {
            let mut streams = self.streams.iter_mut();
            let found = streams.find(|reported| reported.stream.ssrc() == report.ssrc);
            let Some(reported) = found else { continue };
            // A report that came before, or that someone has recorded and sends again, knows less.
            if reported.heard.is_some_and(|heard| report.highest <= heard.report.highest) {
                continue;
            }
            reported.heard = Some(Heard { report, round_trip: report.round_trip(at) });
        }
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
