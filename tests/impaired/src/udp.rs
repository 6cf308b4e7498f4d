//! UDP: every client has a socket of its own towards the server, as behind a NAT.
//!
//! What a socket does not take is dropped, as a network would. Must not know what becomes of a datagram: the network
//! says it. Start at [`serve`].

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::time::Instant;

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use crate::World;
use crate::network::{Direction, Flow, Verdict};

/// Sockets of clients. A browser has a few for each call; from those beyond nothing is taken, and it is counted.
const MOST: usize = 1024;

/// No datagram of voice is longer.
const DATAGRAM: usize = 2048;

/// The mappings of the NAT.
#[derive(Default)]
pub(crate) struct Links {
    all: RefCell<HashMap<(SocketAddr, SocketAddr), Rc<Link>>>,
    pub(crate) turned_away: Cell<u64>,
}

/// One mapping.
pub(crate) struct Link {
    flow: Flow,
    front: Rc<UdpSocket>,
    client: SocketAddr,
    upstream: SocketAddr,
    back: RefCell<Rc<UdpSocket>>,
    listens: RefCell<Option<JoinHandle<()>>>,
}

impl Link {
    pub(crate) fn send(&self, direction: Direction, datagram: &[u8]) {
        // A full socket, or nobody behind it any more: that is a lost datagram.
        let _ = match direction {
            Direction::Up => self.back.borrow().try_send_to(datagram, self.upstream),
            Direction::Down => self.front.try_send_to(datagram, self.client),
        };
    }

    /// A new port towards the server; nothing that is sent to the old one arrives.
    async fn map_anew(self: Rc<Self>, world: Rc<World>) -> std::io::Result<()> {
        let back = socket_towards(self.upstream).await?;
        *self.back.borrow_mut() = back.clone();
        let listens = tokio::task::spawn_local(listen(world, Rc::downgrade(&self), back));
        if let Some(before) = self.listens.borrow_mut().replace(listens) {
            before.abort();
        }
        Ok(())
    }
}

/// Takes what clients send to this socket, without end.
pub(crate) async fn serve(world: Rc<World>, front: Rc<UdpSocket>, upstream: SocketAddr) {
    let mut datagram = [0; DATAGRAM];
    loop {
        // An error belongs to an earlier datagram, whose client is gone.
        let Ok((length, client)) = front.recv_from(&mut datagram).await else { continue };
        if let Some(link) = link(&world, &front, client, upstream).await {
            judge(&world, &link, Direction::Up, &datagram[..length]);
        }
    }
}

/// The NAT forgets its mappings: each client comes from another port from now on. Answers how many.
pub(crate) async fn rebind(world: &Rc<World>) -> std::io::Result<usize> {
    let links: Vec<Rc<Link>> = world.links.all.borrow().values().cloned().collect();
    for link in &links {
        link.clone().map_anew(world.clone()).await?;
    }
    Ok(links.len())
}

async fn link(
    world: &Rc<World>,
    front: &Rc<UdpSocket>,
    client: SocketAddr,
    upstream: SocketAddr,
) -> Option<Rc<Link>> {
    let key = (upstream, client);
    let known = world.links.all.borrow().get(&key).cloned();
    if known.is_some() {
        return known;
    }
    let full = world.links.all.borrow().len() >= MOST;
    let back = if full { None } else { socket_towards(upstream).await.ok() };
    let Some(back) = back else {
        world.links.turned_away.set(world.links.turned_away.get() + 1);
        return None;
    };
    let flow = world.network.borrow_mut().open();
    let link = Rc::new(Link {
        flow,
        front: front.clone(),
        client,
        upstream,
        back: RefCell::new(back.clone()),
        listens: RefCell::default(),
    });
    let listens = tokio::task::spawn_local(listen(world.clone(), Rc::downgrade(&link), back));
    *link.listens.borrow_mut() = Some(listens);
    world.links.all.borrow_mut().insert(key, link.clone());
    Some(link)
}

/// Takes what the server sends to this client.
async fn listen(world: Rc<World>, link: std::rc::Weak<Link>, back: Rc<UdpSocket>) {
    let mut datagram = [0; DATAGRAM];
    loop {
        let received = back.recv_from(&mut datagram).await;
        let Some(link) = link.upgrade() else { return };
        // An error says that the server was not there for an earlier datagram. It may come back.
        if let Ok((length, from)) = received
            && from == link.upstream
        {
            judge(&world, &link, Direction::Down, &datagram[..length]);
        }
    }
}

fn judge(world: &World, link: &Rc<Link>, direction: Direction, datagram: &[u8]) {
    let now = Instant::now();
    match world.network.borrow_mut().judge(link.flow, direction, datagram, now) {
        Verdict::Arrives(at) if at <= now => link.send(direction, datagram),
        Verdict::Arrives(at) => world.waiting.push(at, link, direction, datagram),
        Verdict::Gone => {}
    }
}

async fn socket_towards(server: SocketAddr) -> std::io::Result<Rc<UdpSocket>> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    // What a new socket may do tokio learns from the system a moment later, and until then tries nothing.
    socket.writable().await?;
    Ok(Rc::new(socket))
}
