//! A participant: one session of the WebRTC library, and what is known of the one behind it.
//!
//! The session connects and authenticates him; if the keys allow it, media and reports go past it in both
//! directions from then on (`intake`, `egress`), and it is not touched for them. The contract with the
//! library: every change is followed by draining its output until it names the time it wants to be woken;
//! so every method here that changes the session ends in [`Participant::drain`]. (Queueing a packet is no
//! exception: it leaves with the next [`Participant::drive`].) A participant knows nothing of other
//! participants. Start at [`Participant::receive`].

use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use str0m::change::SdpOffer;
use str0m::format::Codec as CodecName;
use str0m::media::Mid;
use str0m::net::{DatagramRecv, Protocol, Receive};
use str0m::rtp::{Extension, ExtensionMap};
use str0m::{Candidate, Event, IceCreds, Input, Output, Reason, Rtc, RtcConfig};

use crate::bucket::Bucket;
use crate::config::{EgressPath, Timeouts};
use crate::consent::{Consent, TRANSACTION_LEN};
use crate::demux::{Key, Origin, is_binding_success, is_stun};
use crate::egress::{Egress, Heard, Lanes, NewLane, Plan, Sent, is_media, is_rtcp};
use crate::forwarder::{Codec, Outgoing};
use crate::id::{ParticipantId, RoomId, SlotIndex};
use crate::identity::Identity;
use crate::intake::{Intake, Packet, Refusal, Taken, Whence, Worth};
use crate::keys::{self, KeyBox};
use crate::message::{Datagram, MediaPath, OfferFault, RestartError};
use crate::offer::Offer;
use crate::outbox::{Destination, Outbox};
use crate::quality::{Direction, Quality, Signal};
use crate::reach::{Noted, Proof, Reach};
use crate::rtcp::ReceptionReport;
use crate::stats::Reception;
use crate::timeline::TICKS_PER_SECOND;
use crate::track::Track;

/// Whoever needs no more than a look from time to time gets it when others do: waking up costs more than
/// looking. Ten times a second is soon enough to notice silence and to tell what was sent.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long a session is left alone that nothing comes for. Without media it has only its handshake to look
/// after; but for that it asks to be woken every three seconds, and finds nothing to do.
const SESSION_REST: Duration = Duration::from_secs(30);

/// How often a session is left a check that could be answered past it: it takes a path for lost on which none has
/// come for 15 seconds, and the next may be 6 seconds away (RFC 7675 section 5.1).
const SESSION_CHECK: Duration = Duration::from_secs(8);

/// Questions to somebody who may have moved, per second and how many at once, and how long an answer may take. Each is
/// caused by a check that is his, but may have been recorded.
const QUESTIONS_PER_SECOND: f32 = 2.0;
const QUESTIONS_BURST: f32 = 4.0;
const QUESTION_HOLDS: Duration = Duration::from_secs(3);

/// New credentials per second, and how many at once. A page asks when its path is gone, and then waits ever longer; each
/// costs as much as a join.
const RESTARTS_PER_SECOND: f32 = 0.25;
const RESTARTS_BURST: f32 = 4.0;

