//! Bodies of the plain HTTP requests: those that set a cookie, come before one, or carry a secret, and everything
//! about one's own account; and the audit log. What admins do to people is in `administration`, what they decide about the
//! whole server in `settings`, what programs say in `devices`. A body with a secret in it is not `Debug`; it can be written only because clients of ours do so.

use serde::{Deserialize, Serialize};

use super::types::User;
use crate::clock::Timestamp;
use crate::id::{SessionId, UserId};

/// `GET /api/server`: what a visitor may know before signing in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ServerInfo {
    /// What people call this server.
    pub name: String,
    /// Whether anybody may make an account.
    pub registration: Registration,
    /// Whether it can send mail, and so help somebody who forgot a password.
    pub mail: bool,
    /// Who this browser is signed in as.
    pub me: Option<User>,
}

/// Whether new accounts are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// Yes.
    Open,
    /// No.
    Closed,
}

/// `POST /api/accounts`: makes an account and signs in. `POST /api/setup` makes the first admin.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// 2 to 40 letters, digits, hyphens and underscores.
    pub username: String,
    /// Never shown to other users.
    pub email: String,
    /// 12 to 72 characters.
    pub password: String,
    /// The secret of the one-time link on the console; `/api/setup` only.
    #[serde(default)]
    pub setup_token: Option<String>,
}

/// `POST /api/session`: signs in.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// E-mail address or user name.
    pub login: String,
    /// The password.
    pub password: String,
    /// Stay signed in when the browser is closed.
    #[serde(default)]
    pub remember: bool,
}

/// The answer to a registration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Registered {
    /// Oneself, signed in. None: a mail is on its way, and the account begins with the link in it.
    pub user: Option<User>,
}

/// The answer to a sign-in: who is signed in now. The session itself is in the cookie.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SignedIn {
    /// Oneself.
    pub user: User,
}

/// `GET /api/account`: one's own account, as nobody else sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Account {
    /// As others see it.
    pub user: User,
    /// Where mail goes.
    pub email: String,
    /// Whether the owner of the address was asked.
    pub confirmed: bool,
    /// The address that waits for its confirmation.
    pub pending_email: Option<String>,
    /// Which picture was chosen.
    pub avatar: Avatar,
    /// Which pictures may be chosen here.
    pub avatars: AvatarsAllowed,
}

/// Which picture somebody chose.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Avatar {
    /// None: initials.
    None,
    /// The one at this address.
    Link {
        /// Begins with `https://`.
        url: String,
    },
    /// The one that libravatar.org has for their e-mail address.
    Libravatar,
}

/// Which pictures may be chosen. They lie on other servers, which so learn who looks at them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum AvatarsAllowed {
    /// None.
    Initials,
    /// Those of libravatar.org.
    Libravatar,
    /// Any.
    Links,
}

/// `PUT /api/account/profile`: how others see one. The answer is the [`User`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// 1 to 40 characters; none for the user name.
    pub display_name: Option<String>,
    /// Which picture.
    pub avatar: Avatar,
}

/// `PUT /api/account/password`: takes another password and ends all other sign-ins.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The present one.
    pub password: String,
    /// 12 to 72 characters.
    pub new_password: String,
}

/// `PUT /api/account/email`: takes another address, once the mail sent to it is answered.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ChangeEmail {
    /// The present one.
    pub password: String,
    /// The new address.
    pub email: String,
}

/// `POST /api/account/deletion`: ends the account for good. What its owner wrote stays, without a name.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct DeleteAccount {
    /// The present one.
    pub password: String,
}

/// `POST /api/password/forgotten` and `POST /api/confirmation/resend`: asks for a mail. The answer is always the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct AskForMail {
    /// The address of an account, perhaps.
    pub email: String,
}

/// `POST /api/password/reset`: a new password, by a one-time link. Ends every sign-in and makes none.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ResetPassword {
    /// Out of the link.
    pub token: String,
    /// 12 to 72 characters.
    pub password: String,
}

/// `POST /api/confirmation`: the address is mine, by a one-time link.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// Out of the link.
    pub token: String,
}

/// `GET /api/account/sessions`: one's own sign-ins, the latest used first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Sessions {
    /// All that are good.
    pub sessions: Vec<Session>,
}

/// A sign-in, as its owner sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Session {
    /// Which.
    pub id: SessionId,
    /// `browser`, or what the client called itself, as in `desktop` and `bot`.
    pub kind: String,
    /// What the client calls its device: a browser's user agent, or a name.
    pub device: String,
    /// From where it was used last.
    pub address: String,
    /// Since when.
    pub created_at: Timestamp,
    /// The last use, to ten minutes.
    pub last_used_at: Timestamp,
    /// The one that asks.
    pub current: bool,
}

