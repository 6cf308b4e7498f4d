//! TCP: every stream is carried by one of our own towards the server. Nothing is missing from it, but it may be late,
//! and it may break.
//!
//! Must not know what is in it. Start at [`serve`].

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use crate::World;
use crate::network::{Direction, Flow};

/// Streams at once. Those beyond are refused, and counted.
const MOST: usize = 1024;

/// A segment, about.
const PIECE: usize = 1400;

/// Pieces of one direction that are on their way; behind them the sender waits, as behind a window of TCP.
const WINDOW: usize = 256;

/// The streams there are.
pub(crate) struct Streams {
    open: Cell<usize>,
    cuts: watch::Sender<u64>,
    pub(crate) turned_away: Cell<u64>,
}

impl Default for Streams {
    fn default() -> Self {
        Streams { open: Cell::new(0), cuts: watch::Sender::new(0), turned_away: Cell::new(0) }
    }
}

impl Streams {
    /// Breaks every stream, on both sides. Answers how many.
    pub(crate) fn cut(&self) -> usize {
        self.cuts.send_modify(|cuts| *cuts += 1);
        self.open.get()
    }
}

/// Takes streams, without end.
pub(crate) async fn serve(world: Rc<World>, listener: TcpListener, upstream: SocketAddr) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            // No more files, say. Whoever waits is taken when some are closed.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        if world.streams.open.get() >= MOST {
            world.streams.turned_away.set(world.streams.turned_away.get() + 1);
            continue;
        }
        world.streams.open.set(world.streams.open.get() + 1);
        let world = world.clone();
        tokio::task::spawn_local(async move {
            let flow = world.network.borrow_mut().open();
            carry(&world, flow, client, upstream).await;
            world.network.borrow_mut().close(flow);
            world.streams.open.set(world.streams.open.get() - 1);
        });
    }
}

async fn carry(world: &World, flow: Flow, mut client: TcpStream, upstream: SocketAddr) {
    let mut cuts = world.streams.cuts.subscribe();
    let Ok(mut server) = TcpStream::connect(upstream).await else { return break_off(&client) };
    // Every write is a piece that waited already.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let whole = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let up = pump(world, flow, Direction::Up, from_client, to_server);
        let down = pump(world, flow, Direction::Down, from_server, to_client);
        tokio::select! {
            both = async { tokio::try_join!(up, down) } => both.is_ok(),
            _ = cuts.changed() => false,
        }
    };
    if !whole {
        break_off(&client);
        break_off(&server);
    }
}

/// Carries one direction to its end.
async fn pump(
    world: &World,
    flow: Flow,
    direction: Direction,
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
) -> io::Result<()> {
    let (window, mut arriving) = mpsc::channel::<(Instant, Vec<u8>)>(WINDOW);
    let send = async move {
        let mut piece = [0; PIECE];
        loop {
            let length = from.read(&mut piece).await?;
            if length == 0 {
                return Ok(());
            }
            let at = world.network.borrow_mut().judge_piece(flow, direction, length, Instant::now());
            if window.send((at, piece[..length].to_vec())).await.is_err() {
                return Ok(());
            }
        }
    };
    let receive = async move {
        while let Some((at, piece)) = arriving.recv().await {
            tokio::time::sleep_until(at.into()).await;
            // It was on its way when the dark began.
            loop {
                let dark = world.network.borrow().dark_until(Instant::now());
                let Some(end) = dark else { break };
                tokio::time::sleep_until(end.into()).await;
            }
            to.write_all(&piece).await?;
        }
        to.shutdown().await
    };
    tokio::try_join!(send, receive).map(|((), ())| ())
}

/// At its close the other side sees a reset, not an end.
fn break_off(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
