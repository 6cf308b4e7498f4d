//! What others see of everybody: many tabs are one user.
//!
//! Pure: told the time, keeps what is to be told. A presence is made of three things: whether a tab is open, whether
//! anybody does something at it, and the status that its user chose.
//!
//! - Somebody whose last tab goes is seen for [`GRACE`] as before, so that a reload or a lost network does not make
//!   everybody's list flicker.
//! - A page says when nobody has touched it for ten minutes, and when somebody does again. Who is idle in every tab is
//!   seen as away. The pages count these minutes, since only they know of keys and pointers.
//! - Who chose to be away or undisturbed is seen so; who chose to be invisible is seen as offline: in the lists, in
//!   what is told of changes (nothing is told of somebody who stays unseen, whatever their tabs do), among those who
//!   write, and by `@here`. In a voice room they are a participant like all others, for whoever talks must be seen.
//!
//! `@here` reaches whoever is seen: online, away and undisturbed. The last find it in their inbox and are not
//! disturbed by it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use super::hub::CONNECTIONS_PER_USER;
use crate::clock::Timestamp;
use crate::id::{ConnectionId, UserId};
use crate::protocol::types::Status;

/// How long a user without a connection still counts as here. A reload takes one or two seconds.
pub const GRACE: Duration = Duration::from_secs(5);

/// Everybody who is here.
#[derive(Debug, Default)]
pub struct Presences {
    /// Nobody is in here without a tab.
    users: HashMap<UserId, Vec<Tab>>,
    /// What users chose, whether they are here or not. Who is not in here is online; bounded by the users there are.
    statuses: HashMap<UserId, Status>,
    /// Tabs that lost their last socket, in this order: as many as close within [`GRACE`]. Some have come back.
    leaving: VecDeque<Left>,
    /// Who is seen otherwise since the news were taken. Bounded by the users there are; they are told as they are
    /// then, however often they came and went.
    untold: HashSet<UserId>,
}

/// A connection, which may have several sockets for a moment: a new one comes before the old one is known to be gone.
#[derive(Debug)]
struct Tab {
    connection: ConnectionId,
    sockets: u32,
    /// When the last socket went; counts while there is none.
    left_at: Timestamp,
    idle: bool,
}

#[derive(Debug)]
struct Left {
    at: Timestamp,
    user: UserId,
    connection: ConnectionId,
}

/// How others see somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    /// At a page.
    Online,
    /// Not at any of their pages just now.
    Away,
    /// Not to be disturbed.
    DoNotDisturb,
    /// Not here, or unseen.
    Offline,
}

/// Everybody who is seen, each in one list.
#[derive(PartialEq, Eq, Debug, Default)]
pub struct Here {
    /// At a page.
    pub online: Vec<UserId>,
    /// Not at any of their pages just now.
    pub away: Vec<UserId>,
    /// Not to be disturbed.
    pub do_not_disturb: Vec<UserId>,
}

/// Who is seen otherwise than before; nobody is in two lists.
#[derive(PartialEq, Eq, Debug, Default)]
pub struct News {
    /// Who is seen now.
    pub here: Here,
    /// Who is not seen any more.
    pub offline: Vec<UserId>,
}

impl Here {
    /// Puts somebody into the list for them; false when there is none.
    fn put(&mut self, user: UserId, presence: Presence) -> bool {
        match presence {
            Presence::Online => self.online.push(user),
            Presence::Away => self.away.push(user),
            Presence::DoNotDisturb => self.do_not_disturb.push(user),
            Presence::Offline => return false,
        }
        true
    }

    /// Sees oneself, whose socket may not be counted yet.
    pub fn with_me(&mut self, me: UserId, status: Status) {
        let lists = [&self.online, &self.away, &self.do_not_disturb];
        if !lists.into_iter().flatten().any(|user| *user == me) {
            self.put(me, presence(status, false));
        }
    }
}