/// What can be done that is written down.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum AuditAction {
    /// An admin made an account for somebody.
    UserCreated,
    /// An admin made somebody an admin, or a member.
    RoleChanged,
    /// An admin shut somebody out.
    UserDisabled,
    /// An admin let somebody in again.
    UserEnabled,
    /// A link for a new password was issued by hand.
    ResetLinkIssued,
    /// Such a link, or one out of a mail, was used.
    PasswordReset,
    /// Its owner took another password.
    PasswordChanged,
    /// Its owner took another address.
    EmailChanged,
    /// Its owner ended an account, or an admin did.
    AccountDeleted,
    /// A spent refresh token came again, and its sign-in was ended.
    TokenReused,
    /// Something about the whole server was decided.
    SettingChanged,
    /// A channel was made.
    ChannelCreated,
    /// A channel was changed.
    ChannelChanged,
    /// A channel was deleted, with everything written in it.
    ChannelDeleted,
    /// Somebody was put into a channel by somebody else.
    MemberAdded,
    /// Somebody was put out of a channel by somebody else.
    MemberRemoved,
    /// A heading was made.
    CategoryCreated,
    /// A heading was renamed or moved.
    CategoryChanged,
    /// A heading was taken away.
    CategoryDeleted,
    /// A group was made.
    GroupCreated,
    /// A group was changed.
    GroupChanged,
    /// A group was deleted.
    GroupDeleted,
    /// Somebody was put into a group.
    GroupMemberAdded,
    /// Somebody was put out of a group.
    GroupMemberRemoved,
    /// Somebody's message was deleted by somebody else.
    MessageDeleted,
    /// Somebody was muted in a voice room by somebody else, or that was lifted.
    VoiceMuted,
    /// Somebody was deafened in a voice room by somebody else, or that was lifted.
    VoiceDeafened,
    /// Somebody was moved from one voice room to another by somebody else.
    VoiceMoved,
    /// Somebody was put out of a voice room by somebody else.
    VoicePutOut,
}

impl AuditAction {
    /// All of them.
    pub const ALL: [Self; 29] = [
        Self::UserCreated,
        Self::RoleChanged,
        Self::UserDisabled,
        Self::UserEnabled,
        Self::ResetLinkIssued,
        Self::PasswordReset,
        Self::PasswordChanged,
        Self::EmailChanged,
        Self::AccountDeleted,
        Self::TokenReused,
        Self::SettingChanged,
        Self::ChannelCreated,
        Self::ChannelChanged,
        Self::ChannelDeleted,
        Self::MemberAdded,
        Self::MemberRemoved,
        Self::CategoryCreated,
        Self::CategoryChanged,
        Self::CategoryDeleted,
        Self::GroupCreated,
        Self::GroupChanged,
        Self::GroupDeleted,
        Self::GroupMemberAdded,
        Self::GroupMemberRemoved,
        Self::MessageDeleted,
        Self::VoiceMuted,
        Self::VoiceDeafened,
        Self::VoiceMoved,
        Self::VoicePutOut,
    ];

    /// As on the wire, and as stored.
    pub fn text(self) -> &'static str {
        match self {
            Self::UserCreated => "user_created",
            Self::RoleChanged => "role_changed",
            Self::UserDisabled => "user_disabled",
            Self::UserEnabled => "user_enabled",
            Self::ResetLinkIssued => "reset_link_issued",
            Self::PasswordReset => "password_reset",
            Self::PasswordChanged => "password_changed",
            Self::EmailChanged => "email_changed",
            Self::AccountDeleted => "account_deleted",
            Self::TokenReused => "token_reused",
            Self::SettingChanged => "setting_changed",
            Self::ChannelCreated => "channel_created",
            Self::ChannelChanged => "channel_changed",
            Self::ChannelDeleted => "channel_deleted",
            Self::MemberAdded => "member_added",
            Self::MemberRemoved => "member_removed",
            Self::CategoryCreated => "category_created",
            Self::CategoryChanged => "category_changed",
            Self::CategoryDeleted => "category_deleted",
            Self::GroupCreated => "group_created",
            Self::GroupChanged => "group_changed",
            Self::GroupDeleted => "group_deleted",
            Self::GroupMemberAdded => "group_member_added",
            Self::GroupMemberRemoved => "group_member_removed",
            Self::MessageDeleted => "message_deleted",
            Self::VoiceMuted => "voice_muted",
            Self::VoiceDeafened => "voice_deafened",
            Self::VoiceMoved => "voice_moved",
            Self::VoicePutOut => "voice_put_out",
        }
    }

    /// What is written so.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.text() == text)
    }
}

/// `GET /api/audit`, for admins: what was done, newest first. `?before=` an entry's id for older ones, `&actor=` a user's
/// id for what they did, `&action=` a kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AuditPage {
    /// At most 50.
    pub entries: Vec<AuditEntry>,
    /// Whether there are older ones.
    pub more: bool,
}

/// One thing that was done.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AuditEntry {
    /// Grows with time.
    #[cfg_attr(test, ts(type = "string"))]
    pub id: uuid::Uuid,
    /// When.
    pub at: Timestamp,
    /// By whom; none is the console, or whoever held a link.
    pub actor: Option<UserId>,
    /// What.
    pub action: AuditAction,
    /// To whom.
    pub subject: Option<UserId>,
    /// To what, by the name it had then; nothing when it was to nothing with a name.
    pub object: String,
    /// What more there is to say, as `key: value` with semicolons between. Never a secret.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_of_an_action_is_what_is_on_the_wire() {
        for action in AuditAction::ALL {
            assert_eq!(serde_json::to_string(&action).unwrap(), format!("\"{}\"", action.text()));
            assert_eq!(AuditAction::from_text(action.text()), Some(action));
        }
        assert_eq!(AuditAction::from_text("nothing"), None);
    }
}