/// One participant.
#[derive(Debug)]
pub(crate) struct Participant {
    pub(crate) id: ParticipantId,
    pub(crate) room: RoomId,
    rtc: Rtc,
    pub(crate) media: Media,
    pub(crate) link: Link,
    /// What the caller was last told of `link`.
    pub(crate) announced: Link,
    /// Whether `link` waits to be announced.
    pub(crate) announcing: bool,
    /// Whether something waits in the session to be sent.
    pub(crate) touched: bool,
    /// Whether his newest packet of audio was loud, and when it came.
    pub(crate) was_loud: bool,
    pub(crate) said_at: Instant,
    /// When something came from him that was more than silence.
    pub(crate) sounded_at: Instant,
    joined_at: Instant,
    /// When something genuine last came.
    heard_at: Instant,
    /// When the session wants to be woken.
    wake_at: Instant,
    pub(crate) reach: Reach,
    pub(crate) track: Track,
    /// Whether nobody takes his slot while he speaks.
    pub(crate) priority: bool,
    /// Whether he holds a slot, as far as this worker knows. So: whether his packets go to the room's home
    /// or are held back, and whether a quiet one is worth opening.
    pub(crate) on_air: bool,
    /// What takes his packets past the session.
    intake: Option<Box<Intake>>,
    /// What answers his checks past the session, and when it was last left to the session.
    consent: Consent,
    /// `None`: the next one is the session's.
    checked_at: Option<Instant>,
    /// What answers checks with the credentials before these: his browser keeps the path it has until it has another.
    former: Option<Consent>,
    restarts: u32,
    may_restart: Bucket,
    /// What he is being asked at an address he may have moved to.
    question: Option<Question>,
    may_ask: Bucket,
    secret: [u8; 20],
    questions: u64,
    /// The newest packet the session has opened: stream and number.
    newest: Option<(u32, u64)>,
    egress: Egress,
    /// Where his session's keys appear.
    keys: KeyBox,
    /// When the worker's clock began.
    born: Instant,
    pub(crate) packets_in: u64,
    pub(crate) packets_out: u64,
    /// Bytes of voice that came.
    bytes_in: u64,
    /// How his sound travels, and what the caller was last told of it.
    pub(crate) quality: Quality,
    pub(crate) announced_signal: Option<Signal>,
    /// Whether it waits to be told.
    pub(crate) announcing_signal: bool,
    sampled: Sampled,
    /// Set by a test that wants to see what becomes of a session that breaks.
    pub(crate) fault: bool,
}

/// What a participant may send and gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    /// Speaks and listens.
    Open,
    /// Listens.
    Muted,
    /// Neither.
    Deafened,
}

/// How things stand between him and us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// Not yet connected.
    Connecting,
    /// Media flows.
    Connected,
    /// Nothing has come for a while.
    Interrupted,
}

/// Sent to where he may be; only he can answer it, and only after he got it.
#[derive(Clone, Copy, Debug)]
struct Question {
    to: Origin,
    transaction: [u8; TRANSACTION_LEN],
    at: Instant,
}

/// What came out of a session.
#[derive(Debug, Default)]
pub(crate) struct Produced {
    /// One that went past the session.
    pub(crate) packet: Option<Packet>,
    /// Those the session has opened.
    pub(crate) packets: Vec<Packet>,
    /// One that was dropped.
    pub(crate) dropped: Option<Refusal>,
    /// He can send and be sent audio from now on.
    pub(crate) connected: bool,
    /// The session is over.
    pub(crate) ended: bool,
    pub(crate) noted: Noted,
    /// A stream he has just proven to send.
    pub(crate) began: Option<u32>,
    /// What is sent to him goes through this from now on.
    pub(crate) lane: Option<Box<NewLane>>,
    /// The datagram was no good.
    pub(crate) refused: bool,
    binding_answered: bool,
    /// One of the packets is newer than all before it.
    newer: bool,
}

/// What had been counted at the last sample.
#[derive(Clone, Copy, Debug)]
struct Sampled {
    at: Instant,
    bytes_in: u64,
    octets_out: u32,
}

/// Time has run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// For connecting, or for coming back.
    Gone,
    /// For sending anything.
    Interrupted,
}

impl Media {
    pub(crate) fn new(muted: bool, deafened: bool) -> Media {
        match (deafened, muted) {
            (true, _) => Media::Deafened,
            (false, true) => Media::Muted,
            (false, false) => Media::Open,
        }
    }

    pub(crate) fn may_speak(self) -> bool {
        self == Media::Open
    }

    pub(crate) fn may_listen(self) -> bool {
        self != Media::Deafened
    }
}

/// What is needed to open a session.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    pub(crate) id: ParticipantId,
    pub(crate) room: RoomId,
    pub(crate) media: Media,
    pub(crate) offer: Offer,
    pub(crate) identity: &'a Identity,
    pub(crate) credentials: IceCreds,
    pub(crate) candidates: &'a [Candidate],
    pub(crate) egress: EgressPath,
    pub(crate) born: Instant,
    /// Known to nobody else; what he is asked follows from it.
    pub(crate) secret: [u8; 20],
}

