//! What people may do in voice rooms, and what is done about them there.
//!
//! The server decides it and holds it in the media, whatever a page does. Must never know: who is in a room.

use serde::{Deserialize, Serialize};

use crate::id::{ChannelId, GroupId};

/// One thing that people may do in a voice room, or may not. Admins who are in the channel may do all of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum VoiceRight {
    /// Go in, and hear what is said.
    Listen,
    /// Be heard. Who may not can raise a hand, and be let speak.
    Speak,
    /// Be heard above all others for a while.
    Prioritise,
    /// Mute and deafen others, let them speak, lower their hands.
    MuteOthers,
    /// Move others to another room, put them out, and come into a full one.
    MoveOthers,
}

/// Who has a right.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// Every member of the channel.
    Everybody,
    /// Those of these groups, and admins. A group that is gone grants nothing.
    Groups(Vec<GroupId>),
    /// Admins.
    Admins,
}

/// Who may do what in the voice room of a channel.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct VoiceRights {
    /// See [`VoiceRight::Listen`].
    pub listen: Grant,
    /// See [`VoiceRight::Speak`].
    pub speak: Grant,
    /// See [`VoiceRight::Prioritise`].
    pub prioritise: Grant,
    /// See [`VoiceRight::MuteOthers`].
    pub mute_others: Grant,
    /// See [`VoiceRight::MoveOthers`].
    pub move_others: Grant,
}

impl Default for VoiceRights {
    /// Everybody talks, and admins keep order.
    fn default() -> Self {
        Self {
            listen: Grant::Everybody,
            speak: Grant::Everybody,
            prioritise: Grant::Admins,
            mute_others: Grant::Admins,
            move_others: Grant::Admins,
        }
    }
}

impl VoiceRights {
    /// Who has this one.
    pub fn of(&self, right: VoiceRight) -> &Grant {
        match right {
            VoiceRight::Listen => &self.listen,
            VoiceRight::Speak => &self.speak,
            VoiceRight::Prioritise => &self.prioritise,
            VoiceRight::MuteOthers => &self.mute_others,
            VoiceRight::MoveOthers => &self.move_others,
        }
    }

    /// The same, to be changed.
    pub fn of_mut(&mut self, right: VoiceRight) -> &mut Grant {
        match right {
            VoiceRight::Listen => &mut self.listen,
            VoiceRight::Speak => &mut self.speak,
            VoiceRight::Prioritise => &mut self.prioritise,
            VoiceRight::MuteOthers => &mut self.mute_others,
            VoiceRight::MoveOthers => &mut self.move_others,
        }
    }
}

/// What is done about somebody in a voice room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Moderation {
    /// Nobody hears them in this room until it is lifted; it outlives their stay by an hour.
    Mute(bool),
    /// They hear nobody there, and nobody hears them; as long.
    Deafen(bool),
    /// They may speak as long as they stay, though they have no right to; or no longer.
    LetSpeak(bool),
    /// Their hand is seen no more.
    LowerHand,
    /// They go on in the room of another channel, into which they may go.
    MoveTo(ChannelId),
    /// Their stay ends. They may come again.
    Disconnect,
}
