//! Accounts from beginning to end: registration, the first admin, the rules for names, addresses and passwords,
//! another password, deletion. Start with [`Chat::register`].

use super::audit::Deed;
use super::clearing::Left;
use super::sessions::{self, Ended, SignedIn};
use super::{Chat, Error, channels, groups, letters, links, memberships, profiles, users};
use crate::clock::Timestamp;
use crate::db::{Conn, sql};
use crate::id::UserId;
use crate::protocol::rest::{Account, AuditAction};
use crate::protocol::types::{Role, Status, User, UserState};

/// How the name of a deleted user begins; nobody can take such a name.
const TOMBSTONE: &str = "deleted-";

/// Names that mean something else after an `@` or in an address.
const RESERVED: [&str; 8] = ["admin", "all", "channel", "everyone", "here", "me", "server", "system"];

/// Whether a name, in lower case, means something else.
pub fn is_reserved(folded: &str) -> bool {
    RESERVED.contains(&folded)
}

/// A user name: 2 to 40 ASCII letters, digits, hyphens and underscores, and not a reserved word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Username(String);

impl Username {
    /// The name, if it is one.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let rule = "2 to 40 letters, digits, hyphens and underscores";
        let fits = (2..=40).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if !fits {
            return Err(Error::Invalid { field: "username", rule });
        }
        let folded = text.to_ascii_lowercase();
        if is_reserved(&folded) || folded.starts_with(TOMBSTONE) {
            return Err(Error::Invalid { field: "username", rule: "this word is reserved" });
        }
        Ok(Self(text.to_owned()))
    }

    /// Lower case, as names are compared.
    pub(super) fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// As written.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

/// An e-mail address: something, an `@`, something, no white space, at most 160 characters. Whether it exists
/// only a mail can tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Email(String);

impl Email {
    /// The address, if it is one.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let rule = "must have an @ and no spaces, at most 160 characters";
        let (name, host) = text.split_once('@').unwrap_or_default();
        let odd = text.chars().any(|character| character.is_whitespace() || character.is_control());
        if name.is_empty() || host.is_empty() || odd || text.chars().count() > 160 {
            return Err(Error::Invalid { field: "email", rule });
        }
        Ok(Self(text.to_owned()))
    }

    /// Lower case, as addresses are compared.
    pub(super) fn folded(&self) -> String {
        self.0.to_lowercase()
    }

    /// As written.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

/// A password: 12 to 72 characters, of any kind. Not `Debug`, so that no log can hold one.
pub struct Password(String);

impl Password {
    /// The password, if it is long enough and not so long that hashing it is an attack.
    pub fn parse(text: String) -> Result<Self, Error> {
        if !(12..=72).contains(&text.chars().count()) {
            return Err(Error::Invalid { field: "password", rule: "12 to 72 characters" });
        }
        Ok(Self(text))
    }

    /// For hashing alone.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}

/// What makes an account.
pub struct Draft {
    /// How others see them.
    pub username: Username,
    /// How they sign in, and where mail goes.
    pub email: Email,
    /// How they prove it.
    pub password: Password,
}

/// What came of a registration.
pub enum Registered {
    /// The account is there.
    Now(User),
    /// A mail asks the owner of the address. Whether that address had an account is in the mail alone.
    Asked,
}

/// An account about to be stored.
pub(super) struct NewAccount {
    pub(super) username: Username,
    pub(super) email: Email,
    pub(super) password_hash: String,
    pub(super) role: Role,
    /// Whether somebody vouched for the address.
    pub(super) confirmed: bool,
}

impl Chat {
    /// Makes an account, a member of every default channel, and tells everybody; or asks the owner of the address
    /// first, where the operator wants that.
    pub async fn register(&self, draft: Draft) -> Result<Registered, Error> {
        let settings = self.settings_in(&mut *self.db.read().await?).await?;
        settings.require_open()?;
        if settings.email_confirmation {
            self.sign_up(draft).await?;
            return Ok(Registered::Asked);
        }
        self.make_account(draft, Role::Member, false).await.map(Registered::Now)
    }

    /// Makes the first admin. The caller has checked the one-time link; that there is no admin yet is checked
    /// here, in the transaction, so that of two who hold the link one wins.
    pub async fn make_first_admin(&self, draft: Draft) -> Result<User, Error> {
        self.make_account(draft, Role::Admin, true).await
    }

    /// Whether the first admin is still to be made.
    pub async fn needs_admin(&self) -> Result<bool, Error> {
        let mut read = self.db.read().await?;
        Ok(!users::has_admin(&mut read).await?)
    }