/// What is needed to begin ICE again within a session.
#[derive(Debug)]
pub(crate) struct Restarting<'a> {
    pub(crate) offer: Offer,
    pub(crate) identity: &'a Identity,
    pub(crate) candidates: &'a [Candidate],
    pub(crate) worker: usize,
    pub(crate) key: Key,
}

impl Participant {
    /// Opens a session for an offer, and answers it.
    pub(crate) fn open(now: Instant, opening: Opening<'_>) -> Result<(Participant, String), OfferFault> {
        let Opening { id, room, media, offer, identity, credentials, candidates, egress, born, secret } =
            opening;
        let consent = Consent::new(&credentials, &offer.his);
        let begin = |sdp: &str| begin(now, identity, &credentials, candidates, sdp);
        let (mut rtc, mut keys, answer) = begin(&offer.sdp)?;
        let codec = agreed_codec(&rtc, offer.sending).ok_or(OfferFault::NoOpus)?;
        let plan = Plan::of(&mut rtc, codec, offer.sending, &offer.receiving)?;
        let egress = match egress {
            EgressPath::Reference => Egress::through(&mut rtc, &plan),
            EgressPath::Fast => {
                // What is sent to him will most likely go past the session, which keeps more for each line than all
                // the rest of him takes. So that one has answered, and another one without them goes on.
                (rtc, keys, _) = begin(&offer.speaking)?;
                Egress::Undecided(plan)
            }
        };
        let participant = Participant {
            id,
            room,
            rtc,
            media,
            link: Link::Connecting,
            announced: Link::Connecting,
            announcing: false,
            touched: false,
            was_loud: false,
            said_at: now,
            sounded_at: now,
            joined_at: now,
            heard_at: now,
            wake_at: now,
            reach: Reach::new(now),
            track: Track::new(now, id, codec),
            priority: false,
            on_air: false,
            intake: None,
            consent,
            checked_at: None,
            former: None,
            restarts: 0,
            may_restart: Bucket::new(now, RESTARTS_PER_SECOND, RESTARTS_BURST),
            question: None,
            may_ask: Bucket::new(now, QUESTIONS_PER_SECOND, QUESTIONS_BURST),
            secret,
            questions: 0,
            newest: None,
            egress,
            keys,
            born,
            packets_in: 0,
            packets_out: 0,
            bytes_in: 0,
            quality: Quality::default(),
            announced_signal: None,
            announcing_signal: false,
            sampled: Sampled { at: now, bytes_in: 0, octets_out: 0 },
            fault: false,
        };
        Ok((participant, answer))
    }

