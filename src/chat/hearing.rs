//! How people want to be heard in voice rooms, and how loud they hear whom: kept, and told to all their devices.
//!
//! Nothing here is acted on by the server; it is what a client would otherwise forget on every new machine. Start
//! reading at [`Preferences::parse`].

use super::{Chat, Error, users};
use crate::db::{Conn, sql};
use crate::id::UserId;
use crate::live::hub::Audience;
use crate::protocol::hearing::{Hearing, Sound, Transmit, VoicePreferences, Volume};
use crate::protocol::server::ServerEvent;

/// The longest tail after letting go of the talk key, in milliseconds: longer than that, one forgets being heard.
const TAIL_MAX_MS: u16 = 2_000;

/// Characters in the name of a key.
const KEY_MAX: usize = 24;

/// The loudest, in per cent: twice as loud is 6 dB, and more only distorts.
const PERCENT_MAX: u16 = 200;

/// As it comes.
const PERCENT_AS_IT_COMES: u16 = 100;

/// A threshold that finds itself, as stored.
const FINDS_ITSELF: i8 = 0;

/// People somebody may have a volume for. Beyond it the next one is refused.
pub const VOLUMES_MAX: usize = 500;

/// What holds as long as nobody chose: a key held to talk, as gamers know it; nobody is heard by accident.
pub fn at_first() -> VoicePreferences {
    VoicePreferences {
        transmit: Transmit::PushToTalk,
        talk_key: "Space".to_owned(),
        release_tail_ms: 200,
        threshold_db: None,
        sound: Sound::Voice,
        echo_cancellation: true,
        noise_removal: true,
        gain_control: true,
        cues: true,
        attenuation: false,
    }
}

/// Preferences that can be kept.
#[derive(Clone, Debug)]
pub struct Preferences(VoicePreferences);

impl Preferences {
    /// The preferences, if each is within its range.
    pub fn parse(asked: VoicePreferences) -> Result<Self, Error> {
        let key = &asked.talk_key;
        if !(1..=KEY_MAX).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Error::Invalid { field: "talk_key", rule: "1 to 24 letters and digits" });
        }
        if asked.release_tail_ms > TAIL_MAX_MS {
            return Err(Error::Invalid { field: "release_tail_ms", rule: "at most 2,000" });
        }
        if asked.threshold_db.is_some_and(|db| !(-60..=-20).contains(&db)) {
            return Err(Error::Invalid { field: "threshold_db", rule: "-60 to -20, or null" });
        }
        Ok(Self(asked))
    }
}

/// A volume that can be kept, in per cent.
#[derive(Clone, Copy, Debug)]
pub struct Percent(u16);

impl Percent {
    /// The volume, if it is within its range.
    pub fn parse(percent: u16) -> Result<Self, Error> {
        if percent > PERCENT_MAX {
            return Err(Error::Invalid { field: "percent", rule: "0 to 200" });
        }
        Ok(Self(percent))
    }
}

impl Chat {
    /// How `user` wants to be heard, and how loud they hear whom.
    pub async fn hearing(&self, user: UserId) -> Result<Hearing, Error> {
        let mut read = self.db.read().await?;
        let preferences = preferences(&mut read, user).await?;
        let volumes = sql("select speaker_id, percent from volumes where listener_id = $1 limit $2")
            .bind(user)
            .bind(VOLUMES_MAX as i64)
            .all(&mut read)
            .await?
            .iter()
            .map(|row| {
                Ok(Volume {
                    user: row.id("speaker_id")?,
                    percent: number("percent", row.integer("percent")?)?,
                })
            })
            .collect::<Result<_, Error>>()?;
        Ok(Hearing { preferences, volumes })
    }

    /// `user` wants to be heard like this from now on. All their devices are told.
    pub async fn set_voice_preferences(
        &self,
        user: UserId,
        Preferences(wanted): Preferences,
    ) -> Result<VoicePreferences, Error> {
        let mut tx = self.db.begin_for(user).await?;
        sql("insert into voice_preferences (user_id, transmit, talk_key, release_tail_ms, threshold_db, sound,
                 echo_cancellation, noise_removal, gain_control, cues, attenuation)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             on conflict (user_id) do update set transmit = excluded.transmit, talk_key = excluded.talk_key,
                 release_tail_ms = excluded.release_tail_ms, threshold_db = excluded.threshold_db,
                 sound = excluded.sound, echo_cancellation = excluded.echo_cancellation,
                 noise_removal = excluded.noise_removal, gain_control = excluded.gain_control,
                 cues = excluded.cues, attenuation = excluded.attenuation")
        .bind(user)
        .bind(transmit_text(wanted.transmit))
        .bind(&*wanted.talk_key)
        .bind(i64::from(wanted.release_tail_ms))
        .bind(i64::from(wanted.threshold_db.unwrap_or(FINDS_ITSELF)))
        .bind(sound_text(wanted.sound))
        .bind(wanted.echo_cancellation)
        .bind(wanted.noise_removal)
        .bind(wanted.gain_control)
        .bind(wanted.cues)
        .bind(wanted.attenuation)
        .execute(&mut tx)
        .await?;
        tx.commit().await?;
        let event = ServerEvent::VoicePreferencesChanged { preferences: wanted.clone() };
        self.hub.publish(Audience::Users(&[user]), &event);
        Ok(wanted)
    }

