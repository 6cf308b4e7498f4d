//! The words of programs that sign in, which no page says: bodies of plain HTTP requests. A body with a secret in it is not
//! `Debug`.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::UserId;

/// `POST /api/auth/login`: signs a program in.
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
