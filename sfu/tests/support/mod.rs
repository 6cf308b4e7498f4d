//! `SimCall`: a call among named people, as a story would tell it.
//!
//! ```text
//! let mut call = SimCall::with(["ana", "ben"]);
//! call.speaks("ana", secs(2));
//! assert_eq!(call.heard_by("ben"), ["ana"]);
//! ```
//!
//! Between people and the SFU lies a [`SimNet`]. Stories listed in `stories!` are told twice, over one worker
//! and over three, between which rooms are spread. While a call runs, promises that hold always are
//! checked on every packet heard (see [`Ear::hear`]): a story never needs to assert them.

mod call;
mod cipher;
mod ear;
mod net;
mod sim_sfu;
mod wiretap;

use std::cell::Cell;
use std::time::Duration;

pub use call::{LOUD, Setup, SimCall};
pub use cipher::Cipher;
pub use ear::Utterance;
pub use net::{Conditions, Dice};

pub fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

thread_local! {
    static WORKERS: Cell<u8> = const { Cell::new(1) };
}

/// Tells a story over so many workers.
pub fn over(workers: u8, story: fn()) {
    WORKERS.set(workers);
    story();
}

/// How many workers calls have in the story that is being told.
pub fn workers_of_this_story() -> u8 {
    WORKERS.get()
}
