//! A network with faults, between browsers and a server of which it knows nothing: loss by chance and in bursts, delay,
//! jitter, reordering, a rate, blackouts, and a NAT that forgets. For UDP and for TCP, each direction by itself, out of
//! one seed.
//!
//! `path.rs` is one direction of one flow and `network.rs` all of them: both pure. `udp.rs` and `tcp.rs` carry, with
//! what waits in `waiting.rs`; `control.rs` is what a test says while it runs. Start at [`carry`].

mod control;
mod dice;
mod faults;
mod network;
mod packet;
mod path;
mod tcp;
mod udp;
mod waiting;

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::{JoinSet, LocalSet};

use crate::network::Network;
use crate::udp::Links;
use crate::waiting::Waiting;

/// From where to where.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// Where clients come, by UDP and by TCP.
    pub listen: SocketAddr,
    /// Where the server is.
    pub upstream: SocketAddr,
    /// So many ports, counting up from these on both sides.
    pub ports: u16,
}

/// What all ports share.
struct World {
    network: RefCell<Network>,
    waiting: Waiting,
    links: Links,
    streams: tcp::Streams,
}

/// Carries until there are no more commands; answers each with a line of JSON. The first answer says that it listens.
///
/// # Errors
/// When a port cannot be had.
pub async fn carry(
    way: Way,
    seed: u64,
    mut commands: mpsc::Receiver<String>,
    answer: impl Fn(String),
) -> io::Result<()> {
    let world = Rc::new(World {
        network: RefCell::new(Network::new(seed)),
        waiting: Waiting::default(),
        links: Links::default(),
        streams: tcp::Streams::default(),
    });
    // All of it in one thread: nothing here needs a lock.
    let house = async {
        let mut tasks = JoinSet::new();
        for number in 0..way.ports {
            let [mut listen, mut upstream] = [way.listen, way.upstream];
            listen.set_port(listen.port().saturating_add(number));
            upstream.set_port(upstream.port().saturating_add(number));
            let datagrams = Rc::new(UdpSocket::bind(listen).await?);
            let streams = TcpListener::bind(listen).await?;
            tasks.spawn_local(udp::serve(world.clone(), datagrams, upstream));
            tasks.spawn_local(tcp::serve(world.clone(), streams, upstream));
        }
        let deliverer = world.clone();
        tasks.spawn_local(async move { deliverer.waiting.deliver().await });
        answer(control::listening(way.listen));
        while let Some(line) = commands.recv().await {
            answer(control::obey(&world, &line).await);
        }
        answer(control::figures(&world));
        Ok(())
    };
    LocalSet::new().run_until(house).await
}
