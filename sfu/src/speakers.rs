//! Loudness, who speaks, and who therefore holds a slot.
//!
//! Levels (RFC 6464) and the time go in; the set of speakers and the list of slots come out. Knows
//! nothing of packets, listeners or sessions. There is one rule for rooms of every size: a free slot never
//! stays free while someone has none. So in a room with no more people than slots everyone keeps his slot
//! for good, and in a larger one the slots go to those who speak. Fewer slots than there are may be used
//! ([`Speakers::set_limit`]); whoever speaks at that moment may finish. Start at [`Speakers::hear`].
//!
//! In a crowd everybody may talk at once, so a packet costs no more than a look at every holder and a place
//! among those who speak; only who comes or goes may cost a look at everybody.
//!
//! A client writes its own levels and may lie. It gains little: what is louder than ordinary speech
//! counts as ordinary speech ([`LOUDNESS_CAP`]), a louder voice must be louder by a [`MARGIN`], and who
//! has held a slot for a [`TURN`] while others wait gives it up, however loud he says he is.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use crate::id::{ParticipantId, SlotIndex};

/// Loudness in dBov, zero the loudest, as RFC 6464 counts it with its sign turned round.
type Decibel = f32;

/// From here on it is speech. Rooms and fans stay below, soft voices above.
const SPEECH: Decibel = -50.0;

/// What is louder counts as this loud: most speech lies between -15 and -35.
const LOUDNESS_CAP: Decibel = -30.0;

/// Silence, as RFC 6464 section 3 writes it.
const SILENCE: Decibel = -127.0;

/// How long it must be loud to be speech: a click or a key is over by then.
const ATTACK: Duration = Duration::from_millis(60);

/// How long it must be quiet before speech is over: the pause between two words is shorter.
const RELEASE: Duration = Duration::from_millis(400);

/// Smoothing of the loudness by which speakers are compared: about two syllables.
const SMOOTHING: Duration = Duration::from_millis(300);

/// A slot holder silent for this long has ended his sentence, and may lose the slot.
const SENTENCE_PAUSE: Duration = Duration::from_millis(1_200);

/// Nobody loses a slot sooner, so that a switch is heard as a person and not as a flicker.
const HOLD: Duration = Duration::from_secs(1);

/// How much louder a challenger must be than a holder who is speaking.
const MARGIN: Decibel = 6.0;

/// Who speaks for this long while others wait has had his turn.
const TURN: Duration = Duration::from_secs(10);

/// Who lost his slot to someone speaking waits this long before he may take it from another one who
/// speaks; otherwise one switch would set off the next, through all slots.
const REMATCH: Duration = Duration::from_secs(3);

/// Whether a packet's level, as RFC 6464 writes it, may be speech. Of what is not, [`Speakers::hear`] need
/// only be told the first packet after a loud one.
pub(crate) fn is_loud(level: i8) -> bool {
    Decibel::from(level) >= SPEECH
}

/// Who speaks in a room, and who is heard in which slot.
#[derive(Debug)]
pub(crate) struct Speakers {
    voices: HashMap<ParticipantId, Voice>,
    speaking: BTreeSet<ParticipantId>,
    /// The same people by when they were last loud: who is first stops first.
    last_loud: BTreeSet<(Instant, ParticipantId)>,
    slots: Vec<Option<ParticipantId>>,
    /// How many slots may be filled.
    limit: usize,
    speakers_changed: bool,
    slots_changed: bool,
}

/// What is known of one participant's voice.
#[derive(Debug, Default)]
struct Voice {
    muted: bool,
    /// He goes before everybody who has no priority.
    priority: bool,
    speaking: bool,
    /// How loud he is while he speaks, smoothed and capped; pauses do not count.
    loudness: Option<Decibel>,
    /// Since when it has been loud without a break; only counts until speech has begun.
    loud_since: Option<Instant>,
    loud_at: Option<Instant>,
    slot: Option<Held>,
    /// When he last lost a slot to another speaker.
    lost_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    slot: SlotIndex,
    since: Instant,
}

/// How well a holder defends his slot, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Claim {
    /// Cannot be heard at all.
    Muted,
    /// Says nothing; the longer, the weaker (so: negative seconds).
    Silent(f32),
    /// Speaks, but has had his turn; the longer, the weaker.
    HadTurn(f32),
    /// Speaks this loud.
    Speaking(Decibel),
    /// Speaks and goes before others, for as long as he speaks.
    Priority,
}

