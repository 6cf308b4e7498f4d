//! Sign-ins: a secret in a cookie, its hash in a row, an end.
//!
//! Programs have sign-ins too, with tokens that are renewed: see [`super::devices`]. Whoever ends a session here is
//! told which ([`Ended`]), so that its sockets and its voice end as well.

use std::time::Duration;

use super::accounts::is_worth_a_hash;
use super::tokens::Token;
use super::{Chat, Error, audit, users};
use crate::clock::Timestamp;
use crate::db::{Conn, Tx, Value, sql};
use crate::id::{SessionId, UserId};
use crate::protocol::rest;
use crate::protocol::types::User;

/// What the database keeps of a device's name.
const DEVICE_MAX: usize = 200;

/// What it keeps of the kind of a program.
const KIND_MAX: usize = 40;

/// How exactly a session's last use is known.
const SEEN_EVERY: Duration = Duration::from_secs(10 * 60);

/// Sign-ins of one user. More devices than anybody has; of more, those that were not used longest end.
const SESSIONS_MAX: i64 = 50;

/// Rows that one look may clear away; the rest is for the next.
const SWEEP: i64 = 1_000;

/// Who is signed in, and by which sign-in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// By which.
    pub session: SessionId,
    /// Who.
    pub user: User,
}

/// From where somebody signs in.
#[derive(Clone, Debug)]
pub struct Device {
    /// `browser`, or what a program calls itself.
    pub kind: String,
    /// What it calls its device.
    pub name: String,
    /// Its address.
    pub address: String,
}

/// A session that is over; its sockets and its voice are not yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ended {
    /// Which.
    pub session: SessionId,
    /// Whose.
    pub user: UserId,
}

/// A session that was just opened.
pub struct Opened {
    /// Its secret.
    pub token: Token,
    /// Whose it is.
    pub signed_in: SignedIn,
    /// Those that had to make place.
    pub ended: Vec<Ended>,
}

/// What a new session is made of; how a browser's and a program's differ.
pub(super) struct Draft<'a> {
    pub(super) user: UserId,
    pub(super) device: &'a Device,
    pub(super) token: &'a Token,
    /// When the token ends by itself, if it is earlier than the session.
    pub(super) token_until: Option<Timestamp>,
    /// The program's session it belongs to.
    pub(super) opened_by: Option<SessionId>,
}

impl Chat {
    /// Signs in with a name or an address, and a password.
    pub async fn sign_in(&self, login: &str, password: String, device: &Device) -> Result<Opened, Error> {
        let proved = self.prove(login, password).await?;
        self.open_proved(proved, device).await
    }

    /// Who has this name or address and this password. That there is nobody takes as long to say.
    pub(super) async fn prove(&self, login: &str, password: String) -> Result<Proved, Error> {
        if !is_worth_a_hash(&password) {
            return Err(Error::WrongPassword);
        }
        let found = self.find_login(login).await?;
        let stored = found.as_ref().map(|found| found.password_hash.clone());
        let right = self.passwords.verify(password, stored).await?;
        match found {
            Some(found) if right && !found.confirmed && self.asks_for_confirmation().await? => {
                // Only who knows the password gets here.
                self.ask_to_confirm(&found.user, &found.email).await?;
                Err(Error::NotConfirmed)
            }
            Some(found) if right => Ok(Proved { user: found.user, password_hash: found.password_hash }),
            _ => Err(Error::WrongPassword),
        }
    }

    async fn open_proved(&self, proved: Proved, device: &Device) -> Result<Opened, Error> {
        let mut tx = self.db.begin_for(proved.user.id).await?;
        proved.still_holds(&mut tx).await?;
        self.open_in(tx, proved.user, device).await
    }

    /// Starts a browser's session for a user who has just been made.
    pub async fn open_session(&self, user: User, device: &Device) -> Result<Opened, Error> {
        let tx = self.db.begin_for(user.id).await?;
        self.open_in(tx, user, device).await
    }

