//! The rules of [`super::Speakers`] as simply as they can be written.
//!
//! Whoever is looked for is looked for among all. That is far too slow for a crowd; so it is only what the
//! real one is compared with, and must know nothing of how that one is quick. Start at [`Model::hear`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::{
    ATTACK, Claim, Decibel, HOLD, Held, LOUDNESS_CAP, MARGIN, RELEASE, REMATCH, SENTENCE_PAUSE, SILENCE,
    SMOOTHING, SPEECH, TURN,
};
use crate::id::{ParticipantId, SlotIndex};

#[derive(Debug)]
pub(crate) struct Model {
    voices: BTreeMap<ParticipantId, Voice>,
    speaking: BTreeSet<ParticipantId>,
    slots: Vec<Option<ParticipantId>>,
    limit: usize,
    speakers_changed: bool,
    slots_changed: bool,
}

#[derive(Debug, Default)]
struct Voice {
    muted: bool,
    priority: bool,
    loudness: Option<Decibel>,
    loud_since: Option<Instant>,
    loud_at: Option<Instant>,
    slot: Option<Held>,
    lost_at: Option<Instant>,
}

impl Model {
    pub(crate) fn new(slots: u8) -> Model {
        Model {
            voices: BTreeMap::new(),
            speaking: BTreeSet::new(),
            slots: vec![None; usize::from(slots)],
            limit: usize::from(slots),
            speakers_changed: false,
            slots_changed: false,
        }
    }

    pub(crate) fn enter(&mut self, now: Instant, who: ParticipantId, muted: bool) {
        self.voices.insert(who, Voice { muted, ..Voice::default() });
        self.fill_free_slots(now);
    }

    pub(crate) fn leave(&mut self, now: Instant, who: ParticipantId) {
        self.stop_speaking(who);
        let Some(voice) = self.voices.remove(&who) else { return };
        if let Some(held) = voice.slot {
            self.set_slot(held.slot, None);
            self.fill_free_slots(now);
        }
    }

    pub(crate) fn set_muted(&mut self, who: ParticipantId, muted: bool) {
        let Some(voice) = self.voices.get_mut(&who) else { return };
        voice.muted = muted;
        if muted {
            voice.loudness = None;
            voice.loud_since = None;
            self.stop_speaking(who);
        }
    }

    pub(crate) fn begin_anew(&mut self, who: ParticipantId) {
        self.stop_speaking(who);
        if let Some(voice) = self.voices.get_mut(&who) {
            voice.loudness = None;
        }
    }

    pub(crate) fn set_priority(&mut self, now: Instant, who: ParticipantId, priority: bool) {
        let Some(voice) = self.voices.get_mut(&who) else { return };
        voice.priority = priority;
        if priority && voice.slot.is_none() && self.speaking.contains(&who) {
            self.challenge(now, who);
        }
    }

    pub(crate) fn set_limit(&mut self, now: Instant, slots: u8) {
        self.limit = usize::from(slots).min(self.slots.len());
        self.clear_surplus(now);
        self.fill_free_slots(now);
    }

    pub(crate) fn hear(&mut self, now: Instant, who: ParticipantId, level: i8) -> Option<SlotIndex> {
        let voice = self.voices.get_mut(&who)?;
        if voice.muted {
            return None;
        }
        let loudness = Decibel::from(level).clamp(SILENCE, 0.0);
        let was_speaking = self.speaking.contains(&who);
        if loudness >= SPEECH {
            voice.smooth(now, loudness);
            let since = *voice.loud_since.get_or_insert(now);
            voice.loud_at = Some(now);
            if !was_speaking && now.saturating_duration_since(since) >= ATTACK {
                self.speaking.insert(who);
                self.speakers_changed = true;
            }
            if voice.slot.is_none() && self.speaking.contains(&who) {
                self.challenge(now, who);
            }
        } else if !was_speaking {
            voice.loud_since = None;
        }
        self.slot_of(who)
    }

    pub(crate) fn expire(&mut self, now: Instant) {
        let over: Vec<ParticipantId> = self
            .speaking
            .iter()
            .copied()
            .filter(|who| self.silent_at(*who).is_none_or(|at| at <= now))
            .collect();
        for who in over {
            self.stop_speaking(who);
        }
        self.clear_surplus(now);
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let speech = self.speaking.iter().filter_map(|who| self.silent_at(*who)).min();
        let sentence = self.slots.iter().flatten().filter_map(|who| self.sentence_over_at(*who)).min();
        if self.surplus() == 0 { speech } else { speech.into_iter().chain(sentence).min() }
    }

    pub(crate) fn slot_of(&self, who: ParticipantId) -> Option<SlotIndex> {
        Some(self.voices.get(&who)?.slot?.slot)
    }

    pub(crate) fn slots(&self) -> &[Option<ParticipantId>] {
        &self.slots
    }

