//! Ids: one type per noun, so that a user can never be passed for a channel.
//!
//! Ids are UUIDv7 (RFC 9562 section 5.7) made by this server: their order as bytes is the order in which
//! they were made, so that a message id is also the cursor of a page and a read position. They travel as
//! strings, since a JavaScript number holds 53 bits.

use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::{ContextV7, Uuid};

use crate::clock::Timestamp;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[cfg_attr(test, derive(ts_rs::TS))]
        #[serde(transparent)]
        pub struct $name(#[cfg_attr(test, ts(type = "string"))] Uuid);

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// A person known to the server.
    UserId
    /// A sign-in: what a cookie or a token stands for.
    SessionId
    /// One WebSocket, that is one browser tab. Survives a reconnect that resumes.
    ConnectionId
    /// A named place where people write or talk.
    ChannelId
    /// Something somebody wrote.
    MessageId
    /// A heading under which channels stand.
    CategoryId
    /// A named set of people who can be mentioned at once.
    GroupId
}

/// The place of a message in its channel: 1 for the first that was ever posted there, and no gaps, since what is
/// deleted keeps its place. Who has read up to 40 of 42 has two to read, whatever was written before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(transparent)]
pub struct MessageNumber(#[cfg_attr(test, ts(type = "number"))] i64);

impl From<i64> for MessageNumber {
    fn from(number: i64) -> Self {
        Self(number)
    }
}

impl From<MessageNumber> for i64 {
    fn from(number: MessageNumber) -> Self {
        number.0
    }
}

/// Makes ids that only grow, also within one millisecond and when the clock is set back.
#[derive(Default)]
pub struct IdSource {
    // A plain lock: held for a few nanoseconds, never across an await.
    context: Mutex<ContextV7>,
    /// The earliest moment an id may be from.
    from: Option<Timestamp>,
}

impl IdSource {
    /// Goes on above an id that is there already, whatever the clock says now.
    pub fn above(newest: Option<Uuid>) -> Self {
        let made = newest.and_then(|id| id.get_timestamp()).map(|at| at.to_unix());
        let from = made.map(|(seconds, nanos)| {
            let made = Duration::from_secs(seconds) + Duration::from_nanos(nanos.into());
            Timestamp::from_millis(0) + made + Duration::from_millis(1)
        });
        Self { from, ..Self::default() }
    }

    /// The next id at `now`.
    pub fn next<Id: From<Uuid>>(&self, now: Timestamp) -> Id {
        let context = self.context.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (seconds, nanos) = self.from.map_or(now, |from| now.max(from)).seconds_and_nanos();
        Uuid::new_v7(uuid::Timestamp::from_unix(&*context, seconds, nanos)).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_within_a_millisecond_and_over_a_clock_set_back() {
        let ids = IdSource::default();
        let mut last: MessageId = ids.next(Timestamp::from_millis(1_700_000_000_000));
        for step in 0..10_000i64 {
            let now = 1_700_000_000_000 + if step > 5_000 { -3_600_000 } else { step / 100 };
            let next: MessageId = ids.next(Timestamp::from_millis(now));
            assert!(next > last, "step {step}: {next} is not above {last}");
            last = next;
        }
        let after_a_restart = IdSource::above(Some(last.into()));
        let next: MessageId = after_a_restart.next(Timestamp::from_millis(1_600_000_000_000));
        assert!(next > last, "{next} is not above {last}");
    }
}