    /// Takes a datagram that is his, or claims to be (`nominates` is what its STUN header says).
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        nominates: bool,
        outbox: &mut Outbox,
        produced: &mut Produced,
    ) {
        assert!(!self.fault, "a fault was injected");
        let origin = datagram.origin();
        if !self.reach.admits(now, origin) {
            produced.refused = true;
            return;
        }
        if is_media(datagram.contents) && self.intake.is_some() {
            return self.take_media(now, datagram, Whence::His, produced);
        }
        if is_binding_success(datagram.contents) {
            produced.refused = !self.is_answered(now, datagram);
            if !produced.refused {
                self.heard_at = now;
                produced.noted = self.reach.proven(now, origin, datagram.local, Proof::Answer);
            }
            return;
        }
        if is_stun(datagram.contents) && self.consents(now, datagram, outbox) {
            self.heard_at = now;
            produced.noted = self.reach.proven(now, origin, datagram.local, Proof::Check);
            return;
        }
        let Ok(contents) = DatagramRecv::try_from(datagram.contents) else {
            produced.refused = true;
            return;
        };
        let proto = match datagram.path {
            MediaPath::Udp => Protocol::Udp,
            MediaPath::Tcp => Protocol::Tcp,
        };
        let (source, destination) = (datagram.remote, datagram.local);
        let receive = Receive { proto, source, destination, contents };
        // An error here may have been caused by anyone who knows his address (noise that looks like
        // DTLS), so it must not cost him the session. What really breaks it shows when it is drained.
        produced.refused = self.rtc.handle_input(Input::Receive(now, receive)).is_err();
        self.drain(now, outbox, produced);
        // Only what the session has found genuine: others' noise must not keep his checks from it.
        if produced.binding_answered {
            self.checked_at = Some(now);
        }
        let proof = if produced.newer {
            Proof::Audio
        } else if !produced.packets.is_empty() {
            Proof::Check
        } else if !produced.binding_answered {
            return;
        } else if !nominates {
            Proof::Check
        } else if self.link == Link::Connecting {
            Proof::FirstNomination
        } else {
            Proof::Nomination
        };
        self.heard_at = now;
        produced.noted = self.reach.proven(now, origin, datagram.local, proof);
        // He wants to be sent to where this came from, and it may have been recorded.
        if proof == Proof::Nomination && self.reach.path().is_some_and(|path| path.remote != origin) {
            self.ask(now, datagram, outbox);
        }
    }

    /// Takes voice or a report from an address nobody has, under the number of a stream of his.
    pub(crate) fn receive_stray(&mut self, now: Instant, datagram: &Datagram<'_>, produced: &mut Produced) {
        assert!(!self.fault, "a fault was injected");
        if self.intake.is_none() || !self.reach.admits(now, datagram.origin()) {
            produced.refused = true;
            return;
        }
        self.take_media(now, datagram, Whence::Elsewhere, produced);
    }

    /// Asks him at an address that he may have moved to whether he is there.
    fn ask(&mut self, now: Instant, datagram: &Datagram<'_>, outbox: &mut Outbox) {
        let origin = datagram.origin();
        let asked = self.question.is_some_and(|question| question.to == origin && question.holds(now));
        if asked || !self.may_ask.take(now) {
            return;
        }
        self.questions += 1;
        let Some(transaction) = transaction(&self.secret, self.questions) else { return };
        let to = Destination { path: datagram.path, local: datagram.local, remote: datagram.remote };
        if outbox.write(to, |buffer, _| self.consent.ask(&transaction, buffer)).is_some() {
            self.question = Some(Question { to: origin, transaction, at: now });
        }
    }

    /// Whether this is the answer to what he was asked, from where he was asked it.
    fn is_answered(&mut self, now: Instant, datagram: &Datagram<'_>) -> bool {
        let origin = datagram.origin();
        let waiting = self.question.filter(|question| question.to == origin && question.holds(now));
        let Some(Question { transaction, .. }) = waiting else { return false };
        let answered = self.consent.is_answer(datagram.contents, &transaction);
        if answered {
            self.question = None;
        }
        answered
    }

    /// Begins ICE again within the session, with new credentials on both sides, and answers the offer; media goes on
    /// where it goes meanwhile.
    pub(crate) fn restart(
        &mut self,
        now: Instant,
        restarting: Restarting<'_>,
        outbox: &mut Outbox,
        produced: &mut Produced,
    ) -> Result<String, RestartError> {
        assert!(!self.fault, "a fault was injected");
        let Restarting { offer, identity, candidates, worker, key } = restarting;
        let known = self.rtc.direct_api().remote_dtls_fingerprint().map(ToString::to_string);
        let same =
            known.is_none_or(|known| known.eq_ignore_ascii_case(&format!("sha-256 {}", offer.fingerprint)));
        let lines = self.egress.lines();
        if !same || lines.len() != offer.receiving.len() {
            return Err(RestartError::AnotherSession);
        }
        if !self.may_restart.take(now) {
            return Err(RestartError::TooSoon);
        }
        self.restarts += 1;
        let credentials = identity.credentials(worker, key, self.restarts);
        // Another session answers, since this one does not know all of his lines; theirs are those he has already.
        let (_, _, answer) = begin(now, identity, &credentials, candidates, &offer.sdp)
            .map_err(RestartError::OfferMalformed)?;
        let answer = offer.with_streams(&answer, &lines);
        let consent = Consent::new(&credentials, &offer.his);
        self.former = Some(std::mem::replace(&mut self.consent, consent));
        (self.checked_at, self.question) = (None, None);
        self.rtc.direct_api().set_local_ice_credentials(credentials);
        self.rtc.direct_api().set_remote_ice_credentials(offer.his);
        self.drain(now, outbox, produced);
        Ok(answer)
    }

    /// Answers a check that tells nothing new, past the session; false when it is the session's.
    fn consents(&mut self, now: Instant, datagram: &Datagram<'_>, outbox: &mut Outbox) -> bool {
        let to = Destination { path: datagram.path, local: datagram.local, remote: datagram.remote };
        let usual = self.is_settled() && self.destination() == Some(to);
        if !usual {
            return false;
        }
        // The session would not know them any more.
        let former =
            |buffer: &mut Vec<u8>, _| self.former.as_ref()?.answer(datagram.contents, to.remote, buffer);
        if self.former.is_some() && outbox.write(to, former).is_some() {
            return true;
        }
        let due = |at: Instant| now.saturating_duration_since(at) >= SESSION_CHECK;
        if self.checked_at.is_none_or(due) {
            return false;
        }
        let answer = |buffer: &mut Vec<u8>, _| self.consent.answer(datagram.contents, to.remote, buffer);
        outbox.write(to, answer).is_some()
    }

    /// Takes a packet of voice or a report past the session.
    fn take_media(&mut self, now: Instant, datagram: &Datagram<'_>, from: Whence, produced: &mut Produced) {
        let taken = if is_rtcp(datagram.contents) {
            self.take_report(now, datagram.contents).map(|newest| (newest, Proof::Report))
        } else {
            self.take_voice(now, datagram, from).map(|Taken { packet, newest, began }| {
                produced.began = began.then_some(packet.ssrc);
                produced.packet = Some(packet);
                (newest, Proof::Audio)
            })
        };
        match taken {
            Ok((newest, proof)) => {
                self.heard_at = now;
                // What was held up, by whoever, says nothing about where he is now.
                let proof = if newest { proof } else { Proof::Check };
                if newest || from == Whence::His {
                    produced.noted = self.reach.proven(now, datagram.origin(), datagram.local, proof);
                }
            }
            Err(refusal) => {
                if refusal.understood() {
                    self.packets_in += 1;
                    // What was kept would be followed by a gap.
                    self.track.withhold();
                }
                produced.dropped = Some(refusal);
            }
        }
    }

    fn take_voice(&mut self, now: Instant, datagram: &Datagram<'_>, from: Whence) -> Result<Taken, Refusal> {
        let Some(intake) = &mut self.intake else { return Err(Refusal::Malformed) };
        if !self.track.has_room(now) {
            return Err(Refusal::Flooded);
        }
        // What comes another way than usual may show that he has moved, if it is genuine.
        let usual = self.reach.path().is_some_and(|path| path.remote == datagram.origin());
        let worth = if !usual {
            Worth::Needed
        } else if !self.media.may_speak() {
            Worth::Nothing
        } else if self.on_air {
            Worth::Needed
        } else {
            Worth::Loud
        };
        let taken = intake.take(now, datagram.contents, worth, from)?;
        self.track.count(now);
        self.bytes_in += datagram.contents.len() as u64;
        Ok(taken)
    }

    /// Whether it is the newest of its reporter.
    fn take_report(&mut self, now: Instant, datagram: &[u8]) -> Result<bool, Refusal> {
        match self.egress.hear(now, datagram) {
            Some(Heard::Genuine { newest }) => Ok(newest),
            Some(Heard::Replayed) => Err(Refusal::Replayed),
            Some(Heard::Suspect) => Err(Refusal::Suspect),
            Some(Heard::Forged) => Err(Refusal::Forged),
            None => Err(Refusal::Malformed),
        }
    }

    /// Lets the session do what its timers ask for, and whatever was queued in it leave.
    pub(crate) fn drive(&mut self, now: Instant, outbox: &mut Outbox, produced: &mut Produced) {
        assert!(!self.fault, "a fault was injected");
        self.touched = false;
        produced.ended |= self.rtc.handle_input(Input::Timeout(now)).is_err();
        self.drain(now, outbox, produced);
    }

    /// Says goodbye.
    pub(crate) fn close(&mut self, now: Instant, key: Key, lanes: &Lanes, outbox: &mut Outbox) {
        let to = self.destination();
        self.egress.say_goodbye(now, lanes.tallies(key), to, outbox);
        if self.rtc.close().is_ok() {
            self.drain(now, outbox, &mut Produced::default());
        }
    }

    /// Sends a packet to someone who has no lane; it leaves with the next [`Participant::drive`].
    pub(crate) fn send(&mut self, now: Instant, packet: &mut Outgoing) -> Sent {
        let mut sent = Sent::Withheld;
        if self.listens() {
            sent = self.egress.send(&mut self.rtc, now, packet);
        }
        match sent {
            Sent::Out | Sent::Queued => self.packets_out += 1,
            Sent::Late => {}
            Sent::Withheld => self.egress.pause(packet.slot),
        }
        sent
    }

    fn listens(&self) -> bool {
        self.media.may_listen() && self.link != Link::Connecting
    }

    /// Where his lane leads.
    pub(crate) fn lane_end(&self) -> Option<Destination> {
        self.destination().filter(|_| self.listens())
    }

    /// Tells him what was sent through his lane, when it is time to, and looks at how his sound travels. Whether that
    /// is news.
    pub(crate) fn report(&mut self, now: Instant, key: Key, lanes: &Lanes, outbox: &mut Outbox) -> bool {
        if self.egress.report_at().is_none_or(|at| at > now) {
            return false;
        }
        let to = self.destination();
        let received: Vec<ReceptionReport> =
            self.intake.iter_mut().flat_map(|intake| intake.reports()).collect();
        let octets_out = lanes.tallies(key).fold(0u32, |sum, tally| sum.wrapping_add(tally.octets));
        self.egress.report(now, lanes.tallies(key), received.iter().copied(), to, outbox);
        self.sample(now, &received, octets_out);
        self.quality.signal != self.announced_signal
    }

    fn sample(&mut self, now: Instant, received: &[ReceptionReport], octets_out: u32) {
        let before = self.sampled;
        self.sampled = Sampled { at: now, bytes_in: self.bytes_in, octets_out };
        let millis = now.saturating_duration_since(before.at).as_millis().max(1);
        let rate = |bytes: u64| u32::try_from(u128::from(bytes) * 8 / millis).unwrap_or(u32::MAX);
        let worst = received.iter().max_by_key(|report| report.fraction_lost);
        let up = Direction {
            lost_per_mille: worst.map(|report| per_mille(report.fraction_lost)),
            jitter: worst.map(|report| ticks(report.jitter)),
            kilobits_per_second: rate(self.bytes_in - before.bytes_in),
        };
        let lately = self.egress.received_since(before.at);
        let down = Direction {
            lost_per_mille: lately.map(|lately| per_mille(lately.fraction_lost)),
            jitter: lately.map(|lately| ticks(lately.jitter)),
            kilobits_per_second: rate(u64::from(octets_out.wrapping_sub(before.octets_out))),
        };
        let round_trip = lately.and_then(|lately| lately.round_trip);
        self.quality = self.quality.sampled(round_trip, up, down);
    }

    /// The streams he has proven to send.
    pub(crate) fn streams(&self) -> impl Iterator<Item = u32> + '_ {
        self.intake.iter().flat_map(|intake| intake.streams())
    }

    /// How many packets back what goes through his lane repeats.
    pub(crate) fn distance(&self) -> u8 {
        self.egress.distance()
    }

    /// How what he gets is sealed.
    pub(crate) fn egress_path(&self) -> Option<EgressPath> {
        self.egress.path()
    }

    /// What he has told us about what reaches him.
    pub(crate) fn reception(&self) -> Option<Reception> {
        self.egress.reception()
    }

    /// What comes on this slot now is not for him.
    pub(crate) fn skip(&mut self, slot: SlotIndex) {
        self.egress.pause(slot);
    }

    /// When he must be looked at again.
    pub(crate) fn deadline(&self, timeouts: &Timeouts) -> Instant {
        let patience = match self.link {
            Link::Connecting => self.joined_at + timeouts.connect,
            Link::Connected => self.heard_at + timeouts.interrupted,
            Link::Interrupted => self.heard_at + timeouts.silence,
        };
        let own = self.wake_at.min(patience);
        let at = self.egress.report_at().map_or(own, |report| own.min(report));
        if self.is_settled() { self.next_look(at) } else { at }
    }

    /// Whether he is connected and all his media goes past the session.
    fn is_settled(&self) -> bool {
        self.link != Link::Connecting && self.intake.is_some()
    }

    /// The first common time to look that is not before `at`.
    fn next_look(&self, at: Instant) -> Instant {
        let beyond = at.saturating_duration_since(self.born).as_nanos() % LOOK_EVERY.as_nanos();
        match u64::try_from(beyond) {
            Ok(0) | Err(_) => at,
            Ok(beyond) => at + LOOK_EVERY.saturating_sub(Duration::from_nanos(beyond)),
        }
    }

    /// Whether the session itself wants to be driven.
    pub(crate) fn wants_driving(&self, now: Instant) -> bool {
        self.wake_at <= now
    }

    pub(crate) fn overdue(&self, now: Instant, timeouts: &Timeouts) -> Option<Overdue> {
        let silent_for = now.saturating_duration_since(self.heard_at);
        match self.link {
            Link::Connecting => {
                (now.saturating_duration_since(self.joined_at) >= timeouts.connect).then_some(Overdue::Gone)
            }
            Link::Connected => (silent_for >= timeouts.interrupted).then_some(Overdue::Interrupted),
            Link::Interrupted => (silent_for >= timeouts.silence).then_some(Overdue::Gone),
        }
    }

    /// Whether someone who was interrupted has been heard of again.
    pub(crate) fn back(&self, now: Instant, timeouts: &Timeouts) -> bool {
        now.saturating_duration_since(self.heard_at) < timeouts.interrupted
    }

    /// Whether the session takes its path for good.
    pub(crate) fn session_has_path(&self) -> bool {
        self.rtc.is_connected()
    }

    /// How his packets travel.
    pub(crate) fn media_path(&self) -> Option<MediaPath> {
        Some(self.reach.path()?.remote.path)
    }

    /// Empties the session until it says when it wants to be woken.
    fn drain(&mut self, now: Instant, outbox: &mut Outbox, produced: &mut Produced) {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    let rests = self.is_settled() && self.rtc.last_timeout_reason() != Reason::DTLS;
                    self.wake_at = if rests { at.max(now + SESSION_REST) } else { at };
                    break;
                }
                Ok(Output::Transmit(transmit)) => {
                    if is_stun(&transmit.contents) {
                        produced.binding_answered |= is_binding_success(&transmit.contents);
                        outbox.push(origin(&transmit), &transmit.contents);
                    } else if self.egress.allows(&transmit.contents)
                        && let Some(to) = self.destination()
                    {
                        outbox.push(to, &transmit.contents);
                    }
                }
                Ok(Output::Event(Event::RtpPacket(packet))) => {
                    self.take_opened(now, Packet::from_session(packet), produced);
                }
                Ok(Output::Event(event)) => {
                    produced.connected |= matches!(event, Event::Connected);
                    produced.ended |= matches!(event, Event::Closed);
                }
                Err(_) => {
                    produced.ended = true;
                    break;
                }
            }
        }
        produced.ended |= !self.rtc.is_alive();
        self.take_keys(now, produced);
    }

    /// Takes a packet the session has opened.
    fn take_opened(&mut self, now: Instant, packet: Packet, produced: &mut Produced) {
        let older =
            self.newest.is_some_and(|(ssrc, newest)| ssrc == packet.ssrc && packet.sequence <= newest);
        if !older {
            self.newest = Some((packet.ssrc, packet.sequence));
            produced.newer = true;
        }
        if self.track.count(now) {
            produced.packets.push(packet);
        } else {
            produced.dropped = Some(Refusal::Flooded);
        }
    }

    /// Where media goes.
    fn destination(&self) -> Option<Destination> {
        let path = self.reach.path()?;
        Some(Destination { path: path.remote.path, local: path.local, remote: path.remote.source })
    }

    fn take_keys(&mut self, now: Instant, produced: &mut Produced) {
        let Some(keys) = self.keys.take() else { return };
        if self.egress.is_undecided() {
            let decided = self.egress.decide(now, &mut self.rtc, self.born, &keys);
            if let Some((lane, intake)) = decided {
                produced.lane = Some(Box::new(lane));
                self.intake = Some(Box::new(intake));
            }
        } else if self.egress.report_at().is_some() {
            // A second handshake is nothing a browser does within one session; from now on he could not
            // open what we seal.
            produced.ended = true;
        }
    }
}

