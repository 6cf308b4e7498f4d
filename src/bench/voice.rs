//! One person's way into a call: an offer, an answer, ICE and DTLS.
//!
//! Everything is handled as it comes, in the person's own task, so that the time of a join is the server's and not
//! that of a queue here. Who is connected takes a [`Seat`]. Start at [`Voice::connect`].

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use sfu_peer::{Identity, Options, Peer};
use tokio::net::UdpSocket;

use super::Error;
use super::inbox::note_arrivals;
use super::seat::Seat;
use super::words::{Part, Wall};

/// Larger than any packet that anybody sends here.
const DATAGRAM_MAX: usize = 2_048;

/// A voice that is not heard yet.
pub struct Voice {
    peer: Peer,
    socket: UdpSocket,
}

impl Voice {
    /// A voice at an address of this machine, and its offer.
    pub async fn new(local: IpAddr, slots: u8, identity: Identity) -> Result<(Self, String), Error> {
        let socket = UdpSocket::bind(SocketAddr::new(local, 0)).await.map_err(Error::Socket)?;
        let address = socket.local_addr().map_err(Error::Socket)?;
        let (peer, offer) = Peer::new(Instant::now(), address, slots.into(), Options::new(identity))?;
        Ok((Self { peer, socket }, offer))
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.peer.local()
    }

    /// The cipher agreed on; none before it is connected.
    pub fn srtp_profile(&self) -> Option<&'static str> {
        self.peer.srtp_profile()
    }

    /// Takes the answer and comes back when sound can travel.
    pub async fn connect(&mut self, answer: &str) -> Result<(), Error> {
        self.peer.accept_answer(Instant::now(), answer)?;
        while !self.peer.is_connected() {
            let Some(wake) = self.peer.deadline() else { return Err(Error::NotConnected) };
            self.flush().await;
            tokio::select! {
                ready = self.socket.readable() => {
                    ready.map_err(Error::Socket)?;
                    self.receive();
                }
                () = tokio::time::sleep_until(wake.into()) => self.peer.handle_timeout(Instant::now()),
            }
        }
        // The last words of the handshake: the server is connected only when it has them.
        self.flush().await;
        Ok(())
    }

    /// From now on it only costs what it must.
    pub fn take_seat(self, part: Part, wall: Wall) -> Result<Seat, Error> {
        let socket = self.socket.into_std().map_err(Error::Socket)?;
        note_arrivals(&socket)?;
        Seat::new(self.peer, socket, part, wall).ok_or(Error::Cipher)
    }

    fn receive(&mut self) {
        let mut buffer = [0; DATAGRAM_MAX];
        while let Ok((len, from)) = self.socket.try_recv_from(&mut buffer) {
            let datagram = buffer.get(..len).unwrap_or_default();
            // Who hears somebody before the handshake is over here has lost no more than a browser would.
            self.peer.handle_datagram(Instant::now(), from, datagram);
            while self.peer.poll_event().is_some() {}
        }
    }

    async fn flush(&mut self) {
        while let Some(transmit) = self.peer.poll_transmit() {
            // What cannot be sent is lost, as on any network.
            let _ = self.socket.send_to(&transmit.contents, transmit.to).await;
        }
    }
}
