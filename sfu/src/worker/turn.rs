//! What follows when something has happened: a session is driven, and what comes out of it is dealt with.
//!
//! The inner half of [`Worker`]. Everything that touches a session ends in [`Worker::settle`], whatever
//! came of it. Start there.

use std::time::{Duration, Instant};

use super::{Timer, Untold, Worker};
use crate::contain::{Panicked, contained};
use crate::crossing::Body;
use crate::demux::Key;
use crate::forwarder::{Frame, Sound};
use crate::intake::{CANDIDATE, Packet};
use crate::message::LeaveReason;
use crate::participant::{Link, Overdue, Produced};
use crate::speakers::is_loud;
use crate::track::Unfit;

/// Level assumed for a client that does not send levels: a soft voice while there is sound at all.
const LEVEL_UNKNOWN: i8 = -45;

/// Opus writes silence (DTX) in packets of up to this many bytes.
const SILENT_PAYLOAD: usize = 3;
const LEVEL_SILENT: i8 = -127;

/// What was held back is sent on only while its speaker goes on: after such a pause it is of the past.
const STALE: Duration = Duration::from_millis(200);

/// Who holds a slot and has been silent for this long is not sent on until he is heard again: in a large room
/// most who hold a slot only happen to, and a thousand copies of silence cost as much as a thousand of voice. Long
/// enough for a listener's decoder to have gone quiet with him.
const HUSH: Duration = Duration::from_millis(1_500);

impl Worker {
    pub(super) fn participant_due(&mut self, now: Instant, key: Key) {
        let Some(participant) = self.table.get_mut(key) else { return };
        match participant.overdue(now, &self.config.timeouts) {
            Some(Overdue::Gone) => return self.remove(now, key, LeaveReason::TimedOut),
            Some(Overdue::Interrupted) => {
                participant.link = Link::Interrupted;
                let (who, room) = (participant.id, participant.room);
                self.announce_link(key);
                tracing::debug!(participant = who.0, room = room.0, "interrupted");
            }
            None => {}
        }
        if let Some(participant) = self.table.get_mut(key)
            && participant.report(now, key, &self.lanes, &mut self.outbox)
            && !std::mem::replace(&mut participant.announcing_signal, true)
        {
            self.untold.push_back(Untold::Signal(key));
        }
        if self.table.get(key).is_some_and(|participant| participant.wants_driving(now)) {
            self.drive(now, key);
        } else {
            self.rearm(key);
        }
    }

    /// Drives one session and deals with what comes out.
    pub(super) fn drive(&mut self, now: Instant, key: Key) {
        let Some(participant) = self.table.get_mut(key) else { return };
        let mut produced = Produced::default();
        let outbox = &mut self.outbox;
        let result = contained(|| participant.drive(now, outbox, &mut produced));
        self.settle(now, key, result, produced);
    }

    /// Deals with what came out of a session.
    pub(super) fn settle(
        &mut self,
        now: Instant,
        key: Key,
        result: Result<(), Panicked>,
        produced: Produced,
    ) {
        if result.is_err() {
            return self.remove_broken(now, key);
        }
        if produced.ended {
            return self.remove(now, key, LeaveReason::Failed);
        }
        if produced.refused {
            self.stats.dropped.malformed += 1;
        }
        if let Some(refusal) = produced.dropped {
            refusal.count(&mut self.stats.dropped);
            self.stats.packets_in += u64::from(refusal.understood());
        }
        if let Some(origin) = produced.noted.forgotten {
            self.demux.forget(origin, key);
        }
        if let Some(origin) = produced.noted.learned {
            if let Some(owner) = self.demux.owner(origin)
                && let Some(former) = self.table.get_mut(owner)
            {
                former.reach.lose(origin);
                self.align(owner);
            }
            self.demux.learn(origin, key);
        }
        if let Some(ssrc) = produced.began {
            self.demux.learn_stream(ssrc, key);
        }
        if let Some(lane) = produced.lane {
            self.lanes.open(key, *lane);
        }
        if produced.connected {
            self.connected(now, key);
        }
        for packet in produced.packet.into_iter().chain(produced.packets) {
            self.publish(now, key, packet);
        }
        self.notice_return(now, key);
        self.rearm(key);
    }

    fn connected(&mut self, now: Instant, key: Key) {
        let Some(participant) = self.table.get_mut(key) else { return };
        participant.link = Link::Connected;
        let (who, room, muted) = (participant.id, participant.room, !participant.media.may_speak());
        let priority = participant.priority;
        self.announce_link(key);
        self.tell_home(now, room, Body::Enter { who, muted });
        if priority {
            self.tell_home(now, room, Body::Priority { who, priority });
        }
    }

    /// Someone who was interrupted and is heard of again is connected again.
    fn notice_return(&mut self, now: Instant, key: Key) {
        let Some(participant) = self.table.get_mut(key) else { return };
        if participant.link == Link::Interrupted && participant.back(now, &self.config.timeouts) {
            participant.link = Link::Connected;
            self.announce_link(key);
        }
    }

