//! The roster: everybody by name, in memory, so that signing in costs no look at everybody's row.
//!
//! The database is the truth. The roster is read from it once at the start, and [`Roster::put`] follows every
//! commit that changes a user, before anybody is told of it. It must never know who is online.

use std::sync::{Mutex, MutexGuard};

use crate::protocol::types::{User, Users};

/// Users a snapshot names. A server for 1,000 people at once has perhaps ten times as many accounts; beyond
/// that the member list has to be asked for in pages. Of more, the first by name are named.
pub const SNAPSHOT_MAX: usize = 10_000;

/// Everybody, by name.
pub struct Roster {
    // A plain lock, held to copy a pointer, or the list when somebody is new; never across an await.
    users: Mutex<Users>,
}

impl Roster {
    /// With these in it, who are stored.
    pub fn new(mut users: Vec<User>) -> Self {
        users.sort_by_cached_key(folded);
        users.truncate(SNAPSHOT_MAX);
        Self { users: Mutex::new(users.into()) }
    }

    /// Everybody as of now; the list is shared.
    pub fn users(&self) -> Users {
        self.lock().clone()
    }

    /// Somebody is new, or not as before, and that is stored.
    pub fn put(&self, user: User) {
        let mut users = self.lock();
        let mut changed = users.to_vec();
        // A deleted user stands under another name.
        changed.retain(|known| known.id != user.id || folded(known) == folded(&user));
        match changed.binary_search_by_key(&folded(&user), folded) {
            Ok(there) => changed[there] = user,
            Err(place) => changed.insert(place, user),
        }
        changed.truncate(SNAPSHOT_MAX);
        *users = changed.into();
    }

    fn lock(&self) -> MutexGuard<'_, Users> {
        // The list is replaced as a whole, so what a panic leaves is whole.
        self.users.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The name as the database orders by it; no two are the same.
fn folded(user: &User) -> String {
    user.username.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::id::IdSource;
    use crate::protocol::types::{Role, UserState};

    fn user(name: &str) -> User {
        let id = IdSource::default().next(Timestamp::from_millis(1_000_000));
        User {
            id,
            username: name.to_owned(),
            role: Role::Member,
            display_name: None,
            avatar: None,
            state: UserState::Active,
        }
    }

    fn names(roster: &Roster) -> Vec<String> {
        roster.users().iter().map(|user| user.username.clone()).collect()
    }

    #[test]
    fn everybody_stands_by_name_whatever_the_case_and_whenever_they_came() {
        let roster = Roster::new(vec![user("ben"), user("Dora")]);
        for name in ["carl", "Ana", "eve", "b_2", "B-2"] {
            roster.put(user(name));
        }
        // As the database compares: byte by byte, where a hyphen and an underscore go before small letters.
        assert_eq!(names(&roster), ["Ana", "B-2", "b_2", "ben", "carl", "Dora", "eve"]);
    }

    #[test]
    fn who_changes_is_there_once_and_an_older_copy_stays_as_it_was() {
        let roster = Roster::new(vec![user("ana"), user("ben")]);
        let before = roster.users();
        let admin = User { role: Role::Admin, ..before[0].clone() };
        roster.put(admin.clone());
        assert_eq!(roster.users().to_vec(), [admin, before[1].clone()]);
        assert_eq!(before[0].role, Role::Member);
    }

    #[test]
    fn who_gets_another_name_stands_there_once() {
        let roster = Roster::new(vec![user("ana"), user("ben")]);
        let ana = roster.users()[0].clone();
        roster.put(User { username: "deleted-1".to_owned(), ..ana });
        assert_eq!(names(&roster), ["ben", "deleted-1"]);
    }

    #[test]
    fn a_full_roster_names_the_first_by_name() {
        let all = (0..SNAPSHOT_MAX).map(|number| user(&format!("m{number:05}"))).collect();
        let roster = Roster::new(all);
        roster.put(user("zoe"));
        assert_eq!(roster.users().len(), SNAPSHOT_MAX);
        assert_eq!(roster.users().last().unwrap().username, format!("m{:05}", SNAPSHOT_MAX - 1));
        roster.put(user("ana"));
        assert_eq!(roster.users().len(), SNAPSHOT_MAX);
        assert_eq!(roster.users()[0].username, "ana");
    }
}