impl Speakers {
    pub(crate) fn new(slots: u8) -> Speakers {
        Speakers {
            voices: HashMap::new(),
            speaking: BTreeSet::new(),
            last_loud: BTreeSet::new(),
            slots: vec![None; usize::from(slots)],
            limit: usize::from(slots),
            speakers_changed: false,
            slots_changed: false,
        }
    }

    /// Someone can be heard from now on.
    pub(crate) fn enter(&mut self, now: Instant, who: ParticipantId, muted: bool) {
        self.voices.insert(who, Voice { muted, ..Voice::default() });
        self.fill_free_slots(now);
    }

    /// Someone is gone.
    pub(crate) fn leave(&mut self, now: Instant, who: ParticipantId) {
        self.stop_speaking(who);
        let Some(voice) = self.voices.remove(&who) else { return };
        if let Some(held) = voice.slot {
            self.set_slot(held.slot, None);
            self.fill_free_slots(now);
        }
    }

    /// Someone may not be heard any more, or may again.
    pub(crate) fn set_muted(&mut self, who: ParticipantId, muted: bool) {
        let Some(voice) = self.voices.get_mut(&who) else { return };
        voice.muted = muted;
        if muted {
            voice.loudness = None;
            voice.loud_since = None;
            self.stop_speaking(who);
        }
    }

    /// Someone's speech is over, whether he goes on or not, and the next begins from nothing.
    pub(crate) fn begin_anew(&mut self, who: ParticipantId) {
        self.stop_speaking(who);
        if let Some(voice) = self.voices.get_mut(&who) {
            voice.loudness = None;
        }
    }

    /// Someone goes before all others, or does not any more: while he speaks nobody takes his slot, and when he begins he
    /// takes somebody else's at once.
    pub(crate) fn set_priority(&mut self, now: Instant, who: ParticipantId, priority: bool) {
        let Some(voice) = self.voices.get_mut(&who) else { return };
        voice.priority = priority;
        if priority && voice.speaking && voice.slot.is_none() {
            self.challenge(now, who);
        }
    }

    /// Lets this many slots be used from now on, at most all there are. Where more are held, the silent give
    /// theirs up at once; who is speaking keeps his until he has ended his sentence, or had his [`TURN`]
    /// while others wait.
    pub(crate) fn set_limit(&mut self, now: Instant, slots: u8) {
        self.limit = usize::from(slots).min(self.slots.len());
        self.clear_surplus(now);
        self.fill_free_slots(now);
    }

    /// Takes the level of one packet: RFC 6464's number, 0 the loudest and -127 silence. Returns the slot
    /// the speaker holds after it.
    pub(crate) fn hear(&mut self, now: Instant, who: ParticipantId, level: i8) -> Option<SlotIndex> {
        let voice = self.voices.get_mut(&who)?;
        if voice.muted {
            return None;
        }
        let loudness = Decibel::from(level).clamp(SILENCE, 0.0);
        if loudness >= SPEECH {
            voice.smooth(now, loudness);
            let since = *voice.loud_since.get_or_insert(now);
            let before = voice.loud_at.replace(now);
            if voice.speaking {
                if let Some(before) = before {
                    self.last_loud.remove(&(before, who));
                }
                self.last_loud.insert((now, who));
            } else if now.saturating_duration_since(since) >= ATTACK {
                voice.speaking = true;
                self.speaking.insert(who);
                self.last_loud.insert((now, who));
                self.speakers_changed = true;
            }
            // Only who is loud now: so a pause, however many packets it has, says no more than its first.
            if voice.slot.is_none() && voice.speaking {
                self.challenge(now, who);
                return self.slot_of(who);
            }
        } else if !voice.speaking {
            voice.loud_since = None;
        }
        voice.slot.map(|held| held.slot)
    }

    /// Ends the speech of those who have been quiet long enough, and takes the slots of those who have
    /// ended their sentence, if too many are held.
    pub(crate) fn expire(&mut self, now: Instant) {
        while let Some((_, who)) = self.last_loud.first().copied().filter(|(at, _)| *at + RELEASE <= now) {
            self.last_loud.pop_first();
            self.stop_speaking(who);
        }
        self.clear_surplus(now);
    }