    pub(crate) fn speaking(&self) -> impl Iterator<Item = ParticipantId> + '_ {
        self.speaking.iter().copied()
    }

    pub(crate) fn take_speakers_changed(&mut self) -> bool {
        std::mem::take(&mut self.speakers_changed)
    }

    pub(crate) fn take_slots_changed(&mut self) -> bool {
        std::mem::take(&mut self.slots_changed)
    }

    fn challenge(&mut self, now: Instant, challenger: ParticipantId) {
        let Some(voice) = self.voices.get(&challenger) else { return };
        let loudness = voice.loudness.unwrap_or(SILENCE);
        let rested = voice.lost_at.is_none_or(|at| now.saturating_duration_since(at) >= REMATCH);
        let Some((holder, held, claim)) = self.weakest(now) else { return };
        let (surplus, before_all) = (self.surplus() > 0, voice.priority);
        let yields = match claim {
            Claim::Priority => false,
            _ if before_all => true,
            Claim::Muted | Claim::Silent(_) => true,
            Claim::HadTurn(_) => rested,
            Claim::Speaking(_) if surplus => false,
            Claim::Speaking(holder) => {
                let held_for = now.saturating_duration_since(held.since);
                rested && held_for >= HOLD && loudness >= holder + MARGIN
            }
        };
        if yields {
            self.take_from(now, holder, held.slot);
            if !surplus || before_all {
                self.give(now, held.slot, challenger);
            }
        }
    }

    fn surplus(&self) -> usize {
        self.slots.iter().flatten().count().saturating_sub(self.limit)
    }

    fn clear_surplus(&mut self, now: Instant) {
        while self.surplus() > 0 {
            match self.weakest(now) {
                Some((holder, held, Claim::Muted | Claim::Silent(_))) => {
                    self.take_from(now, holder, held.slot)
                }
                Some((_, _, Claim::HadTurn(_) | Claim::Speaking(_) | Claim::Priority)) | None => return,
            }
        }
    }

    fn weakest(&self, now: Instant) -> Option<(ParticipantId, Held, Claim)> {
        self.voices
            .iter()
            .filter_map(|(who, voice)| Some((*who, voice.slot?, self.claim_of(now, *who, voice))))
            .min_by(|a, b| a.2.partial_cmp(&b.2).unwrap_or(std::cmp::Ordering::Equal))
    }

    fn claim_of(&self, now: Instant, who: ParticipantId, voice: &Voice) -> Claim {
        let Some(held) = voice.slot.filter(|_| !voice.muted) else { return Claim::Muted };
        let silent_for = voice.loud_at.map(|at| now.saturating_duration_since(at));
        let held_for = now.saturating_duration_since(held.since);
        match silent_for {
            None => Claim::Silent(f32::NEG_INFINITY),
            Some(pause) if !self.speaking.contains(&who) && pause >= SENTENCE_PAUSE => {
                Claim::Silent(-pause.as_secs_f32())
            }
            Some(_) if voice.priority => Claim::Priority,
            Some(_) if held_for >= TURN => Claim::HadTurn(-held_for.as_secs_f32()),
            Some(_) => Claim::Speaking(voice.loudness.unwrap_or(SILENCE)),
        }
    }

    fn fill_free_slots(&mut self, now: Instant) {
        while self.slots.iter().flatten().count() < self.limit
            && let Some(free) = self.slots.iter().position(Option::is_none)
        {
            let best = self
                .voices
                .iter()
                .filter(|(_, voice)| voice.slot.is_none())
                .max_by_key(|(who, voice)| {
                    (self.speaking.contains(who), !voice.muted, voice.loud_at, std::cmp::Reverse(**who))
                })
                .map(|(who, _)| *who);
            let Some(who) = best else { return };
            let Ok(free) = u8::try_from(free) else { return };
            self.give(now, SlotIndex(free), who);
        }
    }

    fn give(&mut self, now: Instant, slot: SlotIndex, who: ParticipantId) {
        if let Some(voice) = self.voices.get_mut(&who) {
            voice.slot = Some(Held { slot, since: now });
            self.set_slot(slot, Some(who));
        }
    }

    fn take_from(&mut self, now: Instant, holder: ParticipantId, slot: SlotIndex) {
        if let Some(voice) = self.voices.get_mut(&holder) {
            voice.slot = None;
            voice.lost_at = Some(now);
        }
        self.set_slot(slot, None);
    }

    fn set_slot(&mut self, slot: SlotIndex, who: Option<ParticipantId>) {
        if let Some(entry) = self.slots.get_mut(slot.index()) {
            *entry = who;
            self.slots_changed = true;
        }
    }

    fn stop_speaking(&mut self, who: ParticipantId) {
        if self.speaking.remove(&who) {
            self.speakers_changed = true;
        }
        if let Some(voice) = self.voices.get_mut(&who) {
            voice.loud_since = None;
        }
    }

    fn silent_at(&self, who: ParticipantId) -> Option<Instant> {
        Some(self.voices.get(&who)?.loud_at? + RELEASE)
    }

    fn sentence_over_at(&self, who: ParticipantId) -> Option<Instant> {
        let voice = self.voices.get(&who)?;
        let since = voice.slot?.since;
        let heard = voice.loud_at.filter(|_| !voice.muted);
        Some(heard.map_or(since, |at| at + SENTENCE_PAUSE))
    }
}

impl Voice {
    fn smooth(&mut self, now: Instant, loudness: Decibel) {
        let loudness = loudness.min(LOUDNESS_CAP);
        let elapsed = self.loud_at.map_or(SMOOTHING, |at| now.saturating_duration_since(at));
        let weight = 1.0 - (-elapsed.as_secs_f32() / SMOOTHING.as_secs_f32()).exp();
        let before = self.loudness.unwrap_or(loudness);
        self.loudness = Some(before + weight * (loudness - before));
    }
}
