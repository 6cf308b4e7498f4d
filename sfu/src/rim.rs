//! The rim of a worker: each address it is bound to, with its sockets and the names others know it by.
//!
//! Binding is all or nothing: one port number on every address, for UDP and TCP. Knows no participants. Start at
//! [`bind_all`].

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::Once;

use mio::net::TcpListener;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};

use crate::config::{Address, Config};
use crate::udp::{Granted, UdpSocket};

/// Attempts to find a port that is free on all addresses when the system may choose it.
const PORT_ATTEMPTS: usize = 32;

/// Waiting connections the system keeps for us.
const LISTEN_BACKLOG: i32 = 128;

/// One address a worker is bound to.
#[derive(Debug)]
pub(crate) struct Rim {
    pub(crate) udp: Option<UdpSocket>,
    pub(crate) tcp: Option<TcpListener>,
    /// The addresses under which others reach it.
    pub(crate) advertised: Vec<SocketAddr>,
    pub(crate) udp_readable: bool,
    pub(crate) tcp_readable: bool,
}

impl Rim {
    pub(crate) fn register(&mut self, registry: &Registry, udp: Token, tcp: Token) -> io::Result<()> {
        if let Some(socket) = &mut self.udp {
            socket.register(registry, udp)?;
        }
        if let Some(listener) = &mut self.tcp {
            registry.register(listener, tcp, Interest::READABLE)?;
        }
        Ok(())
    }
}

/// Binds every address for worker `number`, on the same port number; one that is free on all of them where the system
/// may choose.
pub(crate) fn bind_all(config: &Config, number: usize) -> io::Result<(Vec<Rim>, u16)> {
    let port = config.port_of(number);
    let mut attempts = if port == 0 { PORT_ATTEMPTS } else { 1 };
    loop {
        attempts -= 1;
        match try_bind_all(config, number, port) {
            Err(error) if attempts > 0 && error.kind() == ErrorKind::AddrInUse => {}
            result => return result,
        }
    }
}

fn try_bind_all(config: &Config, number: usize, wanted: u16) -> io::Result<(Vec<Rim>, u16)> {
    let mut port = wanted;
    let mut rims: Vec<(IpAddr, Rim)> = Vec::new();
    for address in &config.addresses {
        let Address { bind, .. } = address;
        // Behind address translation one local address may have several names.
        if let Some((_, rim)) = rims.iter_mut().find(|(bound, _)| bound == bind) {
            rim.advertised.push(address.advertised(number, port));
            continue;
        }
        let mut udp = None;
        if config.udp {
            let socket = UdpSocket::bind((*bind, port).into(), config.gso)?;
            port = socket.local()?.port();
            if let Some(granted) = socket.stinted() {
                advise(granted);
            }
            udp = Some(socket);
        }
        let mut tcp = None;
        if config.tcp {
            let listener = bind_tcp((*bind, port).into())?;
            port = listener.local_addr()?.port();
            tcp = Some(listener);
        }
        let advertised = vec![address.advertised(number, port)];
        rims.push((*bind, Rim { udp, tcp, advertised, udp_readable: true, tcp_readable: true }));
    }
    Ok((rims.into_iter().map(|(_, rim)| rim).collect(), port))
}

/// Tells the operator, once, how busy moments would lose less.
fn advise(Granted { receive, send }: Granted) {
    static ADVISED: Once = Once::new();
    ADVISED.call_once(|| {
        tracing::warn!(
            receive,
            send,
            "the system gives voice small socket buffers, which lose packets in busy moments; \
             more: sysctl -w net.core.rmem_max=4194304 net.core.wmem_max=4194304"
        );
    });
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // Otherwise `::` would also take the IPv4 port, which may be bound on its own.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    // A restarted server must not wait until the connections of the former one have timed out.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(LISTEN_BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}