    async fn open_in(&self, mut tx: Tx, user: User, device: &Device) -> Result<Opened, Error> {
        let token = Token::random()?;
        let draft = Draft { user: user.id, device, token: &token, token_until: None, opened_by: None };
        let (session, ended) = self.insert_session(&mut tx, draft).await?;
        tx.commit().await?;
        Ok(Opened { token, signed_in: SignedIn { session, user }, ended })
    }

    /// Stores a session, and ends what is too many.
    pub(super) async fn insert_session(
        &self,
        tx: &mut Conn,
        draft: Draft<'_>,
    ) -> Result<(SessionId, Vec<Ended>), Error> {
        let Draft { user, device, token, token_until, opened_by } = draft;
        let now = self.clock.now();
        let session: SessionId = self.ids.next(now);
        let expires_at = now + self.rules.session_lasts;
        sql("insert into sessions (id, user_id, token_hash, device, created_at, last_seen_at, expires_at, address,
                                   kind, token_until, opened_by)
             values ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9, $10)")
        .bind(session)
        .bind(user)
        .bind(token.hash())
        .bind(cut(&device.name, DEVICE_MAX))
        .bind(now)
        .bind(expires_at)
        .bind(device.address.as_str())
        .bind(cut(&device.kind, KIND_MAX))
        .bind(token_until.unwrap_or(expires_at))
        .bind(Value::Id(opened_by.map(Into::into)))
        .execute(tx)
        .await?;
        let rows = sql("select id, user_id from sessions where user_id = $1 and id <> $2
                        order by last_seen_at desc, id desc limit $3 offset $4")
        .bind(user)
        .bind(session)
        .bind(SWEEP)
        .bind(SESSIONS_MAX - 1)
        .all(tx)
        .await?;
        Ok((session, end_rows(tx, &rows).await?))
    }

