//! Where a worker's crossings come from and go to: bounded channels between the threads, and who must be
//! woken for them.
//!
//! Knows threads and channels, not rooms. Nothing here waits. Media that a full channel does not take is
//! dropped and counted: sound that waits is sound too late. Control is kept until there is room for it, and
//! nothing else goes to that worker before it. What is kept is bounded: of what says how things stand only
//! the newest is kept, so there are at most a few crossings for each person and room of this worker. Start
//! at [`Crossroads::send`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use mio::Waker;

use crate::crossing::{Body, Crossing};

/// Crossings that may wait for one worker, from all others together: about a quarter of a second of a very
/// large room. The memory (half a megabyte) is taken at start.
const CAPACITY: usize = 4_096;

/// Crossings taken in one turn before sockets and timers have theirs: about a millisecond's work.
const TAKE_BUDGET: usize = 512;

/// One worker's place among all.
#[derive(Debug)]
pub(crate) struct Crossroads {
    inbox: Receiver<(usize, Crossing)>,
    number: usize,
    /// One for each worker, in order; the one to itself is never used.
    ways: Vec<Way>,
    /// Media that found a channel full.
    pub(crate) dropped: u64,
}

/// The way to one worker.
#[derive(Debug)]
struct Way {
    sender: SyncSender<(usize, Crossing)>,
    waker: Arc<Waker>,
    /// Control for which there was no room.
    kept: VecDeque<Crossing>,
    /// Whether something was sent since it was last woken.
    to_wake: bool,
}

/// Whether everything has been taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    All,
    /// There may be more.
    Some,
}

impl Crossroads {
    /// The crossroads of all workers, given what wakes each of them.
    pub(crate) fn between(wakers: &[Arc<Waker>]) -> Vec<Crossroads> {
        Crossroads::of_capacity(wakers, CAPACITY)
    }

    fn of_capacity(wakers: &[Arc<Waker>], capacity: usize) -> Vec<Crossroads> {
        let (senders, inboxes): (Vec<_>, Vec<_>) = wakers.iter().map(|_| sync_channel(capacity)).unzip();
        let way = |(sender, waker): (&SyncSender<_>, &Arc<Waker>)| Way {
            sender: sender.clone(),
            waker: Arc::clone(waker),
            kept: VecDeque::new(),
            to_wake: false,
        };
        let crossroads = |(number, inbox)| Crossroads {
            inbox,
            number,
            ways: senders.iter().zip(wakers).map(way).collect(),
            dropped: 0,
        };
        inboxes.into_iter().enumerate().map(crossroads).collect()
    }

    /// Gives `take` what other workers have sent, as much as one turn has time for.
    pub(crate) fn take(&mut self, mut take: impl FnMut(usize, Crossing)) -> Taken {
        for _ in 0..TAKE_BUDGET {
            match self.inbox.try_recv() {
                Ok((from, crossing)) => take(from, crossing),
                Err(_) => return Taken::All,
            }
        }
        Taken::Some
    }

    /// Sends a crossing to a worker, who must then be woken.
    pub(crate) fn send(&mut self, to: usize, crossing: Crossing) {
        let Some(way) = self.ways.get_mut(to) else { return };
        self.dropped += u64::from(!way.send(self.number, crossing));
    }

    /// Sends what was kept, as far as there is room now. To be called at the start of each turn.
    pub(crate) fn retry(&mut self) {
        for way in &mut self.ways {
            way.retry(self.number);
        }
    }

    /// Whether something is kept, so that [`Crossroads::retry`] should be called soon.
    pub(crate) fn keeps(&self) -> bool {
        self.ways.iter().any(|way| !way.kept.is_empty())
    }

    /// Wakes everyone to whom something was sent.
    pub(crate) fn wake(&mut self) {
        for way in self.ways.iter_mut().filter(|way| way.to_wake) {
            way.to_wake = false;
            // Fails only if the thread and its poll are gone; then nobody is there to be woken.
            let _ = way.waker.wake();
        }
    }
}

impl Way {
    /// Returns false if the crossing was dropped.
    fn send(&mut self, from: usize, crossing: Crossing) -> bool {
        let media = crossing.is_media();
        if !self.kept.is_empty() {
            if !media {
                keep(&mut self.kept, crossing);
            }
            return !media;
        }
        match self.sender.try_send((from, crossing)) {
            Ok(()) => {
                self.to_wake = true;
                true
            }
            Err(TrySendError::Full((_, crossing))) if !media => {
                self.kept.push_back(crossing);
                true
            }
            // Too much, or the other thread has ended, and its rooms with it.
            Err(TrySendError::Full(_)) => false,
            Err(TrySendError::Disconnected(_)) => true,
        }
    }

    fn retry(&mut self, from: usize) {
        while let Some(crossing) = self.kept.pop_front() {
            match self.sender.try_send((from, crossing)) {
                Ok(()) => self.to_wake = true,
                Err(TrySendError::Full((_, crossing))) => {
                    self.kept.push_front(crossing);
                    return;
                }
                Err(TrySendError::Disconnected(_)) => self.kept.clear(),
            }
        }
    }
}

