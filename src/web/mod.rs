//! The doors: every route on this page, and what stands before all of them.
//!
//! Must never know: SQL, packets. Handlers extract, call one operation of `chat` or `voice`, and map the
//! result. Start with [`router`], then [`socket`] for the one WebSocket and [`dispatch`] for what it may ask.

pub mod account;
pub mod accounts;
pub mod assets;
pub mod auth;
pub mod devices;
pub mod dispatch;
pub mod error;
pub mod hearing;
pub mod limits;
pub mod links;
pub mod openapi;
pub mod previews;
pub mod server;
pub mod sessions;
pub mod settings;
pub mod socket;
pub mod users;
pub mod visitors;
pub mod websocket;
pub mod writer;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware;
use axum::routing::{delete, get, post, put};
use tokio::sync::Semaphore;
use tower_http::set_header::SetResponseHeaderLayer;

use self::limits::Limits;
use crate::chat::{Chat, profiles};
use crate::fetch::Fetcher;
use crate::live::Live;
use crate::protocol::rest::AvatarsAllowed;
use crate::voice::Voice;

/// The largest body of a plain request: a registration is a few hundred bytes.
const BODY_MAX: usize = 16 * 1024;

/// What a page may load and do: itself, nothing inline, nobody else. `wasm-unsafe-eval` is for noise removal,
/// `data:` and `blob:` pictures are made by the page itself; what stands after them, [`pictures`], is up to the
/// operator.
const CONTENT_SECURITY_POLICY: [&str; 2] = [
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:",
    "; media-src 'self' blob:; connect-src 'self'; worker-src 'self'; font-src 'self'; manifest-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
     trusted-types svelte-trusted-html",
];

/// What every handler can reach.
pub struct Doors {
    /// What is remembered.
    pub chat: Arc<Chat>,
    /// Goes where messages point.
    pub fetcher: Arc<Fetcher>,
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
    /// Whose turn it is to try the relays: one at a time, so that nobody has this server knock at doors all day.
    pub relay_tests: Semaphore,
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
        .route("/account", get(account::show))
        .route("/account/profile", put(account::set_profile))
        .route("/account/password", put(account::change_password))
        .route("/account/email", put(account::change_email))
        .route("/account/deletion", post(account::delete))
        .route("/account/sessions", get(sessions::list).delete(sessions::sign_out_everywhere))
        .route("/account/sessions/{id}", delete(sessions::sign_out_there))
        .route("/account/voice", get(hearing::show).put(hearing::set))
        .route("/account/volumes/{user}", put(hearing::set_volume))
        .route("/password/forgotten", post(links::forgotten))
        .route("/password/reset", post(links::reset))
        .route("/confirmation", post(links::confirm))
        .route("/confirmation/resend", post(links::resend))
        .route("/users", get(users::list).post(users::create))
        .route("/users/{id}", delete(users::delete))
        .route("/users/{id}/role", put(users::set_role))
        .route("/users/{id}/access", put(users::set_access))
        .route("/users/{id}/reset-link", post(users::reset_link))
        .route("/audit", get(users::audit))
        .route("/messages/{id}/picture", get(previews::picture))
        .route("/settings", get(settings::show).put(settings::change))
        .route("/settings/relay-test", post(settings::try_relays))
        .route("/socket", get(socket::open))
        .route("/openapi.json", get(openapi::serve))
        .fallback(error::no_such_route)
        .layer(middleware::from_fn_with_state(doors.clone(), auth::same_origin));
    // Programs: no cookie, and so no look at the origin.
    let programs = Router::new()
        .route("/auth/login", post(devices::login))
        .route("/auth/verify", post(devices::verify))
        .route("/auth/refresh", post(devices::refresh))
        .route("/auth/logout", post(devices::logout));
    let page_of_program = Router::new()
        .route("/auto_login", post(devices::auto_login))
        .layer(middleware::from_fn_with_state(doors.clone(), auth::same_origin));
    let header = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
    };
    Router::new()
        .nest("/api", programs.merge(api))
        .merge(page_of_program)
        .layer(SetResponseHeaderLayer::if_not_present(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .fallback(get(assets::serve))
        .layer(SetResponseHeaderLayer::overriding(
            header::CONTENT_SECURITY_POLICY,
            policy(doors.chat.avatars()),
        ))
        .layer(header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(header::REFERRER_POLICY, "no-referrer"))
        .layer(header(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .layer(header(
            HeaderName::from_static("permissions-policy"),
            "microphone=(self), camera=(), geolocation=()",
        ))
        .with_state(doors)
}

fn policy(avatars: AvatarsAllowed) -> HeaderValue {
    let [before, after] = CONTENT_SECURITY_POLICY;
    let text = format!("{before}{}{after}", pictures(avatars));
    // ASCII without control characters, as it stands above.
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
}

/// Where else pictures may come from.
fn pictures(avatars: AvatarsAllowed) -> String {
    match avatars {
        AvatarsAllowed::Initials => String::new(),
        AvatarsAllowed::Libravatar => format!(" {}", profiles::LIBRAVATAR),
        AvatarsAllowed::Links => " https:".to_owned(),
    }
}
