//! Datagrams on their way: each is sent on when its time has come, in the order of their times.
//!
//! Must not know why they wait.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;
use std::time::Instant;

use tokio::sync::Notify;

use crate::network::Direction;
use crate::udp::Link;

/// More than a minute of ten voices. Whatever comes then is dropped, and counted.
const MOST: usize = 32_768;

/// What waits.
#[derive(Default)]
pub(crate) struct Waiting {
    heap: RefCell<BinaryHeap<Reverse<Due>>>,
    sooner: Notify,
    number: Cell<u64>,
    pub(crate) dropped: Cell<u64>,
    /// The worst delay that was ours: a machine too busy for its task.
    pub(crate) latest_ms: Cell<u64>,
}

struct Due {
    at: Instant,
    /// Of two of the same time the first that came.
    number: u64,
    link: Rc<Link>,
    direction: Direction,
    datagram: Vec<u8>,
}

impl Waiting {
    pub(crate) fn push(&self, at: Instant, link: &Rc<Link>, direction: Direction, datagram: &[u8]) {
        let mut heap = self.heap.borrow_mut();
        if heap.len() >= MOST {
            self.dropped.set(self.dropped.get() + 1);
            return;
        }
        let number = self.number.get();
        self.number.set(number + 1);
        heap.push(Reverse(Due { at, number, link: link.clone(), direction, datagram: datagram.to_vec() }));
        self.sooner.notify_one();
    }

    /// Never ends.
    pub(crate) async fn deliver(&self) {
        loop {
            let next = self.heap.borrow().peek().map(|Reverse(due)| due.at);
            match next {
                None => self.sooner.notified().await,
                Some(at) if at <= Instant::now() => {
                    let due = self.heap.borrow_mut().pop();
                    if let Some(Reverse(due)) = due {
                        let late = u64::try_from((Instant::now() - due.at).as_millis()).unwrap_or(u64::MAX);
                        self.latest_ms.set(self.latest_ms.get().max(late));
                        due.link.send(due.direction, &due.datagram);
                    }
                }
                Some(at) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(at.into()) => {}
                        () = self.sooner.notified() => {}
                    }
                }
            }
        }
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Due {}
