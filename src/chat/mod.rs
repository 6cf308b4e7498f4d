//! What is remembered: accounts, sign-ins, channels, messages; their rules and their SQL.
//!
//! Must never know: how anyone is connected beyond [`Hub::publish`], HTTP, voice.
//! Start with [`messages`], the shortest whole operation: decide, commit, publish.
//!
//! Every operation is one transaction, and nobody hears of it before it is on disk. Rules and SQL share a
//! file, because a permission check and the insert it guards belong to one transaction. Functions that take a
//! `&mut Conn` are part of somebody else's transaction.

pub mod access;
pub mod accounts;
pub mod body;
pub mod categories;
pub mod channels;
pub mod fanouts;
pub mod groups;
pub mod memberships;
pub mod mentioned;
pub mod mentions;
pub mod messages;
pub mod notifications;
pub mod passwords;
#[cfg(test)]
mod plans;
pub mod readings;
pub mod roster;
pub mod sessions;
pub mod users;

use std::sync::Arc;

use tokio::sync::{Notify, RwLock, Semaphore};

use crate::clock::{Clock, Timestamp};
use crate::db::{self, Db};
use crate::id::{IdSource, UserId};
use crate::live::Live;
use crate::live::hub::Hub;
use crate::protocol::types::{Group, Standing, Users};

use self::passwords::Passwords;
use self::roster::Roster;

/// Everything that is remembered.
pub struct Chat {
    db: Db,
    live: Arc<Live>,
    hub: Arc<Hub>,
    clock: Clock,
    ids: IdSource,
    passwords: Passwords,
    roster: Roster,
    rules: Rules,
    /// Whose turn it is to change channels, and who needs them to stay as they are; see [`channels`].
    channel_changes: RwLock<()>,
    /// Whose turn it is to change groups, for the same reason.
    group_changes: Semaphore,
    /// There may be something to fan out.
    fanout_work: Notify,
}

/// What the operator decided.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Whether anybody may make an account.
    pub registration_open: bool,
    /// How long a sign-in lasts.
    pub session_lasts: std::time::Duration,
    /// What a password hash costs.
    pub passwords: passwords::Cost,
}

/// Why an operation did not happen. Nothing was stored then.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not exist, or is not open to whoever asked.
    #[error("not found")]
    NotFound,
    /// Nothing but white space.
    #[error("the message is empty")]
    EmptyMessage,
    /// Longer than a message may be.
    #[error("the message has {0} characters, at most {max} are allowed", max = messages::BODY_MAX)]
    MessageTooLong(usize),
    /// A value is not allowed.
    #[error("{field}: {rule}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What is allowed.
        rule: &'static str,
    },
    /// Only admins may.
    #[error("only an admin may do this")]
    NotAllowed,
    /// There are as many channels as there may be.
    #[error("there are {max} channels already", max = channels::CHANNELS_MAX)]
    TooManyChannels,
    /// It is for members, and whoever asked may become one.
    #[error("only a member may do this")]
    NotAMember,
    /// Nobody writes or talks there any more.
    #[error("the channel is archived")]
    Archived,
    /// There are as many categories as there may be.
    #[error("there are {max} categories already", max = categories::CATEGORIES_MAX)]
    TooManyCategories,
    /// There are as many groups as there may be.
    #[error("there are {max} groups already", max = groups::GROUPS_MAX)]
    TooManyGroups,
    /// Only admins may tell so many at once.
    #[error("only an admin may tell more than {max} people at once", max = mentioned::EVERYONE_MAX)]
    BroadcastNotAllowed,
    /// They told many at once only just now.
    #[error("the next broadcast may come in {wait_s} s")]
    BroadcastTooSoon {
        /// Seconds to wait.
        wait_s: u64,
    },
    /// Somebody has this name.
    #[error("the name is taken")]
    NameTaken,
    /// Somebody has this address.
    #[error("the address is taken")]
    EmailTaken,
    /// The operator takes no new accounts.
    #[error("registration is closed")]
    RegistrationClosed,
    /// The first admin was made already, or the link is wrong.
    #[error("the setup link is wrong or used")]
    SetupClosed,
    /// Name and password do not match.
    #[error("wrong name or password")]
    WrongPassword,
    /// Too many passwords wait to be hashed.
    #[error("too many sign-ins at once")]
    Busy,
    /// The database did not do it.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// A stored value is not what this version writes.
    #[error("stored {what} is not understood: {value}")]
    Stored {
        /// Which.
        what: &'static str,
        /// What stands there.
        value: String,
    },
    /// A password could not be hashed.
    #[error("hashing failed: {0}")]
    Hashing(String),
}

impl Chat {
    /// Over an open database, which nobody else writes to.
    pub async fn new(db: Db, live: Arc<Live>, clock: Clock, rules: Rules) -> Result<Self, Error> {
        let passwords = Passwords::new(rules.passwords);
        let roster = Roster::new(users::all(&mut *db.read().await?).await?);
        Ok(Self {
            db,
            hub: live.hub.clone(),
            live,
            clock,
            ids: IdSource::default(),
            passwords,
            roster,
            rules,
            channel_changes: RwLock::default(),
            group_changes: Semaphore::new(1),
            fanout_work: Notify::new(),
        })
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A new id of any kind.
    pub fn next_id<Id: From<uuid::Uuid>>(&self) -> Id {
        self.ids.next(self.clock.now())
    }

    /// Whether anybody may make an account.
    pub fn registration_open(&self) -> bool {
        self.rules.registration_open
    }

    /// How long a sign-in lasts.
    pub fn session_lasts(&self) -> std::time::Duration {
        self.rules.session_lasts
    }

    /// Everybody, by name, from memory.
    pub fn users(&self) -> Users {
        self.roster.users()
    }

    /// Everybody's groups, and where a user stands.
    pub async fn standing(&self, user: UserId) -> Result<(Vec<Group>, Standing), Error> {
        let mut read = self.db.read().await?;
        let groups = groups::all(&mut read).await?;
        let (unread, more_unread) = notifications::unread(&mut read, user).await?;
        let standing = Standing {
            readings: readings::of_user(&mut read, user).await?,
            unread,
            more_unread,
            do_not_disturb: notifications::wants_no_disturbance(&mut read, user).await?,
            groups: groups::of_user(&mut read, user).await?,
        };
        Ok((groups, standing))
    }

    /// Finishes what is under way and closes the database.
    pub async fn close(&self) {
        self.db.close().await;
    }
}
