//! Measuring this machine: `cromulent bench media`.
//!
//! Sees the server from outside only: HTTP, the WebSocket and UDP, as any client does.

pub mod client;

use clap::Subcommand;

/// What can be measured.
#[derive(Debug, Subcommand)]
pub enum Bench {}

/// Why a measurement did not come about.
#[derive(Debug, thiserror::Error)]
pub enum Error {}

/// Measures.
pub async fn run(bench: Bench) -> Result<(), Error> {
    match bench {}
}
