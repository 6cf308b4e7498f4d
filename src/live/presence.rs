//! Who is online, from live connections: many tabs are one user.
//!
//! Pure: told the time, answers what changed. Somebody whose last connection goes stays online for
//! [`GRACE`], so that a reload or a lost network does not make everybody's list flicker.

use std::collections::HashMap;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::id::UserId;
use crate::protocol::types::Presence;

/// How long a user without a connection still counts as online. A reload takes one or two seconds.
pub const GRACE: Duration = Duration::from_secs(5);

/// Everybody who is online.
#[derive(Debug, Default)]
pub struct Presences {
    users: HashMap<UserId, State>,
}

#[derive(Debug)]
enum State {
    Connected { connections: u32 },
    Leaving { since: Timestamp },
}

/// A user who came or went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    /// Who.
    pub user: UserId,
    /// What they are now.
    pub presence: Presence,
}

impl Presences {
    /// A connection of `user` opened or came back.
    pub fn connect(&mut self, user: UserId) -> Option<Change> {
        match self.users.get_mut(&user) {
            Some(State::Connected { connections }) => {
                *connections += 1;
                None
            }
            Some(leaving @ State::Leaving { .. }) => {
                *leaving = State::Connected { connections: 1 };
                None
            }
            None => {
                self.users.insert(user, State::Connected { connections: 1 });
                Some(Change { user, presence: Presence::Online })
            }
        }
    }

    /// A connection of `user` closed or lost its socket. Each `connect` has exactly one of these.
    pub fn disconnect(&mut self, user: UserId, now: Timestamp) {
        if let Some(state @ State::Connected { .. }) = self.users.get_mut(&user)
            && let State::Connected { connections } = state
        {
            *connections = connections.saturating_sub(1);
            if *connections == 0 {
                *state = State::Leaving { since: now };
            }
        }
    }

    /// Those whose grace is over by `now`.
    pub fn expire(&mut self, now: Timestamp) -> Vec<Change> {
        let gone: Vec<UserId> = self
            .users
            .iter()
            .filter(|(_, state)| matches!(state, State::Leaving { since } if now.since(*since) >= GRACE))
            .map(|(user, _)| *user)
            .collect();
        gone.into_iter()
            .map(|user| {
                self.users.remove(&user);
                Change { user, presence: Presence::Offline }
            })
            .collect()
    }

    /// Everybody who is online.
    pub fn online(&self) -> Vec<UserId> {
        self.users.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::IdSource;

    const START: Timestamp = Timestamp::from_millis(1_000_000);

    fn user() -> UserId {
        IdSource::default().next(START)
    }

    #[test]
    fn two_tabs_are_one_user() {
        let (mut presences, ana) = (Presences::default(), user());
        assert_eq!(presences.connect(ana), Some(Change { user: ana, presence: Presence::Online }));
        assert_eq!(presences.connect(ana), None);
        presences.disconnect(ana, START);
        assert!(presences.expire(START + GRACE * 2).is_empty());
        presences.disconnect(ana, START);
        assert_eq!(presences.expire(START + GRACE), [Change { user: ana, presence: Presence::Offline }]);
        assert!(presences.online().is_empty());
    }

    #[test]
    fn a_reload_is_not_seen_by_anybody() {
        let (mut presences, ana) = (Presences::default(), user());
        presences.connect(ana);
        presences.disconnect(ana, START);
        assert!(presences.expire(START + GRACE / 2).is_empty());
        assert_eq!(presences.connect(ana), None);
        assert!(presences.expire(START + GRACE * 10).is_empty());
        assert_eq!(presences.online(), [ana]);
    }
}
