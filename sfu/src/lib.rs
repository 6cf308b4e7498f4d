//! A selective forwarding unit for voice.
//!
//! It knows rooms, participants, slots and packets. It must never know users, channels, databases or
//! web frameworks; its `Cargo.toml` proves it.

mod config;
mod handle;
mod id;
mod message;
mod stats;

pub use config::{Address, Config, ConfigError, Limits, SLOTS_MAX, Timeouts};
pub use handle::{Events, Sfu, StartError};
pub use id::{ParticipantId, RoomId, SlotIndex};
pub use message::{Event, Join, JoinError, LeaveReason, MediaPath, OfferFault};
pub use stats::{Dropped, ParticipantStats, Stats, WorkerStats};
