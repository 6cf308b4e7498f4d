//! Datagrams that the system threw away because nobody read them in time, as the system counts them.
//!
//! Read when somebody asks for figures, by whoever asks, and never by a thread that forwards. Start at [`by_port`].

use std::collections::HashMap;

/// The system's list of UDP sockets, for IPv4 and IPv6. Elsewhere than on Linux there is none.
const LISTS: [&str; 2] = ["/proc/self/net/udp", "/proc/self/net/udp6"];

/// How many, by port. Sockets of the same port are added up: ours on several addresses are one worker's.
pub(crate) fn by_port() -> HashMap<u16, u64> {
    let mut dropped = HashMap::new();
    for list in LISTS {
        add(&mut dropped, &std::fs::read_to_string(list).unwrap_or_default());
    }
    dropped
}

/// One line for each socket: the second word is our address and port in hexadecimal, the last the count.
fn add(dropped: &mut HashMap<u16, u64>, list: &str) {
    for line in list.lines().skip(1) {
        let port = line.split_whitespace().nth(1).and_then(|address| address.rsplit_once(':'));
        let port = port.and_then(|(_, port)| u16::from_str_radix(port, 16).ok());
        let count = line.split_whitespace().last().and_then(|count| count.parse::<u64>().ok());
        if let (Some(port), Some(count)) = (port, count) {
            *dropped.entry(port).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn sockets_of_one_port_are_added_up() {
        let list = "  sl  local_address rem_address   st tx_queue rx_queue ... ref pointer drops\n \
            301: 0100007F:1F91 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 7 2 0000000000000000 40\n \
            302: 0200000A:1F91 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 8 2 0000000000000000 2\n \
            303: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 9 2 0000000000000000 5\n";
        let mut dropped = HashMap::new();
        add(&mut dropped, list);
        assert_eq!(dropped, HashMap::from([(0x1f91, 42), (0x44, 5)]));
        add(&mut dropped, "nonsense\n\nof: several lines\n");
        assert_eq!(dropped.len(), 2);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_nobody_reads_is_counted() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket2::SockRef::from(&socket).set_recv_buffer_size(1).unwrap();
        let address = socket.local_addr().unwrap();
        let mouth = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..100 {
            mouth.send_to(&[0; 1_000], address).unwrap();
        }
        let count = by_port().get(&address.port()).copied();
        assert!(count.is_some_and(|count| (50..100).contains(&count)), "{count:?}");
    }
}