    /// Who holds this token, if it is good.
    pub async fn authenticate(&self, token: &Token) -> Result<Option<SignedIn>, Error> {
        let mut read = self.db.read().await?;
        let row =
            sql("select s.id as session_id, u.id, u.username, u.role, u.display_name, u.avatar, u.state
                       from sessions s join users u on u.id = s.user_id
                       where s.token_hash = $1 and s.expires_at > $2 and s.token_until > $2
                         and u.state = 'active'")
            .bind(token.hash())
            .bind(self.clock.now())
            .optional(&mut read)
            .await?;
        row.map(|row| Ok(SignedIn { session: row.id("session_id")?, user: users::user(&row)? })).transpose()
    }

    /// Notes that a session was used just now, from there; once in ten minutes is enough to tell a device that is
    /// used from one that was forgotten.
    pub async fn touch_session(&self, session: SessionId, address: &str) -> Result<(), Error> {
        let now = self.clock.now();
        let stale = {
            let mut read = self.db.read().await?;
            sql("select id from sessions where id = $1 and (last_seen_at < $2 or address <> $3)")
                .bind(session)
                .bind(now - SEEN_EVERY)
                .bind(address)
                .optional(&mut read)
                .await?
        };
        if stale.is_some() {
            let mut tx = self.db.begin_for(session).await?;
            sql("update sessions set last_seen_at = $2, address = $3 where id = $1")
                .bind(session)
                .bind(now)
                .bind(address)
                .execute(&mut tx)
                .await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Whether a session goes on. A socket asks when it is known to the hub: from then on it is closed by whoever
    /// ends the session, and before it is not.
    pub async fn session_goes_on(&self, session: SessionId) -> Result<bool, Error> {
        let mut read = self.db.read().await?;
        let row = sql("select s.id from sessions s join users u on u.id = s.user_id
                       where s.id = $1 and s.expires_at > $2 and u.state = 'active'")
        .bind(session)
        .bind(self.clock.now())
        .optional(&mut read)
        .await?;
        Ok(row.is_some())
    }

    /// The sign-ins of a user, the latest used first.
    pub async fn sessions(&self, me: &SignedIn) -> Result<Vec<rest::Session>, Error> {
        let mut read = self.db.read().await?;
        let rows = sql("select id, kind, device, address, created_at, last_seen_at from sessions
                        where user_id = $1 and expires_at > $2 order by last_seen_at desc, id desc limit $3")
        .bind(me.user.id)
        .bind(self.clock.now())
        .bind(SESSIONS_MAX)
        .all(&mut read)
        .await?;
        rows.iter()
            .map(|row| {
                let id: SessionId = row.id("id")?;
                Ok(rest::Session {
                    id,
                    kind: row.text("kind")?,
                    device: row.text("device")?,
                    address: row.text("address")?,
                    created_at: row.time("created_at")?,
                    last_used_at: row.time("last_seen_at")?,
                    current: id == me.session,
                })
            })
            .collect()
    }

    /// Ends one's own session. Ending one that ended is fine.
    pub async fn sign_out(&self, me: &SignedIn) -> Result<Vec<Ended>, Error> {
        let mut tx = self.db.begin_for(me.user.id).await?;
        let ended = end_one(&mut tx, me.user.id, me.session).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// Ends a sign-in of one's own, here or elsewhere, with all that was opened by it.
    pub async fn sign_out_there(&self, me: UserId, session: SessionId) -> Result<Vec<Ended>, Error> {
        let mut tx = self.db.begin_for(me).await?;
        let ended = end_one(&mut tx, me, session).await?;
        if ended.is_empty() {
            return Err(Error::NotFound);
        }
        tx.commit().await?;
        Ok(ended)
    }

    /// Ends every sign-in of one's own.
    pub async fn sign_out_everywhere(&self, me: UserId) -> Result<Vec<Ended>, Error> {
        let mut tx = self.db.begin_for(me).await?;
        let ended = end_all(&mut tx, me, None).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// Clears away what is over by itself: sessions, links and registrations. To be called now and then.
    pub async fn sweep(&self) -> Result<Vec<Ended>, Error> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let rows = sql("select id, user_id from sessions where expires_at <= $1 limit $2")
            .bind(now)
            .bind(SWEEP)
            .all(&mut tx)
            .await?;
        let ended = end_rows(&mut tx, &rows).await?;
        for over in
            ["delete from links where expires_at <= $1", "delete from sign_ups where expires_at <= $1"]
        {
            sql(over).bind(now).execute(&mut tx).await?;
        }
        audit::trim(&mut tx, audit::KEPT).await?;
        tx.commit().await?;
        Ok(ended)
    }

    async fn find_login(&self, login: &str) -> Result<Option<Login>, Error> {
        let folded = login.trim().to_lowercase();
        let mut read = self.db.read().await?;
        // A name has no @ and an address has one, so that at most one row fits.
        let row = sql("select u.id, u.username, u.role, u.display_name, u.avatar, u.state,
                              a.email, a.password_hash, a.confirmed_at
                       from accounts a join users u on u.id = a.user_id
                       where (a.email_folded = $1 or u.username_folded = $1) and u.state = 'active'")
        .bind(folded)
        .optional(&mut read)
        .await?;
        row.map(|row| {
            Ok(Login {
                user: users::user(&row)?,
                email: row.text("email")?,
                password_hash: row.text("password_hash")?,
                confirmed: row.integer("confirmed_at")? > 0,
            })
        })
        .transpose()
    }
}

/// Somebody whose password was right a moment ago. Hashing takes time, and it may be another one by now.
pub(super) struct Proved {
    pub(super) user: User,
    password_hash: String,
}

impl Proved {
    /// Refuses when the password was changed since, or its owner shut out: whoever did that ended all sessions there
    /// were, and this one must not come after.
    pub(super) async fn still_holds(&self, conn: &mut Conn) -> Result<(), Error> {
        let found = sql("select a.user_id from accounts a join users u on u.id = a.user_id
                         where a.user_id = $1 and a.password_hash = $2 and u.state = 'active'")
        .bind(self.user.id)
        .bind(self.password_hash.as_str())
        .optional(conn)
        .await?;
        found.map(drop).ok_or(Error::WrongPassword)
    }
}

/// What is stored of whoever wants to sign in.
struct Login {
    user: User,
    email: String,
    password_hash: String,
    confirmed: bool,
}

/// Ends the sessions of a user, but the family of `keep`: a program's session and the browser's opened with it.
pub(super) async fn end_all(
    tx: &mut Conn,
    user: UserId,
    keep: Option<SessionId>,
) -> Result<Vec<Ended>, Error> {
    let root = match keep {
        None => None,
        Some(keep) => sql("select coalesce(opened_by, id) as root from sessions where id = $1")
            .bind(keep)
            .optional(tx)
            .await?
            .map(|row| row.id::<SessionId>("root"))
            .transpose()?,
    };
    // The nil id is nobody's.
    let root = root.unwrap_or(SessionId::from(uuid::Uuid::nil()));
    // As many as there can be, twice over.
    let rows =
        sql("select id, user_id from sessions where user_id = $1 and coalesce(opened_by, id) <> $2 limit $3")
            .bind(user)
            .bind(root)
            .bind(SWEEP)
            .all(tx)
            .await?;
    end_rows(tx, &rows).await
}

/// Ends one session of a user and those opened by it.
pub(super) async fn end_one(tx: &mut Conn, user: UserId, session: SessionId) -> Result<Vec<Ended>, Error> {
    let rows =
        sql("select id, user_id from sessions where user_id = $1 and (id = $2 or opened_by = $2) limit $3")
            .bind(user)
            .bind(session)
            .bind(SWEEP)
            .all(tx)
            .await?;
    end_rows(tx, &rows).await
}

/// Deletes the sessions of these rows, which have `id` and `user_id`, and those opened by them.
pub(super) async fn end_rows(tx: &mut Conn, rows: &[crate::db::Row]) -> Result<Vec<Ended>, Error> {
    let mut ended = Vec::new();
    for row in rows {
        let one = Ended { session: row.id("id")?, user: row.id("user_id")? };
        let opened = sql("select id from sessions where opened_by = $1 limit $2")
            .bind(one.session)
            .bind(SWEEP)
            .all(tx)
            .await?;
        ended.push(one);
        for row in &opened {
            ended.push(Ended { session: row.id("id")?, user: one.user });
        }
        sql("delete from sessions where id = $1").bind(one.session).execute(tx).await?;
    }
    Ok(ended)
}

fn cut(text: &str, characters: usize) -> String {
    text.chars().filter(|character| !character.is_control()).take(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::accounts::{Draft, Email, Password, Registered, Username};
    use crate::chat::tests::an_empty_one;

    const OLD: &str = "correct horse battery";

    #[tokio::test]
    async fn what_was_right_before_the_password_changed_opens_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let chat = an_empty_one(folder.path()).await;
        let device = Device { kind: "browser".to_owned(), name: "b".to_owned(), address: "::1".to_owned() };
        let draft = Draft {
            username: Username::parse("ana").unwrap(),
            email: Email::parse("ana@example.org").unwrap(),
            password: Password::parse(OLD.to_owned()).unwrap(),
        };
        let Registered::Now(ana) = chat.register(draft).await.unwrap_or_else(|error| panic!("{error}"))
        else {
            panic!("nobody asks for a confirmation here")
        };
        let prove =
            async || chat.prove("ana", OLD.to_owned()).await.unwrap_or_else(|error| panic!("{error}"));
        assert!(chat.open_proved(prove().await, &device).await.is_ok());
        let (late, latest) = (prove().await, prove().await);
        let me = chat.open_session(ana, &device).await.unwrap_or_else(|error| panic!("{error}")).signed_in;
        let new = Password::parse("a wholly new sentence".to_owned()).unwrap();
        assert_eq!(chat.change_password(&me, OLD.to_owned(), new).await.unwrap().len(), 1);
        assert!(matches!(chat.open_proved(late, &device).await, Err(Error::WrongPassword)));
        let mut tx = chat.db.begin_for(me.user.id).await.unwrap();
        assert!(matches!(latest.still_holds(&mut tx).await, Err(Error::WrongPassword)));
    }
}