    async fn make_account(&self, draft: Draft, role: Role, confirmed: bool) -> Result<User, Error> {
        let Draft { username, email, password } = draft;
        // Before the transaction: nobody waits for a hash.
        let password_hash = self.passwords.hash(password.0).await?;
        let mut tx = self.db.begin().await?;
        if role == Role::Admin && users::has_admin(&mut tx).await? {
            return Err(Error::SetupClosed);
        }
        if role == Role::Member {
            // It may have been decided otherwise while the hash was made.
            let settings = self.settings_in(&mut tx).await?;
            settings.require_open()?;
            if settings.email_confirmation {
                return Err(Error::Busy);
            }
        }
        let account = NewAccount { username, email, password_hash, role, confirmed };
        let user = self.insert(&mut tx, account).await?;
        tx.commit().await?;
        self.publish_user(&user);
        Ok(user)
    }

    /// Stores user, account and memberships; the caller commits and publishes.
    pub(super) async fn insert(&self, tx: &mut Conn, account: NewAccount) -> Result<User, Error> {
        let NewAccount { username, email, password_hash, role, confirmed } = account;
        let now = self.clock.now();
        let user = User {
            id: self.ids.next(now),
            username: username.0.clone(),
            role,
            display_name: None,
            avatar: None,
            state: UserState::Active,
        };
        insert_user(tx, &user, &username, now).await?;
        insert_account(tx, user.id, &email, password_hash, confirmed.then_some(now)).await?;
        channels::join_defaults(tx, user.id, now).await?;
        Ok(user)
    }

    /// One's own account, as nobody else sees it.
    pub async fn account(&self, user: &User) -> Result<Account, Error> {
        let now = self.clock.now();
        let mut read = self.db.read().await?;
        let row = sql("select email, confirmed_at from accounts where user_id = $1")
            .bind(user.id)
            .optional(&mut read)
            .await?
            .ok_or(Error::NotFound)?;
        let email = row.text("email")?;
        Ok(Account {
            avatar: profiles::avatar_of(user, &email),
            confirmed: row.integer("confirmed_at")? > 0,
            pending_email: links::pending_email(&mut read, user.id, now).await?,
            avatars: self.rules.avatars,
            user: user.clone(),
            email,
        })
    }

    /// Takes another password, for whoever knows the present one, and ends all sign-ins but this family.
    pub async fn change_password(
        &self,
        me: &SignedIn,
        present: String,
        new: Password,
    ) -> Result<Vec<Ended>, Error> {
        let stored = self.prove_again(me.user.id, present).await?;
        let hash = self.passwords.hash(new.0).await?;
        let now = self.clock.now();
        let mut tx = self.db.begin_for(me.user.id).await?;
        // If it was changed meanwhile, what was proved is no proof any more.
        let changed = sql("update accounts set password_hash = $2 where user_id = $1 and password_hash = $3")
            .bind(me.user.id)
            .bind(hash)
            .bind(stored.password_hash)
            .execute(&mut tx)
            .await?;
        if changed == 0 {
            return Err(Error::WrongPassword);
        }
        let ended = sessions::end_all(&mut tx, me.user.id, Some(me.session)).await?;
        links::close_all(&mut tx, me.user.id).await?;
        self.note(&mut tx, now, Deed::by(me.user.id, AuditAction::PasswordChanged).to(me.user.id)).await?;
        tx.commit().await?;
        self.post(letters::password_changed(&self.rules, &stored.email));
        Ok(ended)
    }

    /// Ends an account for good, for whoever knows its password. The user stays, without a name, as the author of
    /// what they wrote; the name is free again.
    pub async fn delete_account(&self, me: &SignedIn, password: String) -> Result<Vec<Ended>, Error> {
        self.prove_again(me.user.id, password).await?;
        self.end_account(me.user.id, me.user.id).await
    }

