//! What admins decide about the whole server, in bodies of plain HTTP requests; and what came of trying the relays. A body
//! with a secret in it is not `Debug`.

use serde::{Deserialize, Serialize};

use super::rest::Registration;

/// `GET /api/settings`, for admins: what they decided about the whole server.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ServerSettings {
    /// Whether anybody can talk.
    pub voice: bool,
    /// Whether anybody may make an account.
    pub registration: Registration,
    /// Whether it is looked what is behind links that people post.
    pub link_previews: bool,
    /// Whether an account begins only when the owner of its e-mail address answered a mail.
    pub email_confirmation: bool,
    /// The relays that pages may use for voice where no direct way leads.
    pub relays: Relays,
    /// Those that were decided where the server is started, and are not for admins to change.
    pub given: Vec<SettingName>,
    /// Whether the server can send mail, without which no address is confirmed.
    pub mail: bool,
}

/// Where the relays are. Their secret is never told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Relays {
    /// As in `turn:relay.example.org:3478?transport=udp`; none: there are no relays.
    pub urls: Vec<String>,
    /// Whether the server has the secret that they share.
    pub has_secret: bool,
}

/// Which of the server's settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum SettingName {
    /// Whether anybody can talk.
    Voice,
    /// Whether anybody may make an account.
    Registration,
    /// Whether it is looked what is behind links.
    LinkPreviews,
    /// Whether addresses are confirmed.
    EmailConfirmation,
    /// Which relays there are.
    Relays,
}

/// `PUT /api/settings`, for admins: changes what is named and nothing else. The answer is [`ServerSettings`].
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ChangeSettings {
    /// At most 16.
    pub settings: Vec<ServerSetting>,
}

/// One of the server's settings, as it shall be.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ServerSetting {
    /// Whether anybody can talk. Off ends every call at once.
    Voice(bool),
    /// Whether anybody may make an account.
    Registration(Registration),
    /// Whether it is looked what is behind links that people post.
    LinkPreviews(bool),
    /// Whether an account begins only when its owner answered a mail. Locks out those who never did.
    EmailConfirmation(bool),
    /// Which relays pages may use.
    Relays {
        /// At most 4; none takes them and their secret away.
        urls: Vec<String>,
        /// The secret that they share, 1 to 200 characters; none: as it is.
        secret: Option<String>,
    },
}

/// `POST /api/settings/relay-test`, for admins: what came of asking every relay for a place, as a page would.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RelayTest {
    /// In the order of the settings.
    pub relays: Vec<RelayTried>,
}

/// What came of trying a relay.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RelayTried {
    /// Which.
    pub url: String,
    /// What.
    pub outcome: RelayOutcome,
}

/// How a relay did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RelayOutcome {
    /// It gave a place.
    Works {
        /// From where it would relay.
        relay: String,
    },
    /// It does not take name and password: most likely its secret is another one.
    Refused,
    /// It does not do it for another reason.
    Failed {
        /// As STUN and TURN number them.
        code: u16,
    },
    /// Nobody answers there.
    Unreachable,
    /// Whatever answers there is no relay, or does not know the secret.
    NotARelay,
    /// It is inside TLS, where only a page tries it.
    NotTried,
}
