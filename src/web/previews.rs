//! `/api/messages/{id}/picture`: the picture of a preview, from our own address, so that nobody else learns who looks.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::Doors;
use super::auth::CurrentUser;
use super::error::{self, Error};
use crate::id::MessageId;

/// How long a browser keeps it. What is shown with a message hardly ever changes.
const KEEP: &str = "private, max-age=86400";

/// The picture that is shown with a message, for whoever may read it.
pub async fn picture(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
    message: Result<Path<MessageId>, PathRejection>,
) -> Result<Response, Error> {
    let url = doors.chat.picture_of(me.user.id, error::id(message)?).await?;
    let picture = doors.fetcher.picture(&url).await?;
    let head = [
        (header::CONTENT_TYPE, picture.kind.content_type()),
        (header::CACHE_CONTROL, KEEP),
        // Opened by itself it is shown and nothing else.
        (header::CONTENT_DISPOSITION, "inline"),
    ];
    Ok((head, picture.bytes.clone()).into_response())
}