    /// When [`Speakers::expire`] has something to do next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let speech = self.last_loud.first().map(|(at, _)| *at + RELEASE);
        if self.surplus() == 0 {
            return speech;
        }
        let sentences = self.slots.iter().flatten().filter_map(|who| self.sentence_over_at(*who));
        speech.into_iter().chain(sentences).min()
    }

    /// The slot someone holds.
    pub(crate) fn slot_of(&self, who: ParticipantId) -> Option<SlotIndex> {
        Some(self.voices.get(&who)?.slot?.slot)
    }

    /// Who is heard in which slot.
    pub(crate) fn slots(&self) -> &[Option<ParticipantId>] {
        &self.slots
    }

    /// Who speaks now, in order of number.
    pub(crate) fn speaking(&self) -> impl Iterator<Item = ParticipantId> + '_ {
        self.speaking.iter().copied()
    }

    /// Whether the set of speakers changed since this was last asked.
    pub(crate) fn take_speakers_changed(&mut self) -> bool {
        std::mem::take(&mut self.speakers_changed)
    }

    /// Whether the list of slots changed since this was last asked.
    pub(crate) fn take_slots_changed(&mut self) -> bool {
        std::mem::take(&mut self.slots_changed)
    }

    /// Gives the challenger the slot of the weakest holder, if that one has to yield.
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

    /// How many slots too many are held.
    fn surplus(&self) -> usize {
        self.held().saturating_sub(self.limit)
    }

    fn held(&self) -> usize {
        self.slots.iter().flatten().count()
    }

    /// Takes slots from those who can do without, the most silent first, until no more are held than may be.
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

    /// The holder who defends his slot least.
    fn weakest(&self, now: Instant) -> Option<(ParticipantId, Held, Claim)> {
        let holders = self.slots.iter().flatten();
        holders
            .filter_map(|who| {
                let voice = self.voices.get(who)?;
                Some((*who, voice.slot?, claim_of(now, voice)))
            })
            .min_by(|a, b| a.2.partial_cmp(&b.2).unwrap_or(Ordering::Equal).then(a.0.cmp(&b.0)))
    }

    /// Free slots go to those without one: speakers first, then whoever spoke last, then anyone.
    fn fill_free_slots(&mut self, now: Instant) {
        // The count comes first: mostly everybody has a slot or no slot is free, and nobody is looked for.
        while self.held() < self.limit.min(self.voices.len())
            && let Some(free) = self.slots.iter().position(Option::is_none)
        {
            let best = self
                .voices
                .iter()
                .filter(|(_, voice)| voice.slot.is_none())
                .max_by_key(|(who, voice)| {
                    (voice.speaking, !voice.muted, voice.loud_at, std::cmp::Reverse(**who))
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
        let Some(voice) = self.voices.get_mut(&who) else { return };
        voice.loud_since = None;
        if std::mem::take(&mut voice.speaking) {
            self.speaking.remove(&who);
            if let Some(at) = voice.loud_at {
                self.last_loud.remove(&(at, who));
            }
            self.speakers_changed = true;
        }
    }

    /// When a holder gives up a slot that is one too many; in the past if he could do so now.
    fn sentence_over_at(&self, who: ParticipantId) -> Option<Instant> {
        let voice = self.voices.get(&who)?;
        let since = voice.slot?.since;
        let heard = voice.loud_at.filter(|_| !voice.muted);
        Some(heard.map_or(since, |at| at + SENTENCE_PAUSE))
    }
}

/// How well a holder defends his slot.
fn claim_of(now: Instant, voice: &Voice) -> Claim {
    let Some(held) = voice.slot.filter(|_| !voice.muted) else { return Claim::Muted };
    let silent_for = voice.loud_at.map(|at| now.saturating_duration_since(at));
    let held_for = now.saturating_duration_since(held.since);
    match silent_for {
        None => Claim::Silent(f32::NEG_INFINITY),
        Some(pause) if !voice.speaking && pause >= SENTENCE_PAUSE => Claim::Silent(-pause.as_secs_f32()),
        Some(_) if voice.priority => Claim::Priority,
        Some(_) if held_for >= TURN => Claim::HadTurn(-held_for.as_secs_f32()),
        Some(_) => Claim::Speaking(voice.loudness.unwrap_or(SILENCE)),
    }
}

impl Voice {
    /// Exponential smoothing that does not care how often packets come.
    fn smooth(&mut self, now: Instant, loudness: Decibel) {
        let loudness = loudness.min(LOUDNESS_CAP);
        let elapsed = self.loud_at.map_or(SMOOTHING, |at| now.saturating_duration_since(at));
        let weight = 1.0 - (-elapsed.as_secs_f32() / SMOOTHING.as_secs_f32()).exp();
        let before = self.loudness.unwrap_or(loudness);
        self.loudness = Some(before + weight * (loudness - before));
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