impl Presences {
    /// A socket of this connection of `user` opened.
    pub fn connect(&mut self, user: UserId, connection: ConnectionId) {
        self.change(user, |presences| {
            let tabs = presences.users.entry(user).or_default();
            if let Some(tab) = tabs.iter_mut().find(|tab| tab.connection == connection) {
                tab.sockets += 1;
                return;
            }
            // Of a user who opens and closes pages like mad, those that left first are forgotten first.
            if tabs.len() >= 2 * CONNECTIONS_PER_USER
                && let Some(oldest) = tabs.iter().position(|tab| tab.sockets == 0)
            {
                tabs.remove(oldest);
            }
            tabs.push(Tab { connection, sockets: 1, left_at: Timestamp::from_millis(0), idle: false });
        });
    }

    /// A socket of this connection of `user` closed. Each `connect` has exactly one of these.
    pub fn disconnect(&mut self, user: UserId, connection: ConnectionId, now: Timestamp) {
        let Some(tab) = self.tab(user, connection) else { return };
        tab.sockets = tab.sockets.saturating_sub(1);
        if tab.sockets == 0 {
            tab.left_at = now;
            self.leaving.push_back(Left { at: now, user, connection });
        }
    }

    /// Whether nobody does anything at this connection.
    pub fn set_idle(&mut self, user: UserId, connection: ConnectionId, idle: bool) {
        self.change(user, |presences| {
            if let Some(tab) = presences.tab(user, connection) {
                tab.idle = idle;
            }
        });
    }

    /// What `user` chose; they need not be here.
    pub fn set_status(&mut self, user: UserId, status: Status) {
        self.change(user, |presences| {
            match status {
                Status::Online => presences.statuses.remove(&user),
                Status::Away | Status::DoNotDisturb | Status::Invisible => {
                    presences.statuses.insert(user, status)
                }
            };
        });
    }

    /// Those whose grace is over by `now`: none of their tabs is left.
    pub fn expire(&mut self, now: Timestamp) -> Vec<UserId> {
        let mut gone = Vec::new();
        while let Some(Left { at, user, connection }) =
            self.leaving.pop_front_if(|left| now.since(left.at) >= GRACE)
        {
            self.change(user, |presences| {
                let Some(tabs) = presences.users.get_mut(&user) else { return };
                // It may have come back meanwhile, and gone again.
                tabs.retain(|tab| tab.connection != connection || tab.sockets > 0 || tab.left_at != at);
                if tabs.is_empty() {
                    presences.users.remove(&user);
                    gone.push(user);
                }
            });
        }
        gone
    }

    /// Everybody who is seen.
    pub fn here(&self) -> Here {
        let mut here = Here::default();
        for user in self.users.keys() {
            here.put(*user, self.presence(*user));
        }
        here
    }

    /// Whom `@here` reaches.
    pub fn reached(&self) -> Vec<UserId> {
        self.users.keys().copied().filter(|user| self.presence(*user) != Presence::Offline).collect()
    }

    /// How others see somebody.
    pub fn presence(&self, user: UserId) -> Presence {
        match self.users.get(&user) {
            Some(tabs) => presence(self.status(user), tabs.iter().all(|tab| tab.idle)),
            None => Presence::Offline,
        }
    }

    /// What somebody chose.
    pub fn status(&self, user: UserId) -> Status {
        self.statuses.get(&user).copied().unwrap_or(Status::Online)
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
        let mut news = News::default();
        for user in std::mem::take(&mut self.untold) {
            if !news.here.put(user, self.presence(user)) {
                news.offline.push(user);
            }
        }
        Some(news)
    }

    fn tab(&mut self, user: UserId, connection: ConnectionId) -> Option<&mut Tab> {
        self.users.get_mut(&user)?.iter_mut().find(|tab| tab.connection == connection)
    }

    /// Only what others see is news: of somebody unseen nothing is told, not even that they are still unseen.
    fn change(&mut self, user: UserId, change: impl FnOnce(&mut Self)) {
        let before = self.presence(user);
        change(self);
        if self.presence(user) != before {
            self.untold.insert(user);
        }
    }
}

