//! How much voice the whole server can take on, out of what its workers say.
//!
//! A page is told when that changes, and nothing of workers. Knows neither rooms nor people. Start at [`Load::note`].

use std::collections::BTreeMap;

use sfu::Pressure;

use crate::protocol::types::VoiceLoad;

/// What was last heard of each worker that has too much to do; there are as many as threads.
#[derive(Debug, Default)]
pub struct Load(BTreeMap<usize, Pressure>);

impl Load {
    /// Notes what a worker says. Returns how it is with the whole, if that changes it.
    pub fn note(&mut self, worker: usize, pressure: Pressure) -> Option<VoiceLoad> {
        let before = self.now();
        match pressure {
            Pressure::Normal => self.0.remove(&worker),
            Pressure::FewerSlots(_) | Pressure::Refusing => self.0.insert(worker, pressure),
        };
        let now = self.now();
        (now != before).then_some(now)
    }

    /// How it is with the whole: as with the worker that has the most to do, since anybody may be on that one.
    pub fn now(&self) -> VoiceLoad {
        match self.0.values().max() {
            None | Some(Pressure::Normal) => VoiceLoad::Normal,
            Some(Pressure::FewerSlots(_)) => VoiceLoad::FewerVoices,
            Some(Pressure::Refusing) => VoiceLoad::Full,
        }
    }
}

#[cfg(test)]
mod tests {
    use sfu::SlotsUsed;

    use super::*;

    #[test]
    fn the_busiest_worker_speaks_for_all_and_only_changes_are_told() {
        let fewer = |slots| Pressure::FewerSlots(SlotsUsed(slots));
        let mut load = Load::default();
        assert_eq!(load.note(0, Pressure::Normal), None);
        assert_eq!(load.note(0, fewer(4)), Some(VoiceLoad::FewerVoices));
        assert_eq!(load.note(0, fewer(2)), None, "still fewer");
        assert_eq!(load.note(1, Pressure::Refusing), Some(VoiceLoad::Full));
        assert_eq!(load.note(0, Pressure::Normal), None);
        assert_eq!(load.note(1, fewer(1)), Some(VoiceLoad::FewerVoices));
        assert_eq!(load.note(1, Pressure::Normal), Some(VoiceLoad::Normal));
        assert_eq!(load.now(), VoiceLoad::Normal);
    }
}