    /// `listener` wants to hear `speaker` as loud as this. All the listener's devices are told.
    pub async fn set_volume(
        &self,
        listener: UserId,
        speaker: UserId,
        Percent(percent): Percent,
    ) -> Result<Volume, Error> {
        let mut tx = self.db.begin_for(listener).await?;
        users::find(&mut tx, speaker).await?.ok_or(Error::NotFound)?;
        if percent == PERCENT_AS_IT_COMES {
            sql("delete from volumes where listener_id = $1 and speaker_id = $2")
                .bind(listener)
                .bind(speaker)
                .execute(&mut tx)
                .await?;
        } else {
            let others =
                sql("select count(*) as others from volumes where listener_id = $1 and speaker_id <> $2")
                    .bind(listener)
                    .bind(speaker)
                    .one(&mut tx)
                    .await?;
            if others.integer("others")? >= VOLUMES_MAX as i64 {
                return Err(Error::Invalid { field: "user", rule: "at most 500 people at another volume" });
            }
            sql("insert into volumes (listener_id, speaker_id, percent) values ($1, $2, $3)
                 on conflict (listener_id, speaker_id) do update set percent = excluded.percent")
            .bind(listener)
            .bind(speaker)
            .bind(i64::from(percent))
            .execute(&mut tx)
            .await?;
        }
        tx.commit().await?;
        let volume = Volume { user: speaker, percent };
        self.hub.publish(Audience::Users(&[listener]), &ServerEvent::VolumeChanged { volume });
        Ok(volume)
    }
}

async fn preferences(conn: &mut Conn, user: UserId) -> Result<VoicePreferences, Error> {
    let found = sql("select transmit, talk_key, release_tail_ms, threshold_db, sound, echo_cancellation,
                            noise_removal, gain_control, cues, attenuation
                     from voice_preferences where user_id = $1")
    .bind(user)
    .optional(conn)
    .await?;
    let Some(row) = found else { return Ok(at_first()) };
    let threshold: i8 = number("threshold_db", row.integer("threshold_db")?)?;
    Ok(VoicePreferences {
        transmit: transmit(&row.text("transmit")?)?,
        talk_key: row.text("talk_key")?,
        release_tail_ms: number("release_tail_ms", row.integer("release_tail_ms")?)?,
        threshold_db: Some(threshold).filter(|&db| db != FINDS_ITSELF),
        sound: sound(&row.text("sound")?)?,
        echo_cancellation: row.boolean("echo_cancellation")?,
        noise_removal: row.boolean("noise_removal")?,
        gain_control: row.boolean("gain_control")?,
        cues: row.boolean("cues")?,
        attenuation: row.boolean("attenuation")?,
    })
}

/// A stored number as the type it was.
fn number<N: TryFrom<i64>>(what: &'static str, stored: i64) -> Result<N, Error> {
    N::try_from(stored).map_err(|_| Error::Stored { what, value: stored.to_string() })
}

fn transmit_text(transmit: Transmit) -> &'static str {
    match transmit {
        Transmit::PushToTalk => "push_to_talk",
        Transmit::VoiceActivity => "voice_activity",
        Transmit::Continuous => "continuous",
    }
}

fn transmit(text: &str) -> Result<Transmit, Error> {
    match text {
        "push_to_talk" => Ok(Transmit::PushToTalk),
        "voice_activity" => Ok(Transmit::VoiceActivity),
        "continuous" => Ok(Transmit::Continuous),
        _ => Err(Error::Stored { what: "transmit", value: text.to_owned() }),
    }
}

fn sound_text(sound: Sound) -> &'static str {
    match sound {
        Sound::Voice => "voice",
        Sound::Music => "music",
        Sound::Raw => "raw",
    }
}

fn sound(text: &str) -> Result<Sound, Error> {
    match text {
        "voice" => Ok(Sound::Voice),
        "music" => Ok(Sound::Music),
        "raw" => Ok(Sound::Raw),
        _ => Err(Error::Stored { what: "sound", value: text.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_keep_to_their_ranges() {
        assert!(Preferences::parse(at_first()).is_ok());
        let with = |change: fn(&mut VoicePreferences)| {
            let mut asked = at_first();
            change(&mut asked);
            Preferences::parse(asked)
        };
        assert!(with(|it| it.talk_key = "Mouse4".to_owned()).is_ok());
        assert!(with(|it| it.threshold_db = Some(-60)).is_ok());
        assert!(with(|it| it.release_tail_ms = 2_000).is_ok());
        assert!(with(|it| it.talk_key = String::new()).is_err());
        assert!(with(|it| it.talk_key = "Key V".to_owned()).is_err());
        assert!(with(|it| it.talk_key = "K".repeat(25)).is_err());
        assert!(with(|it| it.threshold_db = Some(-61)).is_err());
        assert!(with(|it| it.threshold_db = Some(0)).is_err());
        assert!(with(|it| it.release_tail_ms = 2_001).is_err());
        assert!(Percent::parse(200).is_ok() && Percent::parse(201).is_err());
    }

    #[test]
    fn what_is_stored_is_read_back() {
        for one in [Transmit::PushToTalk, Transmit::VoiceActivity, Transmit::Continuous] {
            assert_eq!(transmit(transmit_text(one)).unwrap(), one);
        }
        for one in [Sound::Voice, Sound::Music, Sound::Raw] {
            assert_eq!(sound(sound_text(one)).unwrap(), one);
        }
    }
}
