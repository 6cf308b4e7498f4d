//! What admins do to other people's accounts, in bodies of plain HTTP requests. A body with a secret in it is not `Debug`.

use serde::{Deserialize, Serialize};

use super::types::{Role, User};
use crate::clock::Timestamp;

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

/// `GET /api/users`, for admins: everybody who has an account, by name. `?after=` a user name for those who come after,
/// `&search=` a part of a name or address for those who have it.
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
