//! What a test says to the network while it runs: a line of JSON each, and a line of JSON as answer.
//!
//! Must not know how it is done. Start at [`Command`].

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;

use crate::faults::Faults;
use crate::{World, udp};

/// Longer than any story.
const BLACKOUT_MAX: u64 = 600_000;

/// Everything that can be said.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Command {
    /// The faults are these from now on, and chance begins anew.
    Arm {
        #[serde(default)]
        up: Faults,
        #[serde(default)]
        down: Faults,
    },
    /// No faults.
    Disarm,
    /// Nothing passes for so many milliseconds.
    Blackout { ms: u64 },
    /// The NAT forgets: new ports towards the server, and streams break.
    Rebind,
    /// All streams break.
    Cut,
    /// What happened.
    Figures,
}

/// Does it, and says what was done or why not.
pub(crate) async fn obey(world: &Rc<World>, line: &str) -> String {
    match serde_json::from_str(line) {
        Ok(command) => act(world, command).await,
        Err(error) => json!({ "error": error.to_string() }).to_string(),
    }
}

async fn act(world: &Rc<World>, command: Command) -> String {
    let now = Instant::now();
    match command {
        Command::Arm { up, down } => {
            if let Err(error) = up.check().and(down.check()) {
                return json!({ "error": error }).to_string();
            }
            world.network.borrow_mut().arm(up, down);
            json!({ "done": "arm" }).to_string()
        }
        Command::Disarm => {
            world.network.borrow_mut().disarm();
            json!({ "done": "disarm" }).to_string()
        }
        Command::Blackout { ms } if ms > BLACKOUT_MAX => {
            json!({ "error": format!("a blackout of at most {BLACKOUT_MAX} ms") }).to_string()
        }
        Command::Blackout { ms } => {
            world.network.borrow_mut().black_out(Duration::from_millis(ms), now);
            json!({ "done": "blackout" }).to_string()
        }
        Command::Rebind => match udp::rebind(world).await {
            Ok(clients) => {
                json!({ "done": "rebind", "clients": clients, "streams": world.streams.cut() }).to_string()
            }
            Err(error) => json!({ "error": error.to_string() }).to_string(),
        },
        Command::Cut => json!({ "done": "cut", "streams": world.streams.cut() }).to_string(),
        Command::Figures => figures(world),
    }
}

/// The first line.
pub(crate) fn listening(at: SocketAddr) -> String {
    json!({ "listening": at }).to_string()
}

/// The last line, and whenever somebody asks.
pub(crate) fn figures(world: &World) -> String {
    let [up, down] = world.network.borrow().figures();
    json!({
        "figures": {
            "up": up,
            "down": down,
            "too_much_waited": world.waiting.dropped.get(),
            "turned_away": world.links.turned_away.get() + world.streams.turned_away.get(),
            "latest_ms": world.waiting.latest_ms.get(),
        }
    })
    .to_string()
}
