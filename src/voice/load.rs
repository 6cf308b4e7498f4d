//! How much voice the whole server can take on, out of what its workers say.
//!
//! A page is told when that changes, and nothing of workers. Knows neither rooms nor people. Start at [`Load::note`].

use std::collections::BTreeMap;

use sfu::Pressure;

use crate::protocol::types::VoiceLoad;

/// What was last heard of each worker that has too much to do; there are as many as threads.
#[derive(Debug)]
pub struct Load {
    pressed: BTreeMap<usize, Pressure>,
    workers: usize,
}

impl Load {
    /// Of so many workers, none of which has too much to do yet.
    pub fn of(workers: usize) -> Self {
        Self { pressed: BTreeMap::new(), workers }
    }

    /// Notes what a worker says. Returns how it is with the whole, if that changes it.
    pub fn note(&mut self, worker: usize, pressure: Pressure) -> Option<VoiceLoad> {
        let before = self.now();
        match pressure {
            Pressure::Normal => self.pressed.remove(&worker),
            Pressure::FewerSlots(_) | Pressure::Refusing => self.pressed.insert(worker, pressure),
        };
        let now = self.now();
        (now != before).then_some(now)
    }

    /// How it is with the whole. One worker that has too much to do may be anybody's, so fewer voices are heard; but
    /// who comes is placed where he is let in, so only when all refuse it is full.
    pub fn now(&self) -> VoiceLoad {
        let refusing = self.pressed.values().filter(|pressure| pressure.refuses()).count();
        match refusing {
            _ if self.pressed.is_empty() => VoiceLoad::Normal,
            all if all == self.workers => VoiceLoad::Full,
            _ => VoiceLoad::FewerVoices,
        }
    }
}

#[cfg(test)]
mod tests {
    use sfu::SlotsUsed;

    use super::*;

    #[test]
    fn one_is_enough_for_fewer_voices_and_all_are_needed_for_full() {
        let fewer = |slots| Pressure::FewerSlots(SlotsUsed(slots));
        let mut load = Load::of(2);
        assert_eq!(load.note(0, Pressure::Normal), None);
        assert_eq!(load.note(0, fewer(4)), Some(VoiceLoad::FewerVoices));
        assert_eq!(load.note(0, fewer(2)), None, "still fewer");
        assert_eq!(load.note(1, Pressure::Refusing), None, "the other one lets people in");
        assert_eq!(load.note(0, Pressure::Refusing), Some(VoiceLoad::Full));
        assert_eq!(load.note(0, Pressure::Normal), Some(VoiceLoad::FewerVoices));
        assert_eq!(load.note(1, fewer(1)), None);
        assert_eq!(load.note(1, Pressure::Normal), Some(VoiceLoad::Normal));
        assert_eq!(load.now(), VoiceLoad::Normal);
    }
}