    /// The same, by the wish of `by`, who is its owner or an admin.
    pub(super) async fn end_account(&self, by: UserId, id: UserId) -> Result<Vec<Ended>, Error> {
        let now = self.clock.now();
        let user = User {
            id,
            username: format!("{TOMBSTONE}{}", uuid::Uuid::from(id).simple()),
            role: Role::Member,
            display_name: None,
            avatar: None,
            state: UserState::Deleted,
        };
        let _turn = self.user_changes.lock().await;
        let _steady = self.channel_changes.write().await;
        let mut tx = self.db.begin().await?;
        if by != id {
            users::require_admin(&mut tx, by).await?;
        }
        let known = users::find(&mut tx, id).await?;
        let known = known.filter(|user| user.state != UserState::Deleted).ok_or(Error::NotFound)?;
        users::require_another_admin(&mut tx, user.id).await?;
        sql(
            "update users set username = $2, username_folded = $2, role = $3, display_name = '', avatar = '',
                 state = $4 where id = $1",
        )
        .bind(user.id)
        .bind(user.username.as_str())
        .bind(users::role_text(user.role))
        .bind(users::state_text(user.state))
        .execute(&mut tx)
        .await?;
        let ended = sessions::end_all(&mut tx, user.id, None).await?;
        let left = memberships::end_all(&mut tx, user.id).await?;
        for forget in [
            "delete from accounts where user_id = $1",
            "delete from links where user_id = $1",
            "delete from group_members where user_id = $1",
            "delete from broadcasters where user_id = $1",
            "delete from statuses where user_id = $1",
            "delete from voice_preferences where user_id = $1",
            "delete from volumes where listener_id = $1",
            "delete from volumes where speaker_id = $1",
        ] {
            sql(forget).bind(user.id).execute(&mut tx).await?;
        }
        let told = Left::Account(user.id);
        let cleared = told.step(&mut tx).await?;
        if !cleared {
            told.keep(&mut tx).await?;
        }
        let deed = Deed::by(by, AuditAction::AccountDeleted).to(user.id).on(&known.username);
        self.note(&mut tx, now, deed).await?;
        tx.commit().await?;
        self.live.set_status(user.id, Status::Online);
        if !cleared {
            self.clearing_work.notify_one();
        }
        self.publish_user(&user);
        for channel in left {
            self.hub.close_to(user.id, channel);
            self.tell_membership(channel, user.id, false);
        }
        Ok(ended)
    }

    /// Whether `password` is that of `user`, who is signed in; what is stored of it.
    pub(super) async fn prove_again(&self, user: UserId, password: String) -> Result<Proven, Error> {
        let row = {
            let mut read = self.db.read().await?;
            sql("select email, password_hash from accounts where user_id = $1")
                .bind(user)
                .optional(&mut read)
                .await?
                .ok_or(Error::NotFound)?
        };
        let proven = Proven { email: row.text("email")?, password_hash: row.text("password_hash")? };
        match is_worth_a_hash(&password)
            && self.passwords.verify(password, Some(proven.password_hash.clone())).await?
        {
            true => Ok(proven),
            false => Err(Error::WrongPassword),
        }
    }
}

/// The stored half of a password that was right.
pub(super) struct Proven {
    pub(super) email: String,
    pub(super) password_hash: String,
}

/// Whether it can be a password at all: the longest has 72 characters of four bytes.
pub(super) fn is_worth_a_hash(password: &str) -> bool {
    password.len() <= 4 * 72
}

async fn insert_user(conn: &mut Conn, user: &User, name: &Username, now: Timestamp) -> Result<(), Error> {
    if groups::is_named(conn, &name.folded()).await? {
        return Err(Error::NameTaken);
    }
    let inserted = sql(
        "insert into users (id, username, username_folded, role, created_at) values ($1, $2, $3, $4, $5)",
    )
    .bind(user.id)
    .bind(user.username.as_str())
    .bind(name.folded())
    .bind(users::role_text(user.role))
    .bind(now)
    .execute(conn)
    .await;
    match inserted {
        Err(error) if error.is_duplicate() => Err(Error::NameTaken),
        other => Ok(other.map(drop)?),
    }
}

async fn insert_account(
    conn: &mut Conn,
    user: UserId,
    email: &Email,
    hash: String,
    confirmed: Option<Timestamp>,
) -> Result<(), Error> {
    let inserted = sql("insert into accounts (user_id, email, email_folded, password_hash, confirmed_at)
                        values ($1, $2, $3, $4, $5)")
    .bind(user)
    .bind(email.0.as_str())
    .bind(email.folded())
    .bind(hash)
    .bind(confirmed.map_or(0, Timestamp::as_millis))
    .execute(conn)
    .await;
    match inserted {
        Err(error) if error.is_duplicate() => Err(Error::EmailTaken),
        other => Ok(other.map(drop)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_words_that_mean_nothing_else() {
        for good in ["ana", "Ana-Maria_2", "x1", &"a".repeat(40)] {
            assert!(Username::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "ana maria",
            "ana\n",
            "änne",
            "here",
            "Everyone",
            "Deleted-1",
            "a\u{202e}b",
            &"a".repeat(41),
        ] {
            assert!(Username::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn addresses_have_an_at_and_no_spaces() {
        for good in ["a@b", "ana@example.org", "a@b@c"] {
            assert!(Email::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "@b", "a@", "a @b", "a@b\n", &format!("a@{}", "b".repeat(160))] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
    }
}
