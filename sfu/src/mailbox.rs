//! What the rest of the server has to say to one worker's thread.
//!
//! Held for a moment under a lock, and only when there is something to say: the thread looks inside when
//! it is woken, never on the way of a packet. Requests to join are a bounded queue, and are refused when
//! it is full. The rest describes what should be (muted, gone), so it is kept once per participant and can
//! neither pile up nor be lost. Since a participant's number is never used twice, the order in which the
//! thread must act is always the same: let in, say to whom he speaks, mute, let go. Start at [`Mailbox::take`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::audience::Audience;
use crate::id::{ParticipantId, RoomId};
use crate::message::{Join, JoinError, RestartError};
use crate::stats::{ParticipantStats, WorkerStats};

/// Where the answer to a request to join goes.
pub(crate) type JoinReply = oneshot::Sender<Result<String, JoinError>>;

/// Where the answer to a request to begin ICE again goes.
pub(crate) type RestartReply = oneshot::Sender<Result<String, RestartError>>;

/// A request to begin ICE again.
pub(crate) type Restart = (ParticipantId, String, RestartReply);

/// Where a worker's counters go.
pub(crate) type StatsReply = oneshot::Sender<(WorkerStats, Vec<ParticipantStats>)>;

/// A request to join that was given a worker.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) join: Join,
    /// The worker at which the room is at home.
    pub(crate) home: usize,
}

/// One worker's mailbox.
#[derive(Debug)]
pub(crate) struct Mailbox {
    letters: Mutex<Letters>,
    /// Whether it is worth looking inside: a thread is also woken by others, and often.
    written: AtomicBool,
    joins_max: usize,
}

/// What was said since the thread last looked.
#[derive(Debug, Default)]
pub(crate) struct Letters {
    pub(crate) joins: VecDeque<(Placed, JoinReply)>,
    pub(crate) restarts: VecDeque<Restart>,
    pub(crate) media: BTreeMap<ParticipantId, Wish>,
    /// To be acted upon before `media`: whoever whispers and opens the microphone at once is heard by nobody else.
    pub(crate) audiences: BTreeMap<ParticipantId, Audience>,
    pub(crate) priorities: BTreeMap<ParticipantId, bool>,
    /// Rooms whose settings have changed; what they are now is to be looked up.
    pub(crate) rooms: BTreeSet<RoomId>,
    pub(crate) leaves: BTreeSet<ParticipantId>,
    /// Of whom: those of one room, or everybody.
    pub(crate) stats: Vec<(Option<RoomId>, StatsReply)>,
    pub(crate) stop: bool,
    closed: bool,
}

/// What a participant may send and get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) muted: bool,
    pub(crate) deafened: bool,
}

impl Mailbox {
    pub(crate) fn new(joins_max: usize) -> Mailbox {
        Mailbox { letters: Mutex::default(), written: AtomicBool::new(false), joins_max }
    }

    pub(crate) fn join(&self, join: Placed, reply: JoinReply) -> Result<(), JoinError> {
        let mut letters = self.lock();
        if letters.closed || letters.stop {
            return Err(JoinError::Stopped);
        }
        if letters.joins.len() >= self.joins_max {
            return Err(JoinError::Busy);
        }
        letters.joins.push_back((join, reply));
        self.written.store(true, Ordering::Release);
        Ok(())
    }

    /// Bounded as joins are.
    pub(crate) fn restart(&self, restart: Restart) -> Result<(), RestartError> {
        let mut letters = self.lock();
        if letters.closed || letters.stop {
            return Err(RestartError::Stopped);
        }
        if letters.restarts.len() >= self.joins_max {
            return Err(RestartError::Busy);
        }
        letters.restarts.push_back(restart);
        self.written.store(true, Ordering::Release);
        Ok(())
    }

    pub(crate) fn set_media(&self, who: ParticipantId, wish: Wish) {
        self.lock().media.insert(who, wish);
        self.written.store(true, Ordering::Release);
    }

    pub(crate) fn set_audience(&self, who: ParticipantId, audience: Audience) {
        self.lock().audiences.insert(who, audience);
        self.written.store(true, Ordering::Release);
    }

    pub(crate) fn set_priority(&self, who: ParticipantId, priority: bool) {
        self.lock().priorities.insert(who, priority);
        self.written.store(true, Ordering::Release);
    }

    pub(crate) fn look_up_room(&self, room: RoomId) {
        self.lock().rooms.insert(room);
        self.written.store(true, Ordering::Release);
    }

    pub(crate) fn leave(&self, who: ParticipantId) {
        self.lock().leaves.insert(who);
        self.written.store(true, Ordering::Release);
    }

    pub(crate) fn stats(&self, room: Option<RoomId>, reply: StatsReply) {
        let mut letters = self.lock();
        if !letters.closed {
            letters.stats.push((room, reply));
            self.written.store(true, Ordering::Release);
        }
    }

    pub(crate) fn stop(&self) {
        self.lock().stop = true;
        self.written.store(true, Ordering::Release);
    }

    /// Whether something was said since [`Mailbox::take`].
    pub(crate) fn is_written(&self) -> bool {
        self.written.load(Ordering::Acquire)
    }

    /// Everything that was said, leaving the box empty.
    pub(crate) fn take(&self) -> Letters {
        self.written.store(false, Ordering::Release);
        let mut letters = self.lock();
        let stop = letters.stop;
        let taken = std::mem::take(&mut *letters);
        letters.stop = stop;
        taken
    }

    /// The thread has ended: who waits for an answer learns it, and nothing more is taken.
    pub(crate) fn close(&self) {
        let mut letters = self.lock();
        *letters = Letters { closed: true, ..Letters::default() };
    }

    fn lock(&self) -> MutexGuard<'_, Letters> {
        // Nothing in here can panic half way, so what a poisoned lock guards is whole.
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join() -> Placed {
        let (room, participant) = (RoomId(1), ParticipantId(1));
        let join = Join { room, participant, offer: String::new(), muted: false, deafened: false };
        Placed { join, home: 0 }
    }

    #[test]
    fn a_full_box_refuses_to_let_in_but_never_loses_a_goodbye() {
        let mailbox = Mailbox::new(1);
        assert_eq!(mailbox.join(join(), oneshot::channel().0), Ok(()));
        assert_eq!(mailbox.join(join(), oneshot::channel().0), Err(JoinError::Busy));
        mailbox.leave(ParticipantId(1));
        assert!(mailbox.is_written());
        let letters = mailbox.take();
        assert!(!mailbox.is_written());
        assert_eq!(letters.joins.len(), 1);
        assert!(letters.leaves.contains(&ParticipantId(1)));
        assert!(mailbox.take().joins.is_empty());
    }

    #[test]
    fn of_two_wishes_the_later_counts() {
        let mailbox = Mailbox::new(1);
        for muted in [true, false] {
            mailbox.set_media(ParticipantId(1), Wish { muted, deafened: false });
        }
        let letters = mailbox.take();
        assert_eq!(letters.media[&ParticipantId(1)], Wish { muted: false, deafened: false });
    }

    #[test]
    fn a_closed_box_answers_who_waits_and_refuses_the_rest() {
        let mailbox = Mailbox::new(4);
        let (reply, mut answer) = oneshot::channel();
        assert_eq!(mailbox.join(join(), reply), Ok(()));
        mailbox.close();
        assert!(answer.try_recv().is_err());
        assert_eq!(mailbox.join(join(), oneshot::channel().0), Err(JoinError::Stopped));
    }
}
