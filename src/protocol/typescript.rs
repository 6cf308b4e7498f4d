//! The same words in TypeScript, for the client: `static/src/protocol.ts` is written here and tested fresh.

use std::path::Path;

use ts_rs::{Config, TS};

use super::administration::{ChangeAccess, ChangeRole, CreateUser, People, Person, ResetLink};
use super::error::{ErrorCode, Refusal};
use super::rest::{
    Account, AskForMail, AuditAction, AuditEntry, AuditPage, Avatar, AvatarsAllowed, ChangeEmail,
    ChangePassword, Confirm, DeleteAccount, Profile, Register, Registered, Registration, ResetPassword,
    ServerInfo, Session, Sessions, SignIn, SignedIn,
};
use super::settings::{
    ChangeSettings, RelayOutcome, RelayTest, RelayTried, Relays, ServerSetting, ServerSettings, SettingName,
};
use super::{client, close, hearing, quality, server, types, voice};
use crate::clock::Timestamp;
use crate::id;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/static/src/protocol.ts");

fn text() -> String {
    let config = Config::new().with_large_int("number");
    let mut text = String::from(
        "// The words on the wire. Written from src/protocol by its test; never edited by hand.\n\
         // To renew it: WRITE_PROTOCOL=1 cargo test --lib protocol\n",
    );
    macro_rules! declare {
        ($($name:ty),* $(,)?) => {$(
            text.push_str(&format!("\n{}export {}\n", <$name>::docs().unwrap_or_default(), <$name>::decl(&config)));
        )*};
    }
    declare!(
        Timestamp,
        id::UserId,
        id::ConnectionId,
        id::ChannelId,
        id::MessageId,
        id::CategoryId,
        types::User,
        types::Role,
        types::VoiceLoad,
        types::Switches,
        types::Channel,
        types::MemberCount,
        types::ChannelKind,
        types::Message,
        types::Participant,
        types::Relay,
        types::MediaState,
        types::Room,
        types::RoomChange,
        types::RoomSpeakers,
        quality::Quality,
        quality::Way,
        quality::VoicePath,
        client::Request,
        client::Resume,
        client::Cursor,
        server::Answer,
        server::ServerEvent,
        server::VoiceEnd,
        server::Snapshot,
        id::MessageNumber,
        id::GroupId,
        types::MessageState,
        types::Preview,
        types::PictureSize,
        types::Mention,
        types::Group,
        types::Notification,
        types::Unread,
        types::Reading,
        types::Involvement,
        types::Status,
        types::Standing,
        hearing::Transmit,
        hearing::Sound,
        hearing::VoicePreferences,
        hearing::SetVolume,
        hearing::Volume,
        hearing::Hearing,
        voice::VoiceRight,
        voice::Grant,
        voice::VoiceRights,
        voice::Moderation,
        ErrorCode,
        Refusal,
        ServerInfo,
        Registration,
        Register,
        SignIn,
        SignedIn,
        types::Admission,
        types::Writers,
        types::Category,
        client::ChannelSetting,
        client::CategorySetting,
        id::SessionId,
        types::UserState,
        Registered,
        Account,
        Avatar,
        AvatarsAllowed,
        Profile,
        ChangePassword,
        ChangeEmail,
        DeleteAccount,
        AskForMail,
        ResetPassword,
        Confirm,
        Session,
        Sessions,
        CreateUser,
        People,
        Person,
        ChangeRole,
        ChangeAccess,
        ResetLink,
        AuditAction,
        AuditEntry,
        AuditPage,
        ServerSettings,
        SettingName,
        ServerSetting,
        ChangeSettings,
        Relays,
        RelayTest,
        RelayTried,
        RelayOutcome,
    );
    for (name, value) in [
        ("PROTOCOL", u64::from(super::PROTOCOL)),
        ("HEARTBEAT_MS", u64::try_from(super::HEARTBEAT.as_millis()).unwrap()),
        ("MESSAGE_MAX", crate::chat::messages::BODY_MAX as u64),
        ("CHANNEL_NAME_MAX", crate::chat::channels::settings::NAME_MAX as u64),
        ("GROUP_NAME_MAX", crate::chat::groups::NAME_MAX as u64),
        ("SPEAKERS_MAX", types::SPEAKERS_MAX.into()),
        ("PEOPLE_MAX", types::PEOPLE_MAX.into()),
        ("CLOSE_GOING_AWAY", close::GOING_AWAY.into()),
        ("CLOSE_SIGNED_OUT", close::SIGNED_OUT.into()),
        ("CLOSE_TOO_MANY_ERRORS", close::TOO_MANY_ERRORS.into()),
        ("CLOSE_NO_HELLO", close::NO_HELLO.into()),
        ("CLOSE_WRONG_PROTOCOL", close::WRONG_PROTOCOL.into()),
        ("CLOSE_SLOW", close::SLOW.into()),
        ("CLOSE_REPLACED", close::REPLACED.into()),
        ("CHANNEL_TOPIC_MAX", crate::chat::channels::settings::TOPIC_MAX as u64),
        ("EVERYONE_MAX", u64::try_from(crate::chat::mentioned::EVERYONE_MAX).unwrap()),
        ("CATEGORY_NAME_MAX", crate::chat::categories::NAME_MAX as u64),
    ] {
        text.push_str(&format!("\nexport const {name} = {value};\n"));
    }
    text
}

#[test]
fn the_client_has_the_same_words() {
    let fresh = text();
    if std::env::var_os("WRITE_PROTOCOL").is_some() {
        std::fs::write(FILE, &fresh).unwrap();
    }
    let committed = std::fs::read_to_string(Path::new(FILE)).unwrap_or_default();
    assert!(
        committed == fresh,
        "static/src/protocol.ts is stale; run: WRITE_PROTOCOL=1 cargo test --lib protocol"
    );
}