impl Question {
    fn holds(self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) < QUESTION_HOLDS
    }
}

/// A fraction of 256, as reports have it.
fn per_mille(fraction: u8) -> u16 {
    (u32::from(fraction) * 1_000 / 256) as u16
}

/// So many ticks of the clock of voice.
fn ticks(count: u32) -> Duration {
    Duration::from_micros(u64::from(count) * 1_000_000 / u64::from(TICKS_PER_SECOND))
}

/// What nobody can guess who does not know the secret, a new one for each number.
fn transaction(secret: &[u8; 20], number: u64) -> Option<[u8; TRANSACTION_LEN]> {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    hmac::sign(&key, &number.to_be_bytes()).as_ref().first_chunk().copied()
}

/// An answer to a binding request goes where the request came from.
fn origin(transmit: &str0m::net::Transmit) -> Destination {
    let path = match transmit.proto {
        Protocol::Udp => MediaPath::Udp,
        Protocol::Tcp | Protocol::SslTcp | Protocol::Tls => MediaPath::Tcp,
    };
    Destination { path, local: transmit.source, remote: transmit.destination }
}

/// Begins a session with an offer; the session, where its keys will appear, and its answer.
fn begin(
    now: Instant,
    identity: &Identity,
    credentials: &IceCreds,
    candidates: &[Candidate],
    sdp: &str,
) -> Result<(Rtc, KeyBox, String), OfferFault> {
    let sdp = SdpOffer::from_sdp_string(sdp).map_err(|_| OfferFault::NotSdp)?;
    let config = session_config(identity, credentials.clone());
    let (mut rtc, keys) = keys::watch(identity.handshakes, || config.build(now));
    for candidate in candidates {
        rtc.add_local_candidate(candidate.clone());
    }
    let answer = rtc.sdp_api().accept_offer(sdp).map_err(|_| OfferFault::Refused)?;
    Ok((rtc, keys, answer.to_sdp_string()))
}

/// A session as every participant has it.
fn session_config(identity: &Identity, credentials: IceCreds) -> RtcConfig {
    let mut extensions = ExtensionMap::empty();
    // The numbers are only a wish: the offerer's are taken.
    extensions.set(1, Extension::AudioLevel);
    extensions.set(4, Extension::RtpMid);
    // No statistics and no bandwidth estimation: both cost more than the audio itself.
    RtcConfig::new()
        .set_crypto_provider(identity.crypto.clone())
        .set_dtls_cert(identity.certificate.clone())
        .set_local_ice_credentials(credentials)
        .set_ice_lite(true)
        .set_rtp_mode(true)
        .clear_codecs()
        .enable_opus(true, true)
        .set_extension_map(extensions)
}

/// The payload types on which both sides agreed for the line he speaks on.
fn agreed_codec(rtc: &Rtc, sending: Mid) -> Option<Codec> {
    let media = rtc.media(sending)?;
    let opus = rtc
        .codec_config()
        .find(|codec| codec.spec().codec == CodecName::Opus && media.remote_pts().contains(&codec.pt()))?;
    Some(Codec { opus: *opus.pt(), red: opus.red().map(|red| *red) })
}
