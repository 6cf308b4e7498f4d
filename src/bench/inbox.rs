//! Datagrams, many at a time, each with the moment at which the kernel got it.
//!
//! One call takes all that lies in a socket (`recvmmsg`), so that listeners cost little and need not be woken for
//! each packet. Start at [`Inbox::empty`].

use std::io::IoSliceMut;
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;

use nix::cmsg_space;
use nix::sys::socket::sockopt::ReceiveTimestampns;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, setsockopt};
use nix::sys::time::TimeSpec;

use super::Error;
use super::words::{Nanos, nanos};

/// Datagrams taken in one call: what eight voices and the floor bring in the time between two looks.
const BATCH: usize = 16;

/// Calls for one socket before the next one has its turn. A flood to one listener must not starve the others.
const CALLS: usize = 8;

/// Larger than any packet that anybody sends here.
const DATAGRAM_MAX: usize = 2_048;

/// What is known of a datagram.
#[derive(Clone, Copy, Debug)]
pub struct Arrived {
    /// Where it came from.
    pub from: Option<SocketAddr>,
    /// When.
    pub at: Nanos,
}

/// Room for what comes.
pub struct Inbox {
    headers: MultiHeaders<SockaddrStorage>,
    buffer: Vec<u8>,
    arrived: Vec<(usize, Arrived)>,
}

/// Lets the kernel note when something arrives at a socket.
pub fn note_arrivals(socket: &UdpSocket) -> Result<(), Error> {
    setsockopt(socket, ReceiveTimestampns, &true).map_err(|error| Error::Socket(error.into()))
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            headers: MultiHeaders::preallocate(BATCH, Some(cmsg_space!(TimeSpec))),
            buffer: vec![0; BATCH * DATAGRAM_MAX],
            arrived: Vec::with_capacity(BATCH),
        }
    }
}

impl Inbox {
    /// Hands out all that lies in the socket.
    pub fn empty(&mut self, socket: &UdpSocket, mut take: impl FnMut(Arrived, &mut [u8])) {
        for _ in 0..CALLS {
            self.receive(socket);
            for ((len, arrived), space) in self.arrived.iter().zip(self.buffer.chunks_exact_mut(DATAGRAM_MAX))
            {
                if let Some(datagram) = space.get_mut(..*len) {
                    take(*arrived, datagram);
                }
            }
            if self.arrived.len() < BATCH {
                return;
            }
        }
    }

    fn receive(&mut self, socket: &UdpSocket) {
        self.arrived.clear();
        let mut slices: Vec<[IoSliceMut<'_>; 1]> =
            self.buffer.chunks_exact_mut(DATAGRAM_MAX).map(|space| [IoSliceMut::new(space)]).collect();
        // An error here is a packet of ours that somebody refused; the client gives up by itself in time.
        let Ok(messages) =
            recvmmsg(socket.as_raw_fd(), &mut self.headers, slices.iter_mut(), MsgFlags::MSG_DONTWAIT, None)
        else {
            return;
        };
        for message in messages {
            let stamp = message.cmsgs().ok().and_then(|mut notes| notes.find_map(stamp));
            // The kernel stamps everything once it was asked to.
            let at = stamp.unwrap_or(Nanos::MAX);
            self.arrived.push((message.bytes, Arrived { from: message.address.and_then(plain), at }));
        }
    }
}

fn stamp(note: ControlMessageOwned) -> Option<Nanos> {
    if let ControlMessageOwned::ScmTimestampns(time) = note {
        return Some(nanos(time.tv_sec(), time.tv_nsec()));
    }
    None
}

fn plain(address: SockaddrStorage) -> Option<SocketAddr> {
    let four = address.as_sockaddr_in().map(|four| SocketAddrV4::from(*four).into());
    four.or_else(|| address.as_sockaddr_in6().map(|six| SocketAddrV6::from(*six).into()))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::words::Wall;
    use super::*;

    #[test]
    fn all_that_lies_there_comes_with_its_time() {
        let ear = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mouth = UdpSocket::bind("127.0.0.1:0").unwrap();
        note_arrivals(&ear).unwrap();
        let wall = Wall::look().unwrap();
        let mut inbox = Inbox::default();
        // More than one call takes, twice.
        for _ in 0..2 {
            let before = wall.at(Instant::now());
            (0..40_u8)
                .for_each(|n| assert_eq!(mouth.send_to(&[n; 3], ear.local_addr().unwrap()).unwrap(), 3));
            let mut all = Vec::new();
            inbox.empty(&ear, |arrived, datagram| {
                assert_eq!(arrived.from, Some(mouth.local_addr().unwrap()));
                // The kernel begins to stamp a moment after it was asked to; what came before has the time of the
                // look. The two clocks of the wall are read one after the other.
                let slack = 100_000;
                let now = wall.at(Instant::now());
                assert!((before - slack..now + slack).contains(&arrived.at), "{arrived:?}");
                all.push(datagram.to_vec());
            });
            assert_eq!(all, (0..40_u8).map(|n| vec![n; 3]).collect::<Vec<_>>());
        }
    }
}
