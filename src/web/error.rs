//! Every refusal, mapped once: to a code for the page and a status for HTTP. Faults of ours are logged here.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sfu::{JoinError, RestartError};

use crate::fetch::Failure;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::{chat, telemetry, voice};

/// Why a request was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `chat` refused.
    #[error(transparent)]
    Chat(#[from] chat::Error),
    /// `voice` refused.
    #[error(transparent)]
    Voice(#[from] voice::Error),
    /// Something elsewhere could not be had.
    #[error(transparent)]
    Fetch(#[from] Failure),
    /// Nobody is signed in.
    #[error("sign in first")]
    SignedOut,
    /// Another site's page asked.
    #[error("the request comes from another site")]
    WrongOrigin,
    /// The frame or body is not what the protocol says.
    #[error("{0}")]
    Malformed(String),
    /// There is no such request or route.
    #[error("{0}")]
    UnknownRequest(String),
    /// Too often.
    #[error("too many requests")]
    RateLimited,
    /// No place for another connection.
    #[error("too many connections")]
    TooManyConnections,
    /// Not for everybody.
    #[error("not allowed")]
    NotAllowed,
    /// Our code broke; this request alone suffers.
    #[error("a request panicked")]
    Panicked,
}

impl Error {
    /// What the page decides by.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Chat(error) | Self::Voice(voice::Error::Chat(error)) => chat_code(error),
            Self::Voice(voice::Error::Sfu(error)) => join_code(error),
            Self::Voice(voice::Error::Restart(error)) => restart_code(error),
            Self::Voice(voice::Error::TakenOver | voice::Error::NotInVoice) => ErrorCode::NotInVoice,
            Self::Voice(voice::Error::NobodyThere) => ErrorCode::NotFound,
            Self::Voice(voice::Error::Full) => ErrorCode::RoomFull,
            Self::Fetch(failure) => fetch_code(failure),
            Self::SignedOut => ErrorCode::SignedOut,
            Self::WrongOrigin => ErrorCode::WrongOrigin,
            Self::Malformed(_) => ErrorCode::Malformed,
            Self::UnknownRequest(_) => ErrorCode::UnknownRequest,
            Self::RateLimited => ErrorCode::RateLimited,
            Self::TooManyConnections => ErrorCode::Busy,
            Self::NotAllowed => ErrorCode::NotAllowed,
            Self::Panicked => ErrorCode::Internal,
        }
    }

    /// As it travels. What went wrong inside is for the log alone.
    pub fn refusal(&self) -> Refusal {
        telemetry::REFUSED_REQUESTS.add();
        let code = self.code();
        let message = if code == ErrorCode::Internal {
            tracing::error!(error = %self, "a request failed");
            "internal error".to_owned()
        } else {
            if let Self::Chat(chat::Error::Database(error)) = self {
                tracing::warn!(%error, "the database had no time");
            }
            self.to_string()
        };
        Refusal { code, message }
    }
}

fn chat_code(error: &chat::Error) -> ErrorCode {
    match error {
        chat::Error::NotFound => ErrorCode::NotFound,
        chat::Error::EmptyMessage => ErrorCode::EmptyMessage,
        chat::Error::MessageTooLong(_) => ErrorCode::MessageTooLong,
        chat::Error::Invalid { .. } => ErrorCode::Invalid,
        chat::Error::NotAllowed => ErrorCode::NotAllowed,
        chat::Error::TooManyChannels => ErrorCode::TooManyChannels,
        chat::Error::NotAMember => ErrorCode::NotAMember,
        chat::Error::Archived => ErrorCode::Archived,
        chat::Error::TooManyCategories => ErrorCode::TooManyCategories,
        chat::Error::NameTaken => ErrorCode::NameTaken,
        chat::Error::EmailTaken => ErrorCode::EmailTaken,
        chat::Error::RegistrationClosed => ErrorCode::RegistrationClosed,
        chat::Error::SetupClosed => ErrorCode::SetupClosed,
        chat::Error::WrongPassword => ErrorCode::WrongPassword,
        chat::Error::Busy => ErrorCode::Busy,
        chat::Error::Database(error) if error.is_passing() => ErrorCode::Busy,
        chat::Error::LinkClosed => ErrorCode::LinkClosed,
        chat::Error::NotConfirmed => ErrorCode::NotConfirmed,
        chat::Error::LastAdmin => ErrorCode::LastAdmin,
        chat::Error::NoMail => ErrorCode::NoMail,
        chat::Error::BadToken => ErrorCode::SignedOut,
        chat::Error::BroadcastNotAllowed => ErrorCode::BroadcastNotAllowed,
        chat::Error::BroadcastTooSoon { .. } => ErrorCode::BroadcastTooSoon,
        chat::Error::TooManyGroups => ErrorCode::TooManyGroups,
        chat::Error::VoiceOff => ErrorCode::VoiceUnavailable,
        chat::Error::Given => ErrorCode::GivenByOperator,
        chat::Error::Database(_)
        | chat::Error::Stored { .. }
        | chat::Error::Hashing(_)
        | chat::Error::Sealing(_) => ErrorCode::Internal,
    }
}

