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
pub mod administration;
pub mod audit;
pub mod body;
pub mod categories;
pub mod channels;
pub mod clearing;
pub mod devices;
pub mod fanouts;
pub mod groups;
pub mod hearing;
pub mod hyperlinks;
mod letters;
pub mod links;
pub mod markup;
pub mod memberships;
pub mod mentioned;
pub mod mentions;
pub mod messages;
pub mod moderation;
pub mod notifications;
pub mod passwords;
#[cfg(test)]
mod plans;
pub mod previews;
pub mod profiles;
pub mod readings;
pub mod roster;
pub mod seals;
pub mod sessions;
pub mod settings;
pub mod sign_ups;
pub mod statuses;
pub mod tokens;
pub mod users;

use std::sync::Arc;

use tokio::sync::{Mutex, Notify, RwLock, Semaphore};
use uuid::Uuid;

use crate::clock::{Clock, Timestamp};
use crate::db::{self, Conn, Db, sql};
use crate::id::{IdSource, UserId};
use crate::live::Live;
use crate::live::hub::{Audience, Hub};
use crate::mail::{Letter, Mailer};
use crate::protocol::rest::AvatarsAllowed;
use crate::protocol::server::ServerEvent;
use crate::protocol::types::{Group, Standing, User, Users};

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
    /// Whose turn it is to change a user: what is told of somebody comes in the order in which it was stored.
    /// Whoever needs both turns takes this one first.
    user_changes: Mutex<()>,
    mail: Option<Mailer>,
    /// Whose turn it is to change the server's settings, for the same reason.
    setting_changes: Mutex<()>,
    /// Whose turn it is to change groups, for the same reason.
    group_changes: Semaphore,
    /// There may be something to fan out.
    fanout_work: Notify,
    /// What messages point at and nobody has looked at yet.
    previews: previews::Line,
    /// There may be something to clear away.
    clearing_work: Notify,
}

/// What the operator decided.
pub struct Rules {
    /// What admins cannot decide, since the operator did.
    pub given: settings::Given,
    /// What seals secrets that are stored.
    pub seals: seals::Seals,
    /// How long a sign-in lasts.
    pub session_lasts: std::time::Duration,
    /// What a password hash costs.
    pub passwords: passwords::Cost,
    /// Which pictures people may show.
    pub avatars: AvatarsAllowed,
    /// What people call this server, for letters.
    pub server_name: String,
    /// Where the page is, for links in letters; without a slash at its end.
    pub page: String,
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
    /// A secret could not be sealed.
    #[error("sealing failed: {0}")]
    Sealing(String),
    /// A password could not be hashed.
    #[error("hashing failed: {0}")]
    Hashing(String),
    /// The one-time link is wrong, used or too old.
    #[error("the link is wrong, used or too old")]
    LinkClosed,
    /// The address waits for its confirmation.
    #[error("the e-mail address is not confirmed")]
    NotConfirmed,
    /// Somebody must be left to run this server.
    #[error("this is the last admin")]
    LastAdmin,
    /// No mail server is set.
    #[error("this server sends no mail")]
    NoMail,
    /// The refresh token is not good.
    #[error("invalid or expired token")]
    BadToken,
    /// Admins switched voice off, or the operator did.
    #[error("voice is switched off")]
    VoiceOff,
    /// The operator decided it by flag, environment or file.
    #[error("this is set where the server is started")]
    Given,
}

impl Chat {
    /// Over an open database, which nobody else writes to.
    pub async fn new(
        db: Db,
        live: Arc<Live>,
        clock: Clock,
        rules: Rules,
        mail: Option<Mailer>,
    ) -> Result<Self, Error> {
        let passwords = Passwords::new(rules.passwords);
        let mut users = users::all(&mut *db.read().await?).await?;
        let newest = newest_id(&mut *db.read().await?).await?;
        // What was allowed once may not be any more.
        users.iter_mut().for_each(|user| profiles::hide_avatar(rules.avatars, user));
        let roster = Roster::new(users);
        for (user, status) in statuses::all(&mut *db.read().await?).await? {
            live.set_status(user, status);
        }
        Ok(Self {
            db,
            hub: live.hub.clone(),
            live,
            clock,
            ids: IdSource::above(newest),
            passwords,
            roster,
            rules,
            channel_changes: RwLock::default(),
            user_changes: Mutex::default(),
            mail,
            setting_changes: Mutex::default(),
            group_changes: Semaphore::new(1),
            fanout_work: Notify::new(),
            previews: previews::Line::new(),
            clearing_work: Notify::new(),
        })
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The time by which it is measured how long something lasts that is true only now.
    pub fn steady(&self) -> Timestamp {
        self.clock.steady()
    }

    /// A new id of any kind.
    pub fn next_id<Id: From<Uuid>>(&self) -> Id {
        self.ids.next(self.clock.now())
    }

    /// How long a sign-in lasts.
    pub fn session_lasts(&self) -> std::time::Duration {
        self.rules.session_lasts
    }

    /// Whether it can send mail.
    pub fn sends_mail(&self) -> bool {
        self.mail.is_some()
    }

    /// Which pictures people may show.
    pub fn avatars(&self) -> AvatarsAllowed {
        self.rules.avatars
    }

    /// What is stored of a user is told to everybody. In this order: whoever connects too late for the event finds
    /// the user in the roster.
    fn publish_user(&self, user: &User) {
        let mut user = user.clone();
        profiles::hide_avatar(self.rules.avatars, &mut user);
        self.roster.put(user.clone());
        self.hub.publish(Audience::Everyone, &ServerEvent::UserChanged { user });
    }

    fn post(&self, letter: Letter) {
        if let Some(mail) = &self.mail {
            mail.post(letter);
        }
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
            status: statuses::of_user(&mut read, user).await?,
            groups: groups::of_user(&mut read, user).await?,
        };
        Ok((groups, standing))
    }

    /// Finishes what is under way and closes the database.
    pub async fn close(&self) {
        self.db.close().await;
    }
}

/// The newest id of what stands in the order of ids: what is to come goes on above it, whatever the clock says.
async fn newest_id(conn: &mut Conn) -> Result<Option<Uuid>, Error> {
    let mut newest = None;
    for table in [
        "select id from messages order by id desc limit 1",
        "select id from audit_log order by id desc limit 1",
    ] {
        let last = sql(table).optional(conn).await?;
        newest = newest.max(last.map(|row| row.id("id")).transpose()?);
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Over a new database in this folder.
    pub(super) async fn an_empty_one(folder: &std::path::Path) -> Chat {
        let db = Db::open(&db::Address::File(folder.join("test.db"))).await.unwrap();
        Chat::new(db, Arc::default(), Clock::System, rules(), None).await.unwrap()
    }

    pub(super) fn rules() -> Rules {
        Rules {
            given: settings::Given::default(),
            seals: seals::Seals::new(&[0; seals::KEY]).unwrap(),
            session_lasts: std::time::Duration::from_secs(60),
            passwords: passwords::Cost { memory_kib: 8, passes: 1 },
            avatars: AvatarsAllowed::Initials,
            server_name: String::new(),
            page: String::new(),
        }
    }
}