    /// Sends a packet of someone's track on to those who may hear him.
    fn publish(&mut self, now: Instant, key: Key, packet: Packet) {
        let Some(participant) = self.table.get_mut(key) else { return };
        self.lively = true;
        self.stats.packets_in += 1;
        participant.packets_in += 1;
        if !participant.media.may_speak() {
            participant.track.withhold();
            self.stats.dropped.muted += 1;
            return;
        }
        let frames = match participant.track.frames(packet) {
            Ok(frames) => frames,
            Err(unfit) => {
                match unfit {
                    Unfit::BadRed => self.stats.dropped.bad_red += 1,
                    Unfit::ForOthers => self.stats.dropped.for_others += 1,
                }
                return;
            }
        };
        let level = level_of(frames.sound, frames.len);
        let frames = frames.recovered.into_iter().chain(frames.newest);
        let (who, room) = (participant.id, participant.room);
        if level >= CANDIDATE {
            participant.sounded_at = now;
        }
        let was_loud = std::mem::replace(&mut participant.was_loud, is_loud(level));
        let said_before = std::mem::replace(&mut participant.said_at, now);
        if !participant.on_air && now.saturating_duration_since(said_before) > STALE {
            participant.track.withhold();
        }
        // To the home, silence that goes on is no news.
        if !participant.on_air && (was_loud || is_loud(level)) {
            self.tell_home(now, room, Body::Level { who, level });
        }
        // That may have brought a slot, if the home is here.
        let Some(participant) = self.table.get_mut(key) else { return };
        if participant.on_air && now.saturating_duration_since(participant.sounded_at) > HUSH {
            participant.track.withhold();
            self.stats.dropped.silence += 1;
        } else if participant.on_air {
            frames.for_each(|frame| self.put_on_air(now, key, Some(frame)));
        } else {
            frames.for_each(|frame| participant.track.hold_back(frame));
            self.stats.dropped.no_slot += 1;
        }
    }

    /// Sends what was held back of someone who holds a slot to his home, then the newest.
    pub(super) fn put_on_air(&mut self, now: Instant, key: Key, newest: Option<Frame>) {
        let Some(participant) = self.table.get_mut(key) else { return };
        let (room, at) = (participant.room, participant.said_at);
        if now.saturating_duration_since(at) > STALE {
            participant.track.withhold();
        }
        for frame in participant.track.release(newest) {
            let level = level_of(frame.sound, frame.payload.len());
            self.tell_home(now, room, Body::Frame { frame, level, at });
        }
    }

    fn announce_link(&mut self, key: Key) {
        let Some(participant) = self.table.get_mut(key) else { return };
        if !participant.announcing {
            participant.announcing = true;
            self.untold.push_back(Untold::Link(key));
        }
    }

    /// Lets someone's lane lead where he is, if he may listen. To be called after whatever may change that.
    pub(super) fn align(&mut self, key: Key) {
        if let Some(participant) = self.table.get(key) {
            self.lanes.align(key, participant.lane_end(), participant.distance());
        }
    }

    fn rearm(&mut self, key: Key) {
        self.align(key);
        if let Some(participant) = self.table.get(key) {
            self.timers.set(Timer::Participant(key), participant.deadline(&self.config.timeouts));
        }
    }

    pub(super) fn remove_broken(&mut self, now: Instant, key: Key) {
        self.stats.panics_contained += 1;
        if let Some(participant) = self.table.get(key) {
            tracing::error!(participant = participant.id.0, "a session broke and was dropped");
        }
        self.remove(now, key, LeaveReason::Failed);
    }

    pub(super) fn remove(&mut self, now: Instant, key: Key, reason: LeaveReason) {
        let Some(mut participant) = self.table.remove(key) else { return };
        self.timers.clear(Timer::Participant(key));
        for origin in participant.reach.addresses() {
            self.demux.forget(origin, key);
        }
        for ssrc in participant.streams() {
            self.demux.forget_stream(ssrc, key);
        }
        let (who, room_id) = (participant.id, participant.room);
        let entered = participant.link != Link::Connecting;
        self.keys.remove(&who);
        let (lanes, outbox) = (&self.lanes, &mut self.outbox);
        let closing = contained(move || {
            if reason == LeaveReason::Asked {
                participant.close(now, key, lanes, outbox);
            }
            drop(participant);
        });
        if closing.is_err() {
            self.stats.panics_contained += 1;
        }
        self.lanes.close(key);
        self.leave_room(now, room_id, who, key, entered);
        self.untold.push_back(Untold::Left { room: room_id, participant: who, reason });
        tracing::debug!(participant = who.0, room = room_id.0, ?reason, "left");
    }
}

fn level_of(sound: Sound, len: usize) -> i8 {
    match sound.level {
        Some(level) => level,
        None if len <= SILENT_PAYLOAD => LEVEL_SILENT,
        None => LEVEL_UNKNOWN,
    }
}
