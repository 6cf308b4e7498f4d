//! The way out: one packet to one listener.
//!
//! This is the seam between "what a listener is to get" and "how it is sealed and sent". There are two
//! ways, and each listener is on one of them from his first packet to his last, since two writers of one
//! stream would sooner or later use a nonce twice:
//!
//! - `lanes`: we build and seal the packet ourselves, straight into the outbox, and report on it in
//!   `reporting`. For everyone who agreed to an AEAD cipher, as browsers do when they can. The session does
//!   not know these streams at all.
//! - `reference`: the listener's session numbers, encrypts and reports. For those who agreed to
//!   AES_CM_128_HMAC_SHA1_80 only, and for whoever wants to compare.
//!
//! What he sends takes the same way as what he gets: with a lane goes an [`Intake`], and the session then
//! neither sees nor sends RTP or RTCP.
//!
//! It must never choose what is sent. Start at [`Egress::decide`].

mod lanes;
mod reference;
mod reporting;

use std::time::Instant;

use str0m::Rtc;
use str0m::media::{MediaKind, Mid};
use str0m::rtp::{Extension, ExtensionMap, Ssrc};

use crate::config::EgressPath;
use crate::forwarder::{Codec, Outgoing};
use crate::id::SlotIndex;
use crate::intake::{Intake, Terms};
use crate::keys::{MasterKeys, SessionKeys};
use crate::message::OfferFault;
use crate::outbox::{Destination, Outbox};
use crate::rtcp::ReceptionReport;
use crate::srtp::Cipher;
use crate::stats::Reception;
use lanes::Tally;
pub(crate) use lanes::{Lanes, NewLane};
use reference::Reference;
pub(crate) use reporting::Heard;
use reporting::{Lately, Reporting};

/// A listener's slots, and what is needed to send on them.
#[derive(Debug)]
pub(crate) enum Egress {
    /// No keys yet, so nothing can be sent.
    Undecided(Plan),
    /// Voice goes through his lane; what is left here tells of it.
    Fast(Box<Reporting>),
    Reference(Reference),
}

/// What was negotiated: a listener's streams in order of slot, fewer than the room has when he offered
/// fewer lines.
#[derive(Debug)]
pub(crate) struct Plan {
    codec: Codec,
    lines: Vec<PlannedLine>,
    /// The line he speaks on.
    sending: Mid,
}

#[derive(Debug)]
struct PlannedLine {
    ssrc: Ssrc,
    mid: Mid,
    /// The name all of the listener's streams are sent under (RFC 3550 section 6.5.1), and their extensions.
    cname: String,
    extensions: ExtensionMap,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It is in the outbox.
    Out,
    /// It is in the session, which must be driven before anything leaves.
    Queued,
    /// It came too late for this listener: its place on his line has been taken.
    Late,
    /// The listener does not get what comes on this slot now.
    Withheld,
}

impl Plan {
    /// What a session has just agreed to: the listener's lines `mids`, and the one he will speak on.
    pub(crate) fn of(rtc: &mut Rtc, codec: Codec, sending: Mid, mids: &[Mid]) -> Result<Plan, OfferFault> {
        let mut line = |mid: &Mid| {
            let ssrc = rtc.direct_api().stream_tx_by_mid(*mid, None)?.ssrc();
            let media = rtc.media(*mid)?;
            let (cname, extensions) = (media.cname().to_owned(), media.remote_extmap().clone());
            Some(PlannedLine { ssrc, mid: *mid, cname, extensions })
        };
        let lines = mids.iter().map(|mid| line(mid).ok_or(OfferFault::Refused)).collect::<Result<_, _>>()?;
        Ok(Plan { codec, lines, sending })
    }

    /// Whether a number is one of these streams'.
    fn has(&self, ssrc: Ssrc) -> bool {
        self.lines.iter().any(|line| line.ssrc == ssrc)
    }
}

impl Egress {
    /// The way of someone whose session has just answered: it goes through that session.
    pub(crate) fn through(rtc: &mut Rtc, plan: &Plan) -> Egress {
        Egress::Reference(Reference::new(rtc, plan))
    }

    pub(crate) fn is_undecided(&self) -> bool {
        matches!(self, Egress::Undecided(_))
    }

    /// The handshake has yielded keys, so it is known which way everything will go. Returns the lane it
    /// goes through and what takes in his packets, unless both is the session's.
    pub(crate) fn decide(
        &mut self,
        now: Instant,
        rtc: &mut Rtc,
        born: Instant,
        master: &MasterKeys,
    ) -> Option<(NewLane, Intake)> {
        let Egress::Undecided(plan) = self else { return None };
        if let Some((lane, reporting, intake)) = fast(now, rtc, born, plan, master) {
            *self = Egress::Fast(Box::new(reporting));
            return Some((lane, intake));
        }
        // So it is the session's after all, which knows nothing of these lines yet.
        for line in &plan.lines {
            rtc.direct_api().declare_media(line.mid, MediaKind::Audio);
            rtc.direct_api().declare_stream_tx(line.ssrc, None, line.mid, None);
        }
        *self = Egress::Reference(Reference::new(rtc, plan));
        None
    }

    /// Sends a packet through the session, if that is the listener's way.
    pub(crate) fn send(&mut self, rtc: &mut Rtc, now: Instant, packet: &mut Outgoing) -> Sent {
        match self {
            Egress::Reference(reference) => {
                reference.send(rtc, now, packet).map_or(Sent::Late, |()| Sent::Queued)
            }
            Egress::Undecided(_) | Egress::Fast(_) => Sent::Withheld,
        }
    }

