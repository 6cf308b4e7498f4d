//! `SimCall`: a call among named people, as a story would tell it.
//!
//! ```text
//! let mut call = SimCall::with(["ana", "ben"]);
//! call.speaks("ana", secs(2));
//! assert_eq!(call.heard_by("ben"), ["ana"]);
//! ```
//!
//! Between people and the worker lies a [`SimNet`]. While a call runs, promises that hold always are
//! checked on every packet heard (see [`Ear::hear`]): a story never needs to assert them.

mod call;
mod cipher;
mod ear;
mod net;
mod wiretap;

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
