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

/// Who may do what in which channel.
mod access;
/// Who may come in.
mod accounts;
/// What admins do to other people's accounts.
mod administration;
/// The house holds: imports go one way.
mod architecture;
/// What is written down of what admins do.
mod audit;
/// The load generator measures a real server.
mod bench;
/// What the binary does with flags, signals and a sudden death.
mod binary;
/// Headings, and the order of what stands under them.
mod categories;
/// Making channels and changing them.
mod channels;
/// What the clock of the machine does to all this.
mod clock;
/// What operations may rely on, whatever the engine.
mod database;
/// Programs that sign in without a browser.
mod devices;
/// What an operator is told to mend.
mod doctor;
/// The page's door, by those who mean no good.
mod doors;
/// Where the server goes for people, and where it does not.
mod fetching;
/// The WebSocket's frames, by those who mean no good.
mod frames;
/// Sets of people with one name.
mod groups;
/// How people want to be heard, and hear others.
mod hearing;
/// Values that make no sense, everywhere one can be put.
mod junk;
/// One-time links, over a real mail server's door.
mod links;
/// Who is in a channel, and who knows of it.
mod memberships;
/// Whom a message means, and who hears of it.
mod mentions;
/// Writing and reading back.
mod messages;
/// Who may do what in voice rooms, and what is done about people there.
mod moderation;
/// The inbox.
mod notifications;
/// The API's description says what is so.
mod openapi;
/// The page about what the older system did holds.
mod parity;
/// What is so on PostgreSQL alone.
mod postgres;
/// Who is here, and who writes.
mod presence;
/// What is shown of the other end of hyperlinks.
mod previews;
/// How people look to others.
mod profiles;
/// How far everybody has read.
mod readings;
/// Relays for whom no direct way leads here.
mod relays;
/// What admins decide about the whole server.
mod settings;
/// Sign-ins here and elsewhere, and their end.
mod sign_ins;
/// The WebSocket: handshake, bad frames, resume.
mod signaling;
/// What people chose to be seen as.
mod statuses;
/// Many come and go at once, and everybody sees the same in the end.
mod storm;
/// Rooms over the real SFU.
mod voice;
