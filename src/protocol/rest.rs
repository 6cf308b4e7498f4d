//! Bodies of the plain HTTP requests: those that set a cookie, come before one, or carry a secret, and everything
//! about accounts. A body with a secret in it is not `Debug`; it can be written only because clients of ours do so.

use serde::{Deserialize, Serialize};

use super::types::{Role, User};
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

/// `POST /api/users`: an admin makes an account for somebody.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct CreateUser {
    /// 2 to 40 letters, digits, hyphens and underscores.
    pub username: String,
    /// Counts as confirmed.
    pub email: String,
    /// 12 to 72 characters.
    pub password: String,
}

/// `GET /api/users`, for admins: everybody who has an account, by name. `?after=` a user name for those who come after.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct People {
    /// At most 100.
    pub people: Vec<Person>,
    /// Whether there are more.
    pub more: bool,
}

/// Somebody with an account, as admins see them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Person {
    /// As everybody sees them.
    pub user: User,
    /// Where mail goes.
    pub email: String,
    /// Whether the owner of the address was asked, or an admin vouched for it.
    pub confirmed: bool,
    /// Since when they have an account.
    pub created_at: Timestamp,
}

/// `PUT /api/users/{id}/role`, for admins. The answer is the [`User`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ChangeRole {
    /// From now on.
    pub role: Role,
}

/// `PUT /api/users/{id}/access`, for admins: shuts somebody out, or lets them in again. The answer is the [`User`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ChangeAccess {
    /// From now on.
    pub disabled: bool,
}

/// `POST /api/users/{id}/reset-link`, for admins: a link for somebody who forgot their password.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ResetLink {
    /// Opens once.
    pub url: String,
    /// Not later than this.
    pub expires_at: Timestamp,
}

/// `GET /api/audit`, for admins: what was done to accounts, newest first. `?before=` an entry's id for older ones.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AuditPage {
    /// At most 50.
    pub entries: Vec<AuditEntry>,
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
    /// What, as in `role_changed`.
    pub action: String,
    /// To whom.
    pub subject: Option<UserId>,
    /// What more there is to say. Never a secret.
    pub detail: String,
}

/// `POST /api/auth/login`: signs a program in. From here on the words are for programs, not for the page.
#[derive(Clone, Serialize, Deserialize)]
pub struct DeviceLogin {
    /// E-mail address or user name.
    pub email: String,
    /// The password.
    pub password: String,
    /// How the list of sign-ins names it.
    #[serde(default)]
    pub device_name: Option<String>,
    /// `desktop`, `bot` or what it is.
    #[serde(default)]
    pub device_type: Option<String>,
}

/// A refresh token, on its way to the server.
#[derive(Clone, Serialize, Deserialize)]
pub struct DeviceToken {
    /// The last one this program was given.
    pub refresh_token: String,
}

/// What a program gets when it signs in and whenever it renews its tokens.
#[derive(Clone, Serialize, Deserialize)]
pub struct DeviceSignedIn {
    /// True.
    pub success: bool,
    /// Good for one use within the days a sign-in lasts. Using it twice ends the sign-in.
    pub refresh_token: String,
    /// For the header `Authorization: Bearer`, a day at most, until the next renewal.
    pub access_token: String,
    /// Until when.
    pub access_expires_at: Timestamp,
    /// Who.
    pub user: DeviceUser,
}

/// Whose tokens they are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceUser {
    /// Which user.
    pub id: UserId,
    /// Their own address.
    pub email: String,
    /// The name others mention.
    pub username: String,
}

/// The answer to `POST /api/auth/verify`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceVerified {
    /// True.
    pub success: bool,
    /// Who.
    pub user: DeviceUser,
}

/// The answer to `POST /auto_login`, which also sets the session cookie.
#[derive(Clone, Serialize, Deserialize)]
pub struct AutoSignedIn {
    /// True.
    pub success: bool,
    /// The next one; the one that was sent is used.
    pub refresh_token: String,
    /// Who.
    pub user: DeviceUser,
}

/// The answer to `POST /api/auth/logout`, whatever the token was.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct DeviceDone {
    /// True.
    pub success: bool,
}

/// A refusal to a program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceRefused {
    /// False.
    pub success: bool,
    /// In words.
    pub error: String,
}
