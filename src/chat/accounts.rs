//! Accounts: sign-up, the first admin, the rules for names, addresses and passwords.

use super::{Chat, Error, channels, groups, users};
use crate::clock::Timestamp;
use crate::db::{Conn, sql};
use crate::id::UserId;
use crate::live::hub::Audience;
use crate::protocol::server::ServerEvent;
use crate::protocol::types::{Role, User};

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
        if is_reserved(&text.to_ascii_lowercase()) {
            return Err(Error::Invalid { field: "username", rule: "this word is reserved" });
        }
        Ok(Self(text.to_owned()))
    }

    fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
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

    fn folded(&self) -> String {
        self.0.to_lowercase()
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

impl Chat {
    /// Makes an account, a member of every default channel, and tells everybody.
    pub async fn register(&self, draft: Draft) -> Result<User, Error> {
        if !self.rules.registration_open {
            return Err(Error::RegistrationClosed);
        }
        self.make_account(draft, Role::Member).await
    }

    /// Makes the first admin. The caller has checked the one-time link; that there is no admin yet is checked
    /// here, in the transaction, so that of two who hold the link one wins.
    pub async fn make_first_admin(&self, draft: Draft) -> Result<User, Error> {
        self.make_account(draft, Role::Admin).await
    }

    /// Whether the first admin is still to be made.
    pub async fn needs_admin(&self) -> Result<bool, Error> {
        let mut read = self.db.read().await?;
        Ok(!users::has_admin(&mut read).await?)
    }

    async fn make_account(&self, draft: Draft, role: Role) -> Result<User, Error> {
        let Draft { username, email, password } = draft;
        // Before the transaction: nobody waits for a hash.
        let hash = self.passwords.hash(password.0).await?;
        let mut tx = self.db.begin().await?;
        if role == Role::Admin && users::has_admin(&mut tx).await? {
            return Err(Error::SetupClosed);
        }
        let now = self.clock.now();
        let user = User { id: self.ids.next(now), username: username.0.clone(), role };
        insert_user(&mut tx, &user, &username, now).await?;
        insert_account(&mut tx, user.id, &email, hash).await?;
        channels::join_defaults(&mut tx, user.id, now).await?;
        tx.commit().await?;

        // In this order: whoever connects too late for the event finds the user in the roster.
        self.roster.put(user.clone());
        self.hub.publish(Audience::Everyone, &ServerEvent::UserChanged { user: user.clone() });
        Ok(user)
    }
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

async fn insert_account(conn: &mut Conn, user: UserId, email: &Email, hash: String) -> Result<(), Error> {
    let inserted =
        sql("insert into accounts (user_id, email, email_folded, password_hash) values ($1, $2, $3, $4)")
            .bind(user)
            .bind(email.0.as_str())
            .bind(email.folded())
            .bind(hash)
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
        for bad in ["", "a", "ana maria", "ana\n", "änne", "here", "Everyone", "a\u{202e}b", &"a".repeat(41)]
        {
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
