//! The SFU as its users meet it: real workers and real clients on a clock and a network of our making.
//!
//! Everything here is deterministic; the network's dice are seeded, and a failing story prints its seed.
//! Only `driver` uses real sockets, on the loopback. The helpers are taught in `support`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::wildcard_enum_match_arm)]
#![allow(missing_docs, unreachable_pub, clippy::print_stderr)]

/// Makes two tests of each story: over one worker, and over three.
macro_rules! stories {
    ($($story:ident),+ $(,)?) => {
        mod over_one_worker {
            $(#[test] fn $story() { crate::support::over(1, super::$story); })+
        }
        mod over_three_workers {
            $(#[test] fn $story() { crate::support::over(3, super::$story); })+
        }
    };
}

mod support;

/// Random storms of joining, leaving, muting and talking, with invariants.
mod churn;
/// Real sockets: the handle, the threads, UDP and framed TCP.
mod driver;
/// The two ways out: both say the same, reports are true, no nonce is used twice.
mod egress;
/// Who hears whom, in rooms of every size.
mod hearing;
/// Datagrams and offers nobody should ever send.
mod hostile;
/// What is taken in of those who speak, what is not, and at what cost.
mod intake;
/// Offers and answers, limits and refusals.
mod join;
/// Going away, being cut off, coming back.
mod leaving;
/// Loss, delay, disorder.
mod lossy_network;
/// New addresses and new credentials in the middle of a talk.
mod moving;
/// Mute and deafen, enforced.
mod muting;
/// A worker with too much to do.
mod overload;
/// One room over several workers.
mod spanning;
/// Words for some and not for others, and who goes before whom.
mod whispering;
