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
/// The house holds: imports go one way.
mod architecture;
/// The load generator measures a real server.
mod bench;
/// What the binary does with flags, signals and a sudden death.
mod binary;
/// Making channels and changing them.
mod channels;
/// Sets of people with one name.
mod groups;
/// Whom a message means, and who hears of it.
mod mentions;
/// Writing and reading back.
mod messages;
/// The inbox.
mod notifications;
/// Who is here, and who writes.
mod presence;
/// How far everybody has read.
mod readings;
/// The WebSocket: handshake, bad frames, resume.
mod signaling;
/// Rooms over the real SFU.
mod voice;