/// How others see somebody who has a tab.
fn presence(status: Status, idle: bool) -> Presence {
    match status {
        Status::Online if idle => Presence::Away,
        Status::Online => Presence::Online,
        Status::Away => Presence::Away,
        Status::DoNotDisturb => Presence::DoNotDisturb,
        Status::Invisible => Presence::Offline,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::IdSource;

    const START: Timestamp = Timestamp::from_millis(1_000_000);

    /// Presences, somebody, and two tabs of theirs.
    fn house() -> (Presences, UserId, [ConnectionId; 2]) {
        let ids = IdSource::default();
        (Presences::default(), ids.next(START), [ids.next(START), ids.next(START)])
    }

    fn told(presences: &mut Presences, user: UserId) -> Option<Presence> {
        let News { here, offline } = presences.take_news()?;
        let lists = [
            (here.online, Presence::Online),
            (here.away, Presence::Away),
            (here.do_not_disturb, Presence::DoNotDisturb),
            (offline, Presence::Offline),
        ];
        let mut found = lists.iter().filter(|(list, _)| list.contains(&user)).map(|(_, presence)| *presence);
        let first = found.next();
        assert_eq!(found.next(), None, "told twice");
        first
    }

    #[test]
    fn two_tabs_are_one_user() {
        let (mut presences, ana, [first, second]) = house();
        presences.connect(ana, first);
        assert_eq!(told(&mut presences, ana), Some(Presence::Online));
        presences.connect(ana, second);
        presences.disconnect(ana, first, START);
        assert!(presences.expire(START + GRACE * 2).is_empty());
        assert_eq!(presences.take_news(), None);
        presences.disconnect(ana, second, START);
        assert!(presences.expire(START + GRACE / 2).is_empty());
        assert_eq!(presences.expire(START + GRACE), [ana]);
        assert!(presences.here() == Here::default());
        assert_eq!(told(&mut presences, ana), Some(Presence::Offline));
        assert_eq!(presences.take_news(), None);
        assert!(presences.users.is_empty() && presences.leaving.is_empty());
    }

    #[test]
    fn a_reload_is_not_seen_by_anybody() {
        let (mut presences, ana, [before, after]) = house();
        presences.connect(ana, before);
        presences.take_news();
        presences.disconnect(ana, before, START);
        assert!(presences.expire(START + GRACE / 2).is_empty());
        presences.connect(ana, after);
        assert!(presences.expire(START + GRACE * 10).is_empty());
        assert!(!presences.has_news());
        assert_eq!(presences.here().online, [ana]);
    }

    #[test]
    fn a_connection_with_a_new_socket_is_there_also_while_the_old_one_is() {
        let (mut presences, ana, [tab, _]) = house();
        presences.connect(ana, tab);
        presences.connect(ana, tab);
        presences.disconnect(ana, tab, START);
        assert!(presences.expire(START + GRACE * 2).is_empty());
        // It goes, comes and goes: the first going is not what ends it.
        presences.disconnect(ana, tab, START + GRACE);
        presences.connect(ana, tab);
        presences.disconnect(ana, tab, START + GRACE * 3 / 2);
        assert!(presences.expire(START + GRACE * 2).is_empty());
        assert_eq!(presences.expire(START + GRACE * 5 / 2), [ana]);
    }

    #[test]
    fn who_came_and_went_meanwhile_is_told_once_as_they_are() {
        let (mut presences, ana, [hers, his]) = house();
        let ben = IdSource::default().next(START);
        presences.connect(ben, his);
        presences.take_news();
        for step in 0..3 {
            presences.connect(ana, hers);
            presences.disconnect(ana, hers, START + GRACE * step);
            presences.disconnect(ben, his, START + GRACE * step);
            presences.expire(START + GRACE * (step + 1));
            presences.connect(ben, his);
        }
        // Somebody's snapshot may have been taken while ben was away, so that it must be said.
        let News { here, offline } = presences.take_news().unwrap();
        assert_eq!((here.online, offline), (vec![ben], vec![ana]));
    }

    #[test]
    fn who_is_idle_in_every_tab_is_away_until_one_is_touched() {
        let (mut presences, ana, [first, second]) = house();
        presences.connect(ana, first);
        presences.connect(ana, second);
        presences.take_news();
        presences.set_idle(ana, first, true);
        assert_eq!(presences.take_news(), None);
        presences.set_idle(ana, second, true);
        assert_eq!(told(&mut presences, ana), Some(Presence::Away));
        assert_eq!(presences.reached(), [ana]);
        presences.set_idle(ana, first, false);
        assert_eq!(told(&mut presences, ana), Some(Presence::Online));
        // What another tab said ends with that tab.
        presences.set_idle(ana, first, true);
        presences.disconnect(ana, second, START);
        presences.expire(START + GRACE);
        assert_eq!(told(&mut presences, ana), Some(Presence::Away));
        // A lost network in the night is not seen either.
        presences.disconnect(ana, first, START + GRACE);
        presences.expire(START + GRACE * 3 / 2);
        presences.connect(ana, first);
        presences.expire(START + GRACE * 3);
        assert_eq!(presences.take_news(), None);
        // What nobody has open is nobody's idleness.
        presences.set_idle(ana, second, false);
        assert_eq!(presences.presence(ana), Presence::Away);
    }

    #[test]
    fn a_status_goes_before_idleness_and_holds_for_whoever_comes_back() {
        let (mut presences, ana, [tab, _]) = house();
        presences.set_status(ana, Status::DoNotDisturb);
        assert_eq!(presences.take_news(), None, "nobody is told of somebody who is not here");
        presences.connect(ana, tab);
        assert_eq!(told(&mut presences, ana), Some(Presence::DoNotDisturb));
        presences.set_idle(ana, tab, true);
        assert_eq!(presences.take_news(), None);
        presences.set_status(ana, Status::Away);
        assert_eq!(told(&mut presences, ana), Some(Presence::Away));
        presences.set_status(ana, Status::Online);
        assert_eq!(presences.take_news(), None, "idle, and therefore still away");
        presences.set_idle(ana, tab, false);
        assert_eq!(told(&mut presences, ana), Some(Presence::Online));
        assert!(presences.statuses.is_empty());
    }

    #[test]
    fn of_somebody_invisible_nothing_is_told_whatever_they_do() {
        let (mut presences, ana, [first, second]) = house();
        presences.connect(ana, first);
        presences.take_news();
        presences.set_status(ana, Status::Invisible);
        assert_eq!(told(&mut presences, ana), Some(Presence::Offline));
        presences.connect(ana, second);
        presences.set_idle(ana, first, true);
        presences.set_idle(ana, second, true);
        presences.set_idle(ana, first, false);
        presences.disconnect(ana, first, START);
        presences.disconnect(ana, second, START);
        assert_eq!(presences.expire(START + GRACE), [ana]);
        presences.connect(ana, first);
        assert_eq!(presences.take_news(), None);
        assert!(presences.here() == Here::default());
        assert!(presences.reached().is_empty());
        presences.set_status(ana, Status::Online);
        assert_eq!(told(&mut presences, ana), Some(Presence::Online));
    }

    #[test]
    fn a_flood_of_pages_keeps_a_bounded_number_of_them() {
        let (mut presences, ana, _) = house();
        let ids = IdSource::default();
        for _ in 0..1_000 {
            let tab = ids.next(START);
            presences.connect(ana, tab);
            presences.disconnect(ana, tab, START);
        }
        assert_eq!(presences.users[&ana].len(), 2 * CONNECTIONS_PER_USER);
        assert_eq!(presences.expire(START + GRACE), [ana]);
    }
}
