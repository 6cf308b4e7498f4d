//! Stories about the whole server: real sockets, a real database, the real SFU.
//!
//! One binary, so that everything links once. Start with `messages`, then `support` for the words it uses.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    missing_docs,
    unreachable_pub
)]

mod support;

/// Who may come in.
mod accounts;
/// What admins do to other people's accounts.
mod administration;
/// The house holds: imports go one way.
mod architecture;
/// The load generator measures a real server.
mod bench;
/// What the binary does with flags, signals and a sudden death.
mod binary;
/// Making channels and changing them.
mod channels;
/// Programs that sign in without a browser.
mod devices;
/// One-time links, over a real mail server's door.
mod links;
/// Writing and reading back.
mod messages;
/// The API's description says what is so.
mod openapi;
/// Who is here, and who writes.
mod presence;
/// How people look to others.
mod profiles;
/// Sign-ins here and elsewhere, and their end.
mod sign_ins;
/// The WebSocket: handshake, bad frames, resume.
mod signaling;
/// Rooms over the real SFU.
mod voice;
