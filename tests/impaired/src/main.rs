//! The command: reads its arguments, then a command a line; ends with its input, and says what happened.
//!
//!     impaired --listen 127.0.0.1:21000 --upstream 127.0.0.1:8081 --ports 2 --seed 7
//!     {"do": "arm", "up": {"loss": 0.1}, "down": {"loss": 0.1, "burst": 3, "delay": 50, "jitter": 20}}
//!     {"do": "blackout", "ms": 5000}
//!     {"do": "rebind"}

use std::io::{self, BufRead, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use impaired::{Way, carry};
use tokio::sync::mpsc;

/// Commands that wait to be obeyed; whoever writes faster is made to wait.
const AHEAD: usize = 64;

/// A network with faults between clients and a server, for UDP and TCP. Commands are lines of JSON: arm, disarm, blackout,
/// rebind, cut, figures.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where clients come
    #[arg(long, value_name = "IP:PORT")]
    listen: SocketAddr,
    /// Where the server is
    #[arg(long, value_name = "IP:PORT")]
    upstream: SocketAddr,
    /// Neighbouring ports, on both sides
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=256))]
    ports: u16,
    /// Of chance: the same seed loses the same packets
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    seed: u64,
}

fn main() -> ExitCode {
    let Arguments { listen, upstream, ports, seed } = Arguments::parse();
    let (tell, commands) = mpsc::channel(AHEAD);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if tell.blocking_send(line).is_err() {
                return;
            }
        }
    });
    // Whoever does not read the answers any more has gone.
    let answer = |line| {
        let _ = writeln!(io::stdout(), "{line}");
    };
    let done = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .and_then(|runtime| runtime.block_on(carry(Way { listen, upstream, ports }, seed, commands, answer)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{listen}: {error}");
            ExitCode::FAILURE
        }
    }
}
