//! What there is to say of a channel: parsed at the door, and applied to a channel without asking anybody.
//!
//! Must never know: the database, who asks. Start with [`Settings`].

use crate::chat::Error;
use crate::chat::profiles::hides;
use crate::id::{CategoryId, ChannelId};
use crate::protocol::client::ChannelSetting;
use crate::protocol::types::{Admission, Channel, ChannelKind, PEOPLE_MAX, SPEAKERS_MAX, Writers};
use crate::protocol::voice::{Grant, VoiceRight, VoiceRights};

/// Characters a channel's name may have: what fits on one line of the list.
pub const NAME_MAX: usize = 60;

/// Characters a topic may have: two lines of the widest head.
pub const TOPIC_MAX: usize = 300;

/// Settings one request may name. There are fewer kinds; a form that repeats itself is broken.
pub const SETTINGS_MAX: usize = 16;

const FOR_VOICE_ONLY: Error = Error::Invalid { field: "max_speakers", rule: "for voice channels only" };
const NO_ROOM: Error = Error::Invalid { field: "voice_right", rule: "for voice channels only" };
const FOR_TEXT_ONLY: Error = Error::Invalid { field: "writers", rule: "for text channels only" };

/// The name of a channel: 1 to [`NAME_MAX`] characters on one line, with a letter or digit in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name {
    /// As people see it.
    pub text: String,
    /// As addresses have it.
    pub slug: String,
}

impl Name {
    /// The name, trimmed, if it is one.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if !(1..=NAME_MAX).contains(&text.chars().count()) || text.chars().any(is_out_of_line) {
            return Err(Error::Invalid { field: "name", rule: "1 to 60 visible characters on one line" });
        }
        let slug = slug(text);
        if slug.is_empty() {
            return Err(Error::Invalid { field: "name", rule: "at least one letter a to z or digit" });
        }
        Ok(Self { text: text.to_owned(), slug })
    }
}

/// The name in addresses: lower case, a hyphen for each run of anything but letters a to z and digits.
pub fn slug(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|character: char| !character.is_ascii_alphanumeric());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

/// Whether a character ends a line, turns the text around or cannot be seen, and so makes a name look like another one.
/// The joiner stays, since a family is one picture by it, and the spaces that people type where others set a plain one.
pub fn is_out_of_line(character: char) -> bool {
    !matches!(character, '\u{200d}' | '\u{a0}' | '\u{202f}' | '\u{3000}') && hides(character)
}

/// What a channel is about: at most [`TOPIC_MAX`] characters on one line, or nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Topic(pub String);

impl Topic {
    /// The topic, trimmed, if it is one.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.chars().count() > TOPIC_MAX || text.chars().any(is_out_of_line) {
            return Err(Error::Invalid { field: "topic", rule: "at most 300 characters on one line" });
        }
        Ok(Self(text.to_owned()))
    }
}

/// How many people may be heard at once: 1 to [`SPEAKERS_MAX`], or as many as there are slots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MaxSpeakers(pub Option<u8>);

impl MaxSpeakers {
    /// The number, if it is one.
    pub fn parse(number: Option<u8>) -> Result<Self, Error> {
        match number {
            None | Some(1..=SPEAKERS_MAX) => Ok(Self(number)),
            Some(_) => Err(Error::Invalid { field: "max_speakers", rule: "1 to 16" }),
        }
    }
}

/// How many people may be in a voice room at once: 1 to [`PEOPLE_MAX`], or as many as want.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeopleMax(pub Option<u16>);

impl PeopleMax {
    /// The number, if it is one.
    pub fn parse(number: Option<u16>) -> Result<Self, Error> {
        match number {
            None | Some(1..=PEOPLE_MAX) => Ok(Self(number)),
            Some(_) => Err(Error::Invalid { field: "people_max", rule: "1 to 999" }),
        }
    }
}

