//! Sign-ins of programs: the desktop client and bots, which keep no cookie.
//!
//! A program has two tokens. The *access token* stands in the header of its requests and ends after a day. The
//! *refresh token* is good for one thing, once: to get the next two. A refresh token that comes a second time was
//! copied, and nobody can tell which of the two is the thief: the whole sign-in ends.

use std::time::Duration;

use super::audit::Deed;
use super::sessions::{self, Device, Draft, Ended, Opened, SignedIn};
use super::tokens::Token;
use super::{Chat, Error, users};
use crate::clock::Timestamp;
use crate::db::{Conn, sql};
use crate::id::{SessionId, UserId};
use crate::protocol::devices::DeviceUser;
use crate::protocol::rest::AuditAction;
use crate::protocol::types::User;
use crate::telemetry;

/// How long an access token is good: whoever copies one has a day at most.
const ACCESS_LASTS: Duration = Duration::from_secs(24 * 60 * 60);

/// What a program gets. Not `Debug`: whoever has it is signed in.
pub struct Tokens {
    /// For the next two.
    pub refresh: Token,
    /// For requests.
    pub access: Token,
    /// Until when.
    pub access_until: Timestamp,
    /// Whose they are.
    pub user: DeviceUser,
    /// Sessions that ended on the way.
    pub ended: Vec<Ended>,
}

/// What a refresh token turned out to be.
pub enum Presented<T> {
    /// Good; and what came of it.
    Good(T),
    /// Unknown, too old, or of a sign-in that ended.
    Unknown,
    /// Spent. The sign-in is over.
    Reused(Vec<Ended>),
}

/// A good refresh token's session.
struct Family {
    session: SessionId,
    user: User,
    email: String,
}

impl Family {
    fn user(&self) -> DeviceUser {
        DeviceUser { id: self.user.id, email: self.email.clone(), username: self.user.username.clone() }
    }
}

impl Chat {
    /// Signs a program in with a name or an address, and a password.
    pub async fn sign_in_device(
        &self,
        login: &str,
        password: String,
        device: &Device,
    ) -> Result<Tokens, Error> {
        let proved = self.prove(login, password).await?;
        let (refresh, access) = (Token::random()?, Token::random()?);
        let access_until = self.clock.now() + ACCESS_LASTS;
        let mut tx = self.db.begin_for(proved.user.id).await?;
        proved.still_holds(&mut tx).await?;
        let user = proved.user;
        let email = super::links::stored_email(&mut tx, user.id).await?.ok_or(Error::WrongPassword)?;
        let draft =
            Draft { user: user.id, device, token: &access, token_until: Some(access_until), opened_by: None };
        let (session, ended) = self.insert_session(&mut tx, draft).await?;
        keep_refresh(&mut tx, &refresh, session).await?;
        tx.commit().await?;
        let user = DeviceUser { id: user.id, email, username: user.username };
        Ok(Tokens { refresh, access, access_until, user, ended })
    }

    /// Whose token this is; it stays good.
    pub async fn verify_device(&self, token: &Token, address: &str) -> Result<Presented<DeviceUser>, Error> {
        let mut tx = self.db.begin().await?;
        match self.present(&mut tx, token).await? {
            Presented::Good(family) => {
                sql("update sessions set last_seen_at = $2, address = $3 where id = $1")
                    .bind(family.session)
                    .bind(self.clock.now())
                    .bind(address)
                    .execute(&mut tx)
                    .await?;
                tx.commit().await?;
                Ok(Presented::Good(family.user()))
            }
            Presented::Unknown => Ok(Presented::Unknown),
            Presented::Reused(ended) => {
                tx.commit().await?;
                Ok(Presented::Reused(ended))
            }
        }
    }

    /// Spends a refresh token for the next two tokens. The sign-in lasts its days again from here.
    pub async fn renew_device(&self, token: &Token, address: &str) -> Result<Presented<Tokens>, Error> {
        let mut tx = self.db.begin().await?;
        let presented = self.present(&mut tx, token).await?;
        let renewed = match presented {
            Presented::Good(family) => Presented::Good(self.renew(&mut tx, token, &family, address).await?),
            Presented::Unknown => Presented::Unknown,
            Presented::Reused(ended) => Presented::Reused(ended),
        };
        tx.commit().await?;
        Ok(renewed)
    }