    /// The listener is not to get what comes on this slot now.
    pub(crate) fn pause(&mut self, slot: SlotIndex) {
        match self {
            Egress::Reference(reference) => reference.pause(slot),
            Egress::Undecided(_) | Egress::Fast(_) => {}
        }
    }

    /// Number and name of each of his streams, in order of slot.
    pub(crate) fn lines(&self) -> Vec<(u32, String)> {
        match self {
            Egress::Undecided(plan) => {
                plan.lines.iter().map(|line| (*line.ssrc, line.cname.clone())).collect()
            }
            Egress::Fast(reporting) => reporting.lines(),
            Egress::Reference(reference) => reference.lines(),
        }
    }

    /// Whether the session may send a datagram. Media and reports are the session's to send only on its
    /// own way: on the other one two would use the same keys, and none of what it could still say (that
    /// it has received nothing) is true.
    pub(crate) fn allows(&self, datagram: &[u8]) -> bool {
        matches!(self, Egress::Reference(_)) || !is_media(datagram)
    }

    /// When [`Egress::report`] is to be called.
    pub(crate) fn report_at(&self) -> Option<Instant> {
        match self {
            Egress::Fast(reporting) => Some(reporting.next()),
            Egress::Undecided(_) | Egress::Reference(_) => None,
        }
    }

    /// Tells the listener what was sent through his lane and what has come from him, when it is due.
    pub(crate) fn report(
        &mut self,
        now: Instant,
        sent: impl Iterator<Item = Tally>,
        received: impl Iterator<Item = ReceptionReport>,
        to: Option<Destination>,
        outbox: &mut Outbox,
    ) {
        if let Egress::Fast(reporting) = self {
            reporting.report(now, sent, received, to, outbox);
        }
    }

    /// Tells the listener that nothing more will come through his lane.
    pub(crate) fn say_goodbye(
        &mut self,
        now: Instant,
        sent: impl Iterator<Item = Tally>,
        to: Option<Destination>,
        outbox: &mut Outbox,
    ) {
        if let (Egress::Fast(reporting), Some(to)) = (self, to) {
            reporting.say_goodbye(now, sent, to, outbox);
        }
    }

    /// Reads what the listener reports, if that is not the session's to read.
    pub(crate) fn hear(&mut self, now: Instant, datagram: &[u8]) -> Option<Heard> {
        match self {
            Egress::Fast(reporting) => Some(reporting.hear(now, datagram)),
            Egress::Undecided(_) | Egress::Reference(_) => None,
        }
    }

    /// The way everything goes, once it is known.
    pub(crate) fn path(&self) -> Option<EgressPath> {
        match self {
            Egress::Fast(_) => Some(EgressPath::Fast),
            Egress::Reference(_) => Some(EgressPath::Reference),
            Egress::Undecided(_) => None,
        }
    }

    /// The worst of what the listener has reported since then; `None` if nothing, or only the session knows.
    pub(crate) fn received_since(&self, since: Instant) -> Option<Lately> {
        match self {
            Egress::Fast(reporting) => reporting.received_since(since),
            Egress::Undecided(_) | Egress::Reference(_) => None,
        }
    }

    /// How many packets back his packets repeat.
    pub(crate) fn distance(&self) -> u8 {
        match self {
            Egress::Fast(reporting) => reporting.distance(),
            Egress::Undecided(_) | Egress::Reference(_) => 0,
        }
    }

    /// What the listener has reported; `None` if nothing, or only the session knows.
    pub(crate) fn reception(&self) -> Option<Reception> {
        match self {
            Egress::Fast(reporting) => reporting.reception(),
            Egress::Undecided(_) | Egress::Reference(_) => None,
        }
    }
}

/// What it takes to do without the session; `None` when the keys are of no use for that.
fn fast(
    now: Instant,
    rtc: &mut Rtc,
    born: Instant,
    plan: &Plan,
    master: &MasterKeys,
) -> Option<(NewLane, Reporting, Intake)> {
    let keys = SessionKeys::derive(master)?;
    let level = rtc.media(plan.sending)?.remote_extmap().id_of(Extension::AudioLevel);
    let lane = NewLane::new(now, plan, Cipher::new(&keys.rtp_out)?)?;
    let reporting = Reporting::new(now, born, rtc, plan, &keys)?;
    let opening = Cipher::new(&keys.rtp_in)?;
    // A session that waits for a stream would report for ever that nothing has come of it.
    let mut announced = None;
    while let Some(ssrc) = rtc.direct_api().stream_rx_by_mid(plan.sending, None).map(|stream| stream.ssrc()) {
        announced.get_or_insert(*ssrc);
        if !rtc.direct_api().remove_stream_rx(ssrc) {
            break;
        }
    }
    let terms = Terms { codec: plan.codec, level, announced };
    Some((lane, reporting, Intake::new(now, born, terms, opening)))
}

/// Tells RTP and RTCP from all else (RFC 7983 section 7).
pub(crate) fn is_media(datagram: &[u8]) -> bool {
    matches!(datagram, [128..=191, ..])
}

/// Tells RTCP from RTP (RFC 5761 section 4).
pub(crate) fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram, [128..=191, 192..=223, ..])
}