/// Groups that one right may be granted to: more than anybody keeps in mind, few enough to be looked through.
pub const GROUPS_MAX: usize = 20;

/// The grant, if it names some groups and not too many.
fn grant(grant: Grant) -> Result<Grant, Error> {
    match &grant {
        Grant::Groups(groups) if groups.is_empty() || groups.len() > GROUPS_MAX => {
            Err(Error::Invalid { field: "groups", rule: "1 to 20" })
        }
        Grant::Everybody | Grant::Groups(_) | Grant::Admins => Ok(grant),
    }
}

/// Where a channel shall stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Under which heading.
    pub category: Option<CategoryId>,
    /// Before which other; none, or one that is gone by then: after all.
    pub before: Option<ChannelId>,
}

/// What is to be different. Of two words about the same thing the last one holds.
#[derive(Clone, Default, Debug)]
pub struct Settings {
    name: Option<Name>,
    topic: Option<Topic>,
    max_speakers: Option<MaxSpeakers>,
    admission: Option<Admission>,
    writers: Option<Writers>,
    archived: Option<bool>,
    people_max: Option<PeopleMax>,
    rights: Vec<(VoiceRight, Grant)>,
    /// Needs the other channels to be carried out.
    pub place: Option<Place>,
}

impl Settings {
    /// The settings, if each is one.
    pub fn parse(list: Vec<ChannelSetting>) -> Result<Self, Error> {
        if list.len() > SETTINGS_MAX {
            return Err(Error::Invalid { field: "settings", rule: "at most 16" });
        }
        let mut settings = Self::default();
        for setting in list {
            match setting {
                ChannelSetting::Name(text) => settings.name = Some(Name::parse(&text)?),
                ChannelSetting::Topic(text) => settings.topic = Some(Topic::parse(&text)?),
                ChannelSetting::MaxSpeakers(number) => {
                    settings.max_speakers = Some(MaxSpeakers::parse(number)?);
                }
                ChannelSetting::Admission(admission) => settings.admission = Some(admission),
                ChannelSetting::Writers(writers) => settings.writers = Some(writers),
                ChannelSetting::Archived(archived) => settings.archived = Some(archived),
                ChannelSetting::PeopleMax(number) => settings.people_max = Some(PeopleMax::parse(number)?),
                ChannelSetting::VoiceRight { right, grant: given } => {
                    settings.rights.push((right, grant(given)?));
                }
                ChannelSetting::Place { category, before } => {
                    settings.place = Some(Place { category, before });
                }
            }
        }
        Ok(settings)
    }