    /// Spends a refresh token for the next one and a browser's session that ends with the program's. The one
    /// opened before ends: a program shows one page.
    pub async fn open_page_of_device(
        &self,
        token: &Token,
        device: &Device,
    ) -> Result<Presented<(Tokens, Opened)>, Error> {
        let mut tx = self.db.begin().await?;
        let opened = match self.present(&mut tx, token).await? {
            Presented::Good(family) => {
                let mut tokens = self.renew(&mut tx, token, &family, &device.address).await?;
                let before = sql("select id, user_id from sessions where opened_by = $1 limit 100")
                    .bind(family.session)
                    .all(&mut tx)
                    .await?;
                tokens.ended = sessions::end_rows(&mut tx, &before).await?;
                let cookie = Token::random()?;
                let draft = Draft {
                    user: family.user.id,
                    device,
                    token: &cookie,
                    token_until: None,
                    opened_by: Some(family.session),
                };
                let (session, ended) = self.insert_session(&mut tx, draft).await?;
                let signed_in = SignedIn { session, user: family.user };
                Presented::Good((tokens, Opened { token: cookie, signed_in, ended }))
            }
            Presented::Unknown => Presented::Unknown,
            Presented::Reused(ended) => Presented::Reused(ended),
        };
        tx.commit().await?;
        Ok(opened)
    }

    /// Ends the sign-in of a token, spent or not.
    pub async fn sign_out_device(&self, token: &Token) -> Result<Vec<Ended>, Error> {
        let mut tx = self.db.begin().await?;
        let rows = sql("select s.id, s.user_id from refresh_tokens r join sessions s on s.id = r.session_id
                        where r.token_hash = $1 limit 1")
        .bind(token.hash())
        .all(&mut tx)
        .await?;
        let ended = sessions::end_rows(&mut tx, &rows).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// Looks at a token. After [`Presented::Reused`] the transaction has ended the sign-in and must be committed.
    async fn present(&self, tx: &mut Conn, token: &Token) -> Result<Presented<Family>, Error> {
        let now = self.clock.now();
        let row = sql("select r.session_id, r.spent_at, s.expires_at, a.email,
                              u.id, u.username, u.role, u.display_name, u.avatar, u.state
                       from refresh_tokens r join sessions s on s.id = r.session_id
                       join users u on u.id = s.user_id join accounts a on a.user_id = u.id
                       where r.token_hash = $1 and u.state = 'active'")
        .bind(token.hash())
        .optional(tx)
        .await?;
        let Some(row) = row else { return Ok(Presented::Unknown) };
        let family =
            Family { session: row.id("session_id")?, user: users::user(&row)?, email: row.text("email")? };
        if row.integer("spent_at")? > 0 {
            return self.end_family(tx, &family, now).await.map(Presented::Reused);
        }
        if row.time("expires_at")? <= now {
            return Ok(Presented::Unknown);
        }
        Ok(Presented::Good(family))
    }

    async fn end_family(&self, tx: &mut Conn, family: &Family, now: Timestamp) -> Result<Vec<Ended>, Error> {
        telemetry::REUSED_TOKENS.add();
        let ended = sessions::end_one(tx, family.user.id, family.session).await?;
        self.note(tx, now, Deed::by(None::<UserId>, AuditAction::TokenReused).to(family.user.id)).await?;
        Ok(ended)
    }

    async fn renew(
        &self,
        tx: &mut Conn,
        token: &Token,
        family: &Family,
        address: &str,
    ) -> Result<Tokens, Error> {
        let now = self.clock.now();
        let (refresh, access) = (Token::random()?, Token::random()?);
        let access_until = now + ACCESS_LASTS;
        let spent = sql("update refresh_tokens set spent_at = $2 where token_hash = $1 and spent_at = 0")
            .bind(token.hash())
            .bind(now)
            .execute(tx)
            .await?;
        // Somebody spent it in between; whoever comes with it next is found out.
        if spent == 0 {
            return Err(Error::BadToken);
        }
        // Spent ones are remembered as long as a sign-in lasts unused.
        sql("delete from refresh_tokens where session_id = $1 and spent_at > 0 and spent_at < $2")
            .bind(family.session)
            .bind(now - self.rules.session_lasts)
            .execute(tx)
            .await?;
        keep_refresh(tx, &refresh, family.session).await?;
        sql("update sessions set token_hash = $2, token_until = $3, expires_at = $4, last_seen_at = $5, address = $6
             where id = $1")
        .bind(family.session)
        .bind(access.hash())
        .bind(access_until)
        .bind(now + self.rules.session_lasts)
        .bind(now)
        .bind(address)
        .execute(tx)
        .await?;
        Ok(Tokens { refresh, access, access_until, user: family.user(), ended: Vec::new() })
    }
}

async fn keep_refresh(tx: &mut Conn, token: &Token, session: SessionId) -> Result<(), Error> {
    sql("insert into refresh_tokens (token_hash, session_id) values ($1, $2)")
        .bind(token.hash())
        .bind(session)
        .execute(tx)
        .await?;
    Ok(())
}
