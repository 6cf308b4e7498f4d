//! A selective forwarding unit for voice.
//!
//! People join a room with one offer and get one answer; from then on each one's audio reaches the
//! others through a fixed number of **slots**, and nothing is ever negotiated again. It knows rooms,
//! participants, slots and packets. It must never know users, channels, databases or web frameworks; its
//! `Cargo.toml` proves it.
//!
//! # Reading order
//!
//! [`handle`](Sfu) is what the rest of the server holds, and `directory` knows who is where. `driver` is
//! the only place with sockets, threads and a clock; it drives one [`Worker`] per thread. A worker is pure:
//! bytes and the time in, bytes and events out. Inside it a datagram goes this way:
//!
//! 1. `demux`: source address or ICE user name → participant; else dropped and counted;
//! 2. `participant`: a voice packet goes to `intake`, which opens it if it is worth it; all else, and the
//!    voice of those without an AEAD cipher, goes to the session; out comes a packet of his track;
//! 3. `home`, where `speakers` decides by its level who speaks and who holds a slot;
//! 4. `forwarder` and `timeline`: the packet gets its numbers on the slot's line, once per room;
//! 5. `room`: it waits there with the others of this turn, and is handed to each listener but the speaker;
//!    `egress` seals it for him, into the `outbox`.
//!
//! A room may have people on several workers. One of them is its **home**, the only one that decides (3 and
//! 4); each of them hands out to its own (5). What they tell each other are **crossings** (`crossing`); the
//! threads exchange them through bounded channels (`crossroads`). A packet crosses at most once to the home
//! and once to each worker where it may be heard, however many hear it there.
//!
//! # The drive contract
//!
//! After anything goes into a [`Worker`], call [`Worker::poll_crossing`], [`Worker::poll_transmit`] and
//! [`Worker::poll_event`] until they are empty, then sleep until [`Worker::deadline`] at the latest. Time only moves forward.
//!
//! # What holds always
//!
//! - Nobody hears himself; nobody hears someone muted; nothing is sent to someone deafened or gone.
//! - One worker alone decides who holds a slot and gives out its numbers.
//! - A sequence number of a slot is used once per listener.
//! - A stream has one writer, from its first packet to its last; no nonce is used twice.
//! - What a packet says is believed once it has been authenticated; until then it is a hint, on which
//!   nothing hangs but whether opening it is worth it. A packet is taken once.
//! - An address is believed only after something that came from it has been authenticated; media follows
//!   a voice only to where its newest packet came from, and who is silent to where he has answered.
//! - A worker with too much to do uses fewer slots, then lets nobody else in; who is talking goes on.
//! - What breaks in one session stays in it.
//! - No lock, no await and no other thread on the way of a packet.

mod audience;
mod backlog;
#[doc(hidden)]
pub mod bench;
mod bucket;
mod config;
mod consent;
mod contain;
mod crossing;
mod crossroads;
mod demux;
mod directory;
mod driver;
mod egress;
mod forwarder;
mod handle;
mod handshakes;
mod home;
mod id;
mod identity;
mod intake;
mod keys;
mod load;
mod mailbox;
mod message;
mod offer;
mod outbox;
mod participant;
mod pinning;
mod protection;
mod quality;
mod reach;
mod red;
mod rest;
mod rim;
mod room;
mod rtcp;
mod sender;
mod settings;
mod speakers;
mod srtp;
mod stats;
mod table;
mod tcp;
mod timeline;
mod timers;
mod track;
mod udp;
mod unread;
mod worker;

pub use audience::Audience;
pub use config::{
    Address, Config, ConfigError, EgressPath, Gso, Limits, Pinning, SLOTS_MAX, Timeouts, WorkerConfig,
};
pub use crossing::Crossing;
pub use handle::{Events, Sfu, StartError};
pub use id::{ParticipantId, RoomId};
pub use identity::{CertificateError, Identity};
pub use load::{Pressure, SlotsUsed};
pub use message::{
    Datagram, Event, Join, JoinError, LeaveReason, MediaPath, OfferFault, RestartError, Run, Transmit,
};
pub use quality::{Direction, Quality, Signal};
pub use settings::RoomSettings;
pub use stats::{Dropped, ParticipantStats, Reception, Stats, WorkerStats};
pub use worker::Worker;