    /// The channel as it shall be, its place excepted, if that is a channel.
    pub fn applied_to(&self, mut channel: Channel) -> Result<Channel, Error> {
        if let Some(Name { text, slug }) = self.name.clone() {
            (channel.name, channel.slug) = (text, slug);
        }
        if let Some(Topic(topic)) = self.topic.clone() {
            channel.topic = topic;
        }
        if let Some(MaxSpeakers(number)) = self.max_speakers {
            channel.max_speakers = number;
        }
        channel.admission = self.admission.unwrap_or(channel.admission);
        channel.writers = self.writers.unwrap_or(channel.writers);
        channel.archived = self.archived.unwrap_or(channel.archived);
        if let Some(PeopleMax(number)) = self.people_max {
            channel.people_max = number;
        }
        for (right, grant) in &self.rights {
            channel.voice_rights.of_mut(*right).clone_from(grant);
        }
        match channel.kind {
            ChannelKind::Text if channel.max_speakers.is_some() => Err(FOR_VOICE_ONLY),
            ChannelKind::Text
                if channel.people_max.is_some() || *channel.voice_rights != VoiceRights::default() =>
            {
                Err(NO_ROOM)
            }
            ChannelKind::Voice if channel.writers == Writers::Admins => Err(FOR_TEXT_ONLY),
            ChannelKind::Text | ChannelKind::Voice => Ok(channel),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::channels::tests::a_channel;

    #[test]
    fn a_name_is_one_line_and_has_something_for_the_address() {
        let slug_of = |name: &str| Name::parse(name).map(|name| name.slug).ok();
        assert_eq!(slug_of("  Music & Games (2) "), Some("music-games-2".to_owned()));
        assert_eq!(slug_of("Übung-eins"), Some("bung-eins".to_owned()));
        assert_eq!(Name::parse(" Ü 1 ").unwrap().text, "Ü 1");
        assert!(Name::parse(&"a".repeat(NAME_MAX)).is_ok());
        for bad in ["", "  ", "-", "!?", "日本", "two\nlines", &"a".repeat(NAME_MAX + 1)] {
            assert!(Name::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_topic_is_one_line_or_nothing() {
        assert_eq!(Topic::parse("  \t").unwrap(), Topic(String::new()));
        assert_eq!(Topic::parse(" Was läuft? ").unwrap(), Topic("Was läuft?".to_owned()));
        assert!(Topic::parse(&"ä".repeat(TOPIC_MAX)).is_ok());
        for bad in ["two\nlines", "bell\u{7}", &"ä".repeat(TOPIC_MAX + 1)] {
            assert!(Topic::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn between_one_and_sixteen_people_may_be_heard() {
        for good in [None, Some(1), Some(16)] {
            assert_eq!(MaxSpeakers::parse(good).unwrap().0, good);
        }
        assert!(MaxSpeakers::parse(Some(0)).is_err() && MaxSpeakers::parse(Some(17)).is_err());
    }

    #[test]
    fn a_right_goes_to_some_groups_and_a_room_has_place_for_somebody() {
        use crate::id::GroupId;
        let some = |count| Grant::Groups(vec![GroupId::from(uuid::Uuid::nil()); count]);
        let fits = |grant| {
            let setting = ChannelSetting::VoiceRight { right: VoiceRight::Speak, grant };
            Settings::parse(vec![setting]).is_ok()
        };
        assert!(fits(Grant::Everybody) && fits(Grant::Admins) && fits(some(1)) && fits(some(GROUPS_MAX)));
        assert!(!fits(some(0)) && !fits(some(GROUPS_MAX + 1)));
        assert!(PeopleMax::parse(None).is_ok() && PeopleMax::parse(Some(PEOPLE_MAX)).is_ok());
        assert!(PeopleMax::parse(Some(0)).is_err() && PeopleMax::parse(Some(PEOPLE_MAX + 1)).is_err());
    }

    #[test]
    fn what_is_not_named_stays_and_the_last_word_holds() {
        let before = Channel { topic: "old".to_owned(), ..a_channel(ChannelKind::Text) };
        let list = vec![ChannelSetting::Name("One".to_owned()), ChannelSetting::Name("Two".to_owned())];
        let after = Settings::parse(list).unwrap().applied_to(before.clone()).unwrap();
        assert_eq!(after, Channel { name: "Two".to_owned(), slug: "two".to_owned(), ..before });
        assert!(Settings::parse(vec![ChannelSetting::Archived(true); SETTINGS_MAX + 1]).is_err());
    }

    #[test]
    fn each_kind_of_channel_has_settings_of_its_own() {
        let set = |kind, setting| Settings::parse(vec![setting]).unwrap().applied_to(a_channel(kind)).is_ok();
        for (kind, fits) in [(ChannelKind::Text, false), (ChannelKind::Voice, true)] {
            assert_eq!(set(kind, ChannelSetting::MaxSpeakers(Some(2))), fits);
            assert_eq!(set(kind, ChannelSetting::PeopleMax(Some(2))), fits);
            let speak = ChannelSetting::VoiceRight { right: VoiceRight::Speak, grant: Grant::Admins };
            assert_eq!(set(kind, speak), fits);
            assert_eq!(set(kind, ChannelSetting::Writers(Writers::Admins)), !fits);
        }
    }
}
