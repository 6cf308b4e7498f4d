//! Bodies of the few plain HTTP requests: those that must set a cookie or come before one.

use serde::{Deserialize, Serialize};

use super::types::User;

/// `GET /api/server`: what a visitor may know before signing in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ServerInfo {
    /// What people call this server.
    pub name: String,
    /// Whether anybody may make an account.
    pub registration: Registration,
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
}

/// The answer to both: who is signed in now. The session itself is in the cookie.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SignedIn {
    /// Oneself.
    pub user: User,
}
