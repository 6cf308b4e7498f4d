//! The closed list of refusals.

use serde::{Deserialize, Serialize};

/// Why a request was refused. The client chooses its words by this code; `message` is for logs and developers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The frame or body is not what the protocol says.
    Malformed,
    /// No such request exists.
    UnknownRequest,
    /// A field has a value that is not allowed; the message says which.
    Invalid,
    /// The message is empty after trimming.
    EmptyMessage,
    /// The message is longer than allowed.
    MessageTooLong,
    /// Sign in first.
    SignedOut,
    /// The name or e-mail does not match the password.
    WrongPassword,
    /// Somebody, or another channel, has this name.
    NameTaken,
    /// There are as many channels as there may be.
    TooManyChannels,
    /// Somebody has this e-mail address.
    EmailTaken,
    /// This server takes no new accounts.
    RegistrationClosed,
    /// The one-time setup link is wrong or was used.
    SetupClosed,
    /// It does not exist, or it is not open to you.
    NotFound,
    /// You may not do this.
    NotAllowed,
    /// Too often; wait a little.
    RateLimited,
    /// The server has too much to do; try again.
    Busy,
    /// The session description cannot be answered.
    BadOffer,
    /// The room has no place left.
    RoomFull,
    /// So many people are talking on this server that nobody else is let in; try again in a while.
    VoiceOverloaded,
    /// You are in no voice room.
    NotInVoice,
    /// Voice is switched off on this server, or not working.
    VoiceUnavailable,
    /// The request came from a page of another site.
    WrongOrigin,
    /// Our fault; it is in the log.
    Internal,
    /// Only members may; one may join.
    NotAMember,
    /// The channel is archived: nobody writes or talks in it.
    Archived,
    /// There are as many categories as there may be.
    TooManyCategories,
    /// The one-time link is wrong, was used, or is too old.
    LinkClosed,
    /// The password is right, but the e-mail address waits for its confirmation; a new mail is on its way.
    NotConfirmed,
    /// Nobody would be left to run this server.
    LastAdmin,
    /// This server sends no mail.
    NoMail,
    /// Only admins may tell so many people at once.
    BroadcastNotAllowed,
    /// You told everybody something only just now; wait a little.
    BroadcastTooSoon,
    /// There are as many groups as there may be.
    TooManyGroups,
    /// Whoever runs the server decided this where it is started; admins cannot.
    GivenByOperator,
}

/// A refusal as it travels.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Refusal {
    /// What a program decides by.
    pub code: ErrorCode,
    /// What a developer reads; never shown as it is.
    pub message: String,
}
