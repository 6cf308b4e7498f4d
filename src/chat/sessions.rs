//! Sign-ins: a secret in a cookie, its hash in a row, an end.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{Chat, Error, users};
use crate::db::sql;
use crate::id::SessionId;
use crate::protocol::types::User;

/// What the database keeps of a device's name.
const DEVICE_MAX: usize = 200;

/// How exactly a session's last use is known.
const SEEN_EVERY: Duration = Duration::from_secs(10 * 60);

/// The secret of a session: 32 random bytes in hexadecimal. Not `Debug`, so that no log can hold one.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// As a cookie or header gave it; whether it is one the database says.
    pub fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// For the cookie.
    pub fn text(&self) -> &str {
        &self.0
    }

    fn random() -> Result<Self, Error> {
        Ok(Self(random_hex()?))
    }

    fn hash(&self) -> String {
        hex(&Sha256::digest(self.0.as_bytes()))
    }
}

/// Who is signed in, and by which sign-in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// By which.
    pub session: SessionId,
    /// Who.
    pub user: User,
}

impl Chat {
    /// Signs in with a name or an address, and a password.
    pub async fn sign_in(
        &self,
        login: &str,
        password: String,
        device: &str,
    ) -> Result<(Token, SignedIn), Error> {
        // Longer than any password: not worth a hash.
        if password.len() > 4 * 72 {
            return Err(Error::WrongPassword);
        }
        let found = self.find_login(login).await?;
        let (user, hash) = found.map_or((None, None), |(user, hash)| (Some(user), Some(hash)));
        let right = self.passwords.verify(password, hash).await?;
        match user {
            Some(user) if right => self.open_session(user, device).await,
            _ => Err(Error::WrongPassword),
        }
    }

    /// Starts a session for a user who has just proved who they are.
    pub async fn open_session(&self, user: User, device: &str) -> Result<(Token, SignedIn), Error> {
        let now = self.clock.now();
        let token = Token::random()?;
        let session: SessionId = self.ids.next(now);
        let mut tx = self.db.begin_for(user.id).await?;
        // Whatever ended is of no use to anybody.
        sql("delete from sessions where user_id = $1 and expires_at <= $2")
            .bind(user.id)
            .bind(now)
            .execute(&mut tx)
            .await?;
        sql("insert into sessions (id, user_id, token_hash, device, created_at, last_seen_at, expires_at)
             values ($1, $2, $3, $4, $5, $5, $6)")
        .bind(session)
        .bind(user.id)
        .bind(token.hash())
        .bind(device.chars().take(DEVICE_MAX).collect::<String>())
        .bind(now)
        .bind(now + self.rules.session_lasts)
        .execute(&mut tx)
        .await?;
        tx.commit().await?;
        Ok((token, SignedIn { session, user }))
    }

    /// Who holds this token, if it is good.
    pub async fn authenticate(&self, token: &Token) -> Result<Option<SignedIn>, Error> {
        let mut read = self.db.read().await?;
        let row = sql("select s.id as session_id, u.id, u.username, u.role
                       from sessions s join users u on u.id = s.user_id
                       where s.token_hash = $1 and s.expires_at > $2")
        .bind(token.hash())
        .bind(self.clock.now())
        .optional(&mut read)
        .await?;
        row.map(|row| Ok(SignedIn { session: row.id("session_id")?, user: users::user(&row)? })).transpose()
    }

    /// Notes that a session was used just now; once in ten minutes is enough to tell a device that is used from
    /// one that was forgotten.
    pub async fn touch_session(&self, session: SessionId) -> Result<(), Error> {
        let now = self.clock.now();
        let mut read = self.db.read().await?;
        let stale = sql("select id from sessions where id = $1 and last_seen_at < $2")
            .bind(session)
            .bind(now - SEEN_EVERY)
            .optional(&mut read)
            .await?;
        if stale.is_some() {
            let mut tx = self.db.begin_for(session).await?;
            sql("update sessions set last_seen_at = $2 where id = $1")
                .bind(session)
                .bind(now)
                .execute(&mut tx)
                .await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Ends a session. Ending one that ended is fine.
    pub async fn sign_out(&self, session: SessionId) -> Result<(), Error> {
        let mut tx = self.db.begin_for(session).await?;
        sql("delete from sessions where id = $1").bind(session).execute(&mut tx).await?;
        Ok(tx.commit().await?)
    }

    async fn find_login(&self, login: &str) -> Result<Option<(User, String)>, Error> {
        let folded = login.trim().to_lowercase();
        let mut read = self.db.read().await?;
        // A name has no @ and an address has one, so that at most one row fits.
        let row = sql("select u.id, u.username, u.role, a.password_hash
                       from accounts a join users u on u.id = a.user_id
                       where a.email_folded = $1 or u.username_folded = $1")
        .bind(folded)
        .optional(&mut read)
        .await?;
        row.map(|row| Ok((users::user(&row)?, row.text("password_hash")?))).transpose()
    }
}

/// 32 random bytes as 64 hexadecimal digits, for secrets.
pub fn random_hex() -> Result<String, Error> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| Error::Hashing(error.to_string()))?;
    Ok(hex(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
