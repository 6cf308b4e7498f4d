//! The doors: every route on this page, and what stands before all of them.
//!
//! Must never know: SQL, packets. Handlers extract, call one operation of `chat` or `voice`, and map the
//! result. Start with [`router`], then [`socket`] for the one WebSocket and [`dispatch`] for what it may ask.

pub mod accounts;
pub mod assets;
pub mod auth;
pub mod dispatch;
pub mod error;
pub mod limits;
pub mod server;
pub mod sessions;
pub mod socket;
pub mod websocket;
pub mod writer;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware;
use axum::routing::{get, post};
use tower_http::set_header::SetResponseHeaderLayer;

use self::limits::Limits;
use crate::chat::Chat;
use crate::live::Live;
use crate::voice::Voice;

/// The largest body of a plain request: a registration is a few hundred bytes.
const BODY_MAX: usize = 16 * 1024;

/// What a page may load and do: itself, nothing inline, nobody else. `wasm-unsafe-eval` is for noise removal,
/// `data:` and `blob:` pictures are made by the page itself.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; worker-src 'self'; font-src 'self'; \
    manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types svelte-trusted-html";

/// What every handler can reach.
pub struct Doors {
    /// What is remembered.
    pub chat: Arc<Chat>,
    /// Who is here.
    pub live: Arc<Live>,
    /// Who talks.
    pub voice: Arc<Voice>,
    /// What people call this server.
    pub server_name: String,
    /// Receiving audio lines of an offer.
    pub slots: u8,
    /// Where the page is, as people type it; decides about cookies and origins.
    pub public: auth::PublicUrl,
    /// The secret of the one-time setup link.
    pub setup_token: String,
    /// How often anybody may do what.
    pub limits: Limits,
    /// Sockets that are open.
    pub sockets: AtomicUsize,
}

/// Every route.
pub fn router(doors: Arc<Doors>) -> Router {
    let api = Router::new()
        .route("/health", get(server::health))
        .route("/server", get(server::info))
        .route("/metrics", get(server::metrics))
        .route("/accounts", post(accounts::register))
        .route("/setup", post(accounts::set_up))
        .route("/session", post(sessions::sign_in).delete(sessions::sign_out))
        .route("/socket", get(socket::open))
        .fallback(error::no_such_route)
        .layer(middleware::from_fn_with_state(doors.clone(), auth::same_origin))
        .layer(SetResponseHeaderLayer::overriding(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
        .layer(DefaultBodyLimit::max(BODY_MAX));
    let header = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
    };
    Router::new()
        .nest("/api", api)
        .fallback(get(assets::serve))
        .layer(header(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .layer(header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(header::REFERRER_POLICY, "no-referrer"))
        .layer(header(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .layer(header(
            HeaderName::from_static("permissions-policy"),
            "microphone=(self), camera=(), geolocation=()",
        ))
        .with_state(doors)
}