/// Why it could not be had is not for the page: it would tell what this machine can reach.
fn fetch_code(failure: &Failure) -> ErrorCode {
    if *failure == Failure::Busy { ErrorCode::Busy } else { ErrorCode::NotFound }
}

fn join_code(error: &JoinError) -> ErrorCode {
    match error {
        JoinError::OfferTooLarge | JoinError::OfferMalformed(_) => ErrorCode::BadOffer,
        JoinError::RoomFull => ErrorCode::RoomFull,
        JoinError::Overloaded => ErrorCode::VoiceOverloaded,
        JoinError::ServerFull | JoinError::Busy => ErrorCode::Busy,
        JoinError::AlreadyJoined => ErrorCode::Internal,
        JoinError::Stopped => ErrorCode::VoiceUnavailable,
    }
}

fn restart_code(error: &RestartError) -> ErrorCode {
    match error {
        RestartError::NotHere => ErrorCode::NotInVoice,
        RestartError::OfferTooLarge | RestartError::OfferMalformed(_) | RestartError::AnotherSession => {
            ErrorCode::BadOffer
        }
        RestartError::TooSoon => ErrorCode::RateLimited,
        RestartError::Busy => ErrorCode::Busy,
        RestartError::Stopped => ErrorCode::VoiceUnavailable,
    }
}

/// As HTTP says it.
pub(super) fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::Malformed
        | ErrorCode::Invalid
        | ErrorCode::EmptyMessage
        | ErrorCode::MessageTooLong
        | ErrorCode::BadOffer => StatusCode::BAD_REQUEST,
        ErrorCode::SignedOut | ErrorCode::WrongPassword => StatusCode::UNAUTHORIZED,
        ErrorCode::RegistrationClosed
        | ErrorCode::SetupClosed
        | ErrorCode::NotAllowed
        | ErrorCode::NotAMember
        | ErrorCode::NotConfirmed
        | ErrorCode::LinkClosed
        | ErrorCode::BroadcastNotAllowed
        | ErrorCode::WrongOrigin => StatusCode::FORBIDDEN,
        ErrorCode::NotFound | ErrorCode::UnknownRequest => StatusCode::NOT_FOUND,
        ErrorCode::NameTaken
        | ErrorCode::EmailTaken
        | ErrorCode::TooManyChannels
        | ErrorCode::TooManyCategories
        | ErrorCode::TooManyGroups
        | ErrorCode::Archived
        | ErrorCode::LastAdmin
        | ErrorCode::NoMail
        | ErrorCode::GivenByOperator
        | ErrorCode::NotInVoice => StatusCode::CONFLICT,
        ErrorCode::RateLimited | ErrorCode::BroadcastTooSoon => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Busy | ErrorCode::RoomFull | ErrorCode::VoiceOverloaded | ErrorCode::VoiceUnavailable => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[derive(Serialize)]
struct Body {
    error: Refusal,
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let error = self.refusal();
        (status(error.code), Json(Body { error })).into_response()
    }
}

/// Carries an operation out to its end, also when whoever asked is gone by then: what is committed must be
/// published. A panic inside is this operation's alone.
pub async fn to_the_end<T: Send + 'static>(
    operation: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(operation).await.unwrap_or(Err(Error::Panicked))
}

/// What a route that does not exist answers.
pub async fn no_such_route() -> Error {
    Error::UnknownRequest("there is no such route".to_owned())
}

/// An id in a path; what is none names nothing.
pub fn id<T>(
    parsed: Result<axum::extract::Path<T>, axum::extract::rejection::PathRejection>,
) -> Result<T, Error> {
    parsed.map(|axum::extract::Path(id)| id).map_err(|_| chat::Error::NotFound.into())
}

/// A JSON body, or a refusal in our own words.
pub fn body<T>(parsed: Result<Json<T>, axum::extract::rejection::JsonRejection>) -> Result<T, Error> {
    parsed.map(|Json(body)| body).map_err(|rejection| malformed(&rejection.body_text()))
}

/// Nobody is sent back all that he sent: what was wrong stands at the beginning.
pub fn malformed(why: &str) -> Error {
    const ENOUGH: usize = 200;
    Error::Malformed(why.chars().take(ENOUGH).collect())
}
