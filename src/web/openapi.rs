//! `GET /api/openapi.json`: the description of every plain request, for people who write programs.
//!
//! It is written by hand in `openapi.json`; `tests/openapi.rs` holds it to the routes and to what is answered.

use axum::http::header;
use axum::response::IntoResponse;

/// The description, OpenAPI 3.1.
pub async fn serve() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("openapi.json"))
}
