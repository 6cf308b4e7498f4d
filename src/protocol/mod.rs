//! The words on the wire: what a browser may say and what the server may say. Data only, no behaviour.
//!
//! Must never know: how anything is stored, who is connected, what a socket is.
//! Start with [`client::Request`] and [`server::ServerEvent`].
//!
//! # One WebSocket
//!
//! JSON text frames at `/api/socket`. A browser is known by its session cookie, and the `Origin` must be ours.
//!
//! 1. The client's first frame is [`Request::Hello`](client::Request::Hello), within [`HELLO_TIMEOUT`]. It may
//!    name the connection it had and the last `seq` it saw.
//! 2. The answer is [`Answer::Welcome`](server::Answer::Welcome). With `resumed` the missed events follow;
//!    otherwise the next event is [`ServerEvent::Ready`](server::ServerEvent::Ready), with everything.
//! 3. Every request carries an `id` of the client's choice and gets exactly one frame with the same `id`:
//!    `{"id":7,"result":{…}}` or `{"id":7,"error":{"code":…,"message":…}}`. A frame whose id cannot be read is
//!    answered with `"id":null`.
//! 4. Events carry `seq`, which grows by one per connection. A gap cannot happen: a connection that cannot
//!    keep up is closed with [`close::SLOW`] and comes back through `hello`.
//! 5. What changes for everybody at once (who is online, who is in which voice room and who talks there) is news:
//!    told in lists, ten times a second at most. An answer does not wait for it.
//! 6. The client sends [`Request::Ping`](client::Request::Ping) when it heard nothing for
//!    [`HEARTBEAT`]; the server sends WebSocket pings at the same pace and gives up after two silent ones.
//!
//! The TypeScript of all this, `static/src/protocol.ts`, is written by a test (`typescript.rs`) and never by hand.

pub mod administration;
pub mod client;
pub mod devices;
pub mod error;
pub mod hearing;
pub mod quality;
pub mod rest;
pub mod server;
pub mod settings;
pub mod types;
#[cfg(test)]
mod typescript;
pub mod voice;

use std::time::Duration;

/// The version of these words. A client that says another one is told to reload.
pub const PROTOCOL: u32 = 2;

/// How long a new connection may stay silent before its `hello`.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// Silence after which either side asks whether the other is there.
pub const HEARTBEAT: Duration = Duration::from_secs(25);

/// The longest frame a client may send: a 4,000-character message or a session description with
/// 16 audio lines, several times over.
pub const MAX_FRAME_BYTES: usize = 64 * 1024;

/// Frames a connection may get wrong before it is closed with [`close::TOO_MANY_ERRORS`].
pub const MAX_BAD_FRAMES: u32 = 20;

/// Why the server closed a WebSocket: private codes of RFC 6455 section 7.4.2 beside the standard ones.
pub mod close {
    /// The server stops or restarts (RFC 6455 section 7.4.1). Come back.
    pub const GOING_AWAY: u16 = 1001;
    /// The session was ended: signed out, here or elsewhere. Do not come back with it.
    pub const SIGNED_OUT: u16 = 4001;
    /// More than [`MAX_BAD_FRAMES`](super::MAX_BAD_FRAMES) frames could not be understood.
    pub const TOO_MANY_ERRORS: u16 = 4002;
    /// No `hello` came in time, or something else came first.
    pub const NO_HELLO: u16 = 4003;
    /// The client speaks another version of the protocol: reload the page.
    pub const WRONG_PROTOCOL: u16 = 4004;
    /// Events came faster than the connection took them. Come back; what was missed is replayed or reloaded.
    pub const SLOW: u16 = 4008;
    /// The same connection was resumed on another socket.
    pub const REPLACED: u16 = 4009;
}
