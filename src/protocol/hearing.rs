//! How somebody wants to be heard in voice rooms, and how loud they hear whom: their own on every device.
//!
//! The server keeps it and tells it to that user's devices; it acts on none of it. Must never know: devices of a
//! machine, which other machines do not have.

use serde::{Deserialize, Serialize};

use crate::id::UserId;

/// What opens the microphone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Transmit {
    /// Holding the talk key.
    PushToTalk,
    /// Speaking.
    VoiceActivity,
    /// Nothing needs to: it is open unless muted.
    Continuous,
}

/// What is done to the sound on its way out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Sound {
    /// Made for speech.
    Voice,
    /// Two channels, many bits, nothing taken away.
    Music,
    /// As the device gives it.
    Raw,
}

/// `GET` and `PUT /api/account/voice`: how somebody wants to be heard.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct VoicePreferences {
    /// What opens the microphone.
    pub transmit: Transmit,
    /// A key by its place on the keyboard, as `KeyboardEvent.code` names it, or `Mouse` and the number of a button,
    /// as `MouseEvent.button` counts; 1 to 24 letters and digits.
    pub talk_key: String,
    /// For how long one is still heard after letting go of it, in milliseconds, at most 2,000.
    pub release_tail_ms: u16,
    /// From which level on sound is speech, in dBFS, -60 to -20; null when the client finds it by itself.
    pub threshold_db: Option<i8>,
    /// What is done to the sound.
    pub sound: Sound,
    /// Whether what comes out of the loudspeakers is taken out of what the microphone hears.
    pub echo_cancellation: bool,
    /// Whether noise is taken out.
    pub noise_removal: bool,
    /// Whether soft voices are made louder and loud ones softer.
    pub gain_control: bool,
    /// Whether there are sounds for joining, leaving and muting.
    pub cues: bool,
    /// Whether others are softer while one speaks oneself.
    pub attenuation: bool,
}

/// `PUT /api/account/volumes/{user}`: how loud one wants to hear somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct SetVolume {
    /// 0 to 200; 100 is as it comes.
    pub percent: u16,
}

/// How loud one hears somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Volume {
    /// Whom.
    pub user: UserId,
    /// 0 to 200; 100 is as it comes.
    pub percent: u16,
}

/// How one wants to be heard and hears others, at the start of a connection.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Hearing {
    /// How one wants to be heard.
    pub preferences: VoicePreferences,
    /// Whom one hears louder or softer than they come, at most 500.
    pub volumes: Vec<Volume>,
}
