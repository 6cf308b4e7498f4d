//! Who is writing, with expiry. Pure: told the time, answers what changed.

use std::collections::HashMap;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::id::{ChannelId, UserId};

/// How long somebody counts as writing after they last said so. Clients repeat it every 2 s.
pub const LASTS: Duration = Duration::from_secs(5);

/// Everybody who is writing. Bounded by users times channels, and entries last five seconds.
#[derive(Debug, Default)]
pub struct Typing {
    since: HashMap<(ChannelId, UserId), Timestamp>,
}

/// Somebody who began or stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    /// Where.
    pub channel: ChannelId,
    /// Who.
    pub user: UserId,
    /// Whether they write now.
    pub active: bool,
}

impl Typing {
    /// `user` says whether they write. Repeating it is not a change.
    pub fn set(&mut self, channel: ChannelId, user: UserId, active: bool, now: Timestamp) -> Option<Change> {
        let before = match active {
            true => self.since.insert((channel, user), now).is_some(),
            false => self.since.remove(&(channel, user)).is_some(),
        };
        (before != active).then_some(Change { channel, user, active })
    }

    /// `user` is gone from everywhere.
    pub fn forget(&mut self, user: UserId) -> Vec<Change> {
        self.stop(|(_, other), _| *other == user)
    }

    /// Those who said nothing for [`LASTS`].
    pub fn expire(&mut self, now: Timestamp) -> Vec<Change> {
        self.stop(|_, since| now.since(since) >= LASTS)
    }

    fn stop(&mut self, over: impl Fn(&(ChannelId, UserId), Timestamp) -> bool) -> Vec<Change> {
        let mut changes = Vec::new();
        self.since.retain(|key, since| {
            let stop = over(key, *since);
            if stop {
                changes.push(Change { channel: key.0, user: key.1, active: false });
            }
            !stop
        });
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::IdSource;

    #[test]
    fn typing_starts_once_and_ends_by_itself() {
        let ids = IdSource::default();
        let now = Timestamp::from_millis(1_000_000);
        let (channel, ana): (ChannelId, UserId) = (ids.next(now), ids.next(now));
        let mut typing = Typing::default();
        assert_eq!(typing.set(channel, ana, true, now), Some(Change { channel, user: ana, active: true }));
        assert_eq!(typing.set(channel, ana, true, now + LASTS / 2), None);
        assert!(typing.expire(now + LASTS).is_empty());
        assert_eq!(typing.expire(now + LASTS * 2), [Change { channel, user: ana, active: false }]);
        assert_eq!(typing.set(channel, ana, false, now + LASTS * 2), None);
    }
}
