//! Who is online, from live connections: many tabs are one user.
//!
//! Pure: told the time, keeps what is to be told. Somebody whose last connection goes stays online for
//! [`GRACE`], so that a reload or a lost network does not make everybody's list flicker.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::id::UserId;

/// How long a user without a connection still counts as online. A reload takes one or two seconds.
pub const GRACE: Duration = Duration::from_secs(5);

/// Everybody who is online.
#[derive(Debug, Default)]
pub struct Presences {
    users: HashMap<UserId, State>,
    /// Who came or went since the news were taken. Bounded by the users there are; they are told as they are then,
    /// however often they came and went.
    untold: HashSet<UserId>,
}

#[derive(Debug)]
enum State {
    Connected { connections: u32 },
    Leaving { since: Timestamp },
}

/// Who came and who went; nobody is in both.
#[derive(PartialEq, Eq, Debug, Default)]
pub struct News {
    /// Online now.
    pub online: Vec<UserId>,
    /// Not any more.
    pub offline: Vec<UserId>,
}

impl Presences {
    /// A connection of `user` opened or came back.
    pub fn connect(&mut self, user: UserId) {
        match self.users.get_mut(&user) {
            Some(State::Connected { connections }) => *connections += 1,
            Some(leaving @ State::Leaving { .. }) => *leaving = State::Connected { connections: 1 },
            None => {
                self.users.insert(user, State::Connected { connections: 1 });
                self.untold.insert(user);
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

    /// Those whose grace is over by `now`: they are offline.
    pub fn expire(&mut self, now: Timestamp) -> Vec<UserId> {
        let gone: Vec<UserId> = self
            .users
            .iter()
            .filter(|(_, state)| matches!(state, State::Leaving { since } if now.since(*since) >= GRACE))
            .map(|(user, _)| *user)
            .collect();
        for user in &gone {
            self.users.remove(user);
            self.untold.insert(*user);
        }
        gone
    }

    /// Everybody who is online.
    pub fn online(&self) -> Vec<UserId> {
        self.users.keys().copied().collect()
    }

    /// Whether there is anything to tell.
    pub fn has_news(&self) -> bool {
        !self.untold.is_empty()
    }

    /// What is to be told, as it is now; none when nothing changed.
    pub fn take_news(&mut self) -> Option<News> {
        if self.untold.is_empty() {
            return None;
        }
        let untold = std::mem::take(&mut self.untold);
        let (online, offline) = untold.into_iter().partition(|user| self.users.contains_key(user));
        Some(News { online, offline })
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
        presences.connect(ana);
        assert_eq!(presences.take_news(), Some(News { online: vec![ana], offline: Vec::new() }));
        presences.connect(ana);
        presences.disconnect(ana, START);
        assert!(presences.expire(START + GRACE * 2).is_empty());
        assert_eq!(presences.take_news(), None);
        presences.disconnect(ana, START);
        assert_eq!(presences.expire(START + GRACE), [ana]);
        assert!(presences.online().is_empty());
        assert_eq!(presences.take_news(), Some(News { online: Vec::new(), offline: vec![ana] }));
        assert_eq!(presences.take_news(), None);
    }

    #[test]
    fn a_reload_is_not_seen_by_anybody() {
        let (mut presences, ana) = (Presences::default(), user());
        presences.connect(ana);
        presences.take_news();
        presences.disconnect(ana, START);
        assert!(presences.expire(START + GRACE / 2).is_empty());
        presences.connect(ana);
        assert!(presences.expire(START + GRACE * 10).is_empty());
        assert!(!presences.has_news());
        assert_eq!(presences.online(), [ana]);
    }

    #[test]
    fn who_came_and_went_meanwhile_is_told_once_as_they_are() {
        let (mut presences, ana, ben) = (Presences::default(), user(), user());
        presences.connect(ben);
        presences.take_news();
        for step in 0..3 {
            presences.connect(ana);
            presences.disconnect(ana, START + GRACE * step);
            presences.disconnect(ben, START + GRACE * step);
            presences.expire(START + GRACE * (step + 1));
            presences.connect(ben);
        }
        // Somebody's snapshot may have been taken while ben was away, so that it must be said.
        assert_eq!(presences.take_news(), Some(News { online: vec![ben], offline: vec![ana] }));
    }
}