/// Keeps control in order, but nothing that is overtaken by what comes now.
fn keep(kept: &mut VecDeque<Crossing>, crossing: Crossing) {
    let room = crossing.room;
    let of_room = |before: &Crossing| before.room == room;
    match crossing.body {
        Body::Slots { .. } => {
            kept.retain(|before| !(of_room(before) && matches!(before.body, Body::Slots { .. })));
        }
        Body::Limit { .. } => {
            kept.retain(|before| !(of_room(before) && matches!(before.body, Body::Limit { .. })));
        }
        Body::Muted { who: him, muted: now } => {
            for before in kept.iter_mut().filter(|before| of_room(before)) {
                if let Body::Enter { who, muted } | Body::Muted { who, muted } = &mut before.body
                    && *who == him
                {
                    *muted = now;
                    return;
                }
            }
        }
        Body::Anew { who: him } => {
            if kept
                .iter()
                .any(|before| of_room(before) && matches!(before.body, Body::Anew { who } if who == him))
            {
                return;
            }
        }
        Body::Priority { who: him, .. } => {
            kept.retain(|before| {
                !(of_room(before) && matches!(before.body, Body::Priority { who, .. } if who == him))
            });
        }
        Body::Leave { who: him } => {
            let before = kept.len();
            kept.retain(|before| {
                !(of_room(before) && matches!(before.body, Body::Enter { who, .. } if who == him))
            });
            let never_entered = kept.len() < before;
            kept.retain(|before| {
                !(of_room(before)
                    && matches!(before.body,
                    Body::Muted { who, .. } | Body::Anew { who } | Body::Priority { who, .. } if who == him))
            });
            if never_entered {
                return;
            }
        }
        Body::Close => {
            kept.retain(|before| !(of_room(before) && matches!(before.body, Body::Limit { .. })));
            // Everyone has left before. If the other has not heard of the beginning, it need not now.
            let opened =
                kept.iter().rposition(|before| of_room(before) && matches!(before.body, Body::Open { .. }));
            if let Some(at) = opened {
                kept.remove(at);
                return;
            }
        }
        Body::Open { .. } | Body::Enter { .. } => {}
        // Never kept.
        Body::Level { .. } | Body::Frame { .. } | Body::Packet(_) => return,
    }
    kept.push_back(crossing);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use mio::{Poll, Token};

    use super::*;
    use crate::crossing::Visit;
    use crate::id::{ParticipantId, RoomId};

    const ROOM: RoomId = RoomId(1);
    const ANA: ParticipantId = ParticipantId(1);
    const BEN: ParticipantId = ParticipantId(2);

    fn pair(capacity: usize) -> (Crossroads, Crossroads) {
        let waker = || Arc::new(Waker::new(Poll::new().unwrap().registry(), Token(0)).unwrap());
        let mut both = Crossroads::of_capacity(&[waker(), waker()], capacity).into_iter();
        (both.next().unwrap(), both.next().unwrap())
    }

    fn of(body: Body) -> Crossing {
        Crossing { room: ROOM, body }
    }

    fn level(level: i8) -> Crossing {
        of(Body::Level { who: ANA, level })
    }

    fn taken(crossroads: &mut Crossroads) -> Vec<String> {
        let mut all = Vec::new();
        crossroads.take(|_, crossing| all.push(format!("{:?}", crossing.body)));
        all
    }

    #[test]
    fn media_is_dropped_and_counted_where_control_is_kept() {
        let (mut here, mut there) = pair(2);
        for n in 0..5 {
            here.send(1, level(n));
        }
        assert_eq!((here.dropped, here.keeps()), (3, false));
        here.send(1, of(Body::Leave { who: ANA }));
        here.send(1, level(9));
        assert_eq!((here.dropped, here.keeps()), (4, true));
        assert_eq!(taken(&mut there).len(), 2);
        here.send(1, level(10));
        assert_eq!(here.dropped, 5, "nothing overtakes what was kept");
        here.retry();
        here.send(1, level(11));
        let all = taken(&mut there);
        assert!(all[0].starts_with("Leave") && all[1].contains("11") && all.len() == 2, "{all:?}");
    }

    #[test]
    fn of_what_is_kept_only_the_newest_counts() {
        let (mut here, mut there) = pair(1);
        here.send(1, level(0));
        here.send(1, of(Body::Leave { who: BEN }));
        for n in 0..1_000 {
            here.send(1, of(Body::Open { visit: Visit(n) }));
            here.send(1, of(Body::Limit { slots: 3 }));
            here.send(1, of(Body::Enter { who: ANA, muted: false }));
            here.send(1, of(Body::Limit { slots: 2 }));
            here.send(1, of(Body::Muted { who: ANA, muted: true }));
            here.send(1, of(Body::Slots { visit: Visit(n), slots: [].into() }));
            if n < 999 {
                here.send(1, of(Body::Leave { who: ANA }));
                here.send(1, of(Body::Close));
            }
        }
        let mut all = taken(&mut there);
        while here.keeps() {
            here.retry();
            all.extend(taken(&mut there));
        }
        let expected = [
            format!("{:?}", level(0).body),
            format!("{:?}", Body::Leave { who: BEN }),
            format!("{:?}", Body::Open { visit: Visit(999) }),
            format!("{:?}", Body::Enter { who: ANA, muted: true }),
            format!("{:?}", Body::Limit { slots: 2 }),
            format!("{:?}", Body::Slots { visit: Visit(999), slots: [].into() }),
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn a_worker_that_has_ended_is_told_nothing() {
        let (mut here, there) = pair(1);
        drop(there);
        here.send(1, of(Body::Leave { who: BEN }));
        here.send(1, level(0));
        assert_eq!((here.dropped, here.keeps()), (0, false));
    }
}
