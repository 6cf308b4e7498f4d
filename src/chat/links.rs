//! One-time links: the way back in for who forgot a password, and the proof that an address is somebody's.
//!
//! A link is a secret of 32 random bytes; the database has its hash, what it is for, where it was sent and its end.
//! It is used when its row is deleted, so that of two who hold it one wins. Whoever asks for a mail is answered
//! before anybody looks whether there is such an account.

use std::time::Duration;

use super::accounts::{Email, Password};
use super::audit::Deed;
use super::sessions::{self, Ended};
use super::tokens::Token;
use super::{Chat, Error, letters, profiles, users};
use crate::clock::Timestamp;
use crate::db::{Conn, sql};
use crate::id::UserId;
use crate::protocol::rest::AuditAction;
use crate::protocol::types::User;

/// How long the owner of an address has to confirm it.
pub(super) const CONFIRM_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How long a forgotten password can be replaced: long enough for a mail that waits until the evening.
const RESET_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// What a link is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// The address of an account is its owner's.
    ConfirmEmail,
    /// So is the one that is to take its place.
    ChangeEmail,
    /// A new password.
    ResetPassword,
}

impl Purpose {
    fn text(self) -> &'static str {
        match self {
            Self::ConfirmEmail => "confirm_email",
            Self::ChangeEmail => "change_email",
            Self::ResetPassword => "reset_password",
        }
    }

    fn lasts(self) -> Duration {
        match self {
            Self::ConfirmEmail | Self::ChangeEmail => CONFIRM_FOR,
            Self::ResetPassword => RESET_FOR,
        }
    }
}

/// A link that was just issued. Not `Debug`: it opens an account.
pub struct Issued {
    /// The secret in it.
    pub(super) token: Token,
    /// When it ends.
    pub(super) expires_at: Timestamp,
}

/// What a used link was good for.
struct Used {
    user: UserId,
    email: String,
}

impl Chat {
    /// Sends a link for a new password to this address, if it is that of an account.
    pub async fn mail_reset_link(&self, email: Email) -> Result<(), Error> {
        let Some((user, email)) = self.find_address(&email).await? else { return Ok(()) };
        let mut tx = self.db.begin_for(user.id).await?;
        let issued = self.issue(&mut tx, user.id, Purpose::ResetPassword, &email).await?;
        tx.commit().await?;
        self.post(letters::reset_password(&self.rules, &email, &user.username, &issued.token));
        Ok(())
    }

    /// Sends a new link to this address, if it waits for its confirmation.
    pub async fn mail_confirmation(&self, email: Email) -> Result<(), Error> {
        self.mail_sign_ups(&email).await?;
        let Some((user, email)) = self.find_address(&email).await? else { return Ok(()) };
        self.ask_to_confirm(&user, &email).await
    }

    /// Sends a confirmation link to an account whose address has none yet.
    pub(super) async fn ask_to_confirm(&self, user: &User, email: &str) -> Result<(), Error> {
        if self.mail.is_none() {
            return Ok(());
        }
        let mut tx = self.db.begin_for(user.id).await?;
        let waits = sql("select user_id from accounts where user_id = $1 and confirmed_at = 0")
            .bind(user.id)
            .optional(&mut tx)
            .await?;
        if waits.is_none() {
            return Ok(());
        }
        let issued = self.issue(&mut tx, user.id, Purpose::ConfirmEmail, email).await?;
        tx.commit().await?;
        self.post(letters::confirm(&self.rules, email, &user.username, &issued.token));
        Ok(())
    }

    /// Asks the owner of a new address, for whoever knows the password; an address that is taken gets no mail, and
    /// whoever asked is told the same. Without mail there is nobody to ask: the address is taken over at once.
    /// True when a mail is on its way.
    pub async fn change_email(&self, me: &User, password: String, new: Email) -> Result<bool, Error> {
        let proven = self.prove_again(me.id, password).await?;
        if proven.email == new.text() {
            return Err(Error::Invalid { field: "email", rule: "must be another one" });
        }
        let _turn = self.user_changes.lock().await;
        let mut tx = self.db.begin().await?;
        if self.mail.is_none() {
            let user = self.set_email(&mut tx, me.id, &new, false).await?;
            tx.commit().await?;
            self.publish_user(&user);
            return Ok(false);
        }
        let taken = sql("select user_id from accounts where email_folded = $1 and user_id <> $2")
            .bind(new.folded())
            .bind(me.id)
            .optional(&mut tx)
            .await?;
        sql("delete from links where user_id = $1 and purpose = $2")
            .bind(me.id)
            .bind(Purpose::ChangeEmail.text())
            .execute(&mut tx)
            .await?;
        // Issued in both cases, so that one's own page shows the same too.
        let issued = self.issue(&mut tx, me.id, Purpose::ChangeEmail, new.text()).await?;
        tx.commit().await?;
        if taken.is_none() {
            self.post(letters::change_email(&self.rules, new.text(), &me.username, &issued.token));
        }
        Ok(true)
    }

    /// Uses a link that confirms an address: of an account, its next one, or that of a registration.
    pub async fn confirm(&self, token: &Token) -> Result<(), Error> {
        let _turn = self.user_changes.lock().await;
        let mut tx = self.db.begin().await?;
        if let Some(used) = self.take(&mut tx, token, Purpose::ConfirmEmail).await? {
            let confirmed =
                sql("update accounts set confirmed_at = $3 where user_id = $1 and email = $2 and confirmed_at = 0")
                    .bind(used.user)
                    .bind(used.email)
                    .bind(self.clock.now())
                    .execute(&mut tx)
                    .await?;
            tx.commit().await?;
            // Confirmed already is as good; another address since then is not.
            return if confirmed == 0 { Err(Error::LinkClosed) } else { Ok(()) };
        }
        if let Some(used) = self.take(&mut tx, token, Purpose::ChangeEmail).await? {
            let old = stored_email(&mut tx, used.user).await?.ok_or(Error::LinkClosed)?;
            let user = match self.set_email(&mut tx, used.user, &Email::parse(&used.email)?, true).await {
                Err(Error::EmailTaken) => return Err(Error::LinkClosed),
                other => other?,
            };
            tx.commit().await?;
            self.publish_user(&user);
            self.post(letters::email_changed(&self.rules, &old));
            return Ok(());
        }
        drop(tx);
        self.finish_sign_up(token).await
    }

    /// Uses a link that replaces a forgotten password. Every sign-in of the account ends.
    pub async fn reset_password(&self, token: &Token, password: Password) -> Result<Vec<Ended>, Error> {
        // Before the hash: a wrong link must not cost one.
        {
            let mut read = self.db.read().await?;
            find(&mut read, token, Purpose::ResetPassword, self.clock.now())
                .await?
                .ok_or(Error::LinkClosed)?;
        }
        let hash = self.passwords.hash(password.into_text()).await?;
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let used = self.take(&mut tx, token, Purpose::ResetPassword).await?.ok_or(Error::LinkClosed)?;
        let changed = sql("update accounts set password_hash = $3 where user_id = $1 and email = $2")
            .bind(used.user)
            .bind(used.email.as_str())
            .bind(hash)
            .execute(&mut tx)
            .await?;
        if changed == 0 {
            return Err(Error::LinkClosed);
        }
        close_all(&mut tx, used.user).await?;
        let ended = sessions::end_all(&mut tx, used.user, None).await?;
        self.note(&mut tx, now, Deed::by(None::<UserId>, AuditAction::PasswordReset).to(used.user)).await?;
        tx.commit().await?;
        self.post(letters::password_changed(&self.rules, &used.email));
        Ok(ended)
    }

    /// Where a link for a new password leads.
    pub fn reset_url(&self, issued: &Issued) -> String {
        letters::link(&self.rules, "reset", &issued.token)
    }

    /// Stores a new link.
    pub(super) async fn issue(
        &self,
        tx: &mut Conn,
        user: UserId,
        purpose: Purpose,
        email: &str,
    ) -> Result<Issued, Error> {
        let token = Token::random()?;
        let expires_at = self.clock.now() + purpose.lasts();
        sql(
            "insert into links (token_hash, user_id, purpose, email, expires_at) values ($1, $2, $3, $4, $5)",
        )
        .bind(token.hash())
        .bind(user)
        .bind(purpose.text())
        .bind(email)
        .bind(expires_at)
        .execute(tx)
        .await?;
        Ok(Issued { token, expires_at })
    }

    async fn take(&self, tx: &mut Conn, token: &Token, purpose: Purpose) -> Result<Option<Used>, Error> {
        let Some(used) = find(tx, token, purpose, self.clock.now()).await? else { return Ok(None) };
        let deleted = sql("delete from links where token_hash = $1").bind(token.hash()).execute(tx).await?;
        // Zero: somebody else has used it in between.
        Ok((deleted == 1).then_some(used))
    }

    async fn set_email(
        &self,
        tx: &mut Conn,
        user: UserId,
        email: &Email,
        confirmed: bool,
    ) -> Result<User, Error> {
        let now = self.clock.now();
        let mut known = users::find(tx, user).await?.ok_or(Error::NotFound)?;
        let old = stored_email(tx, user).await?.ok_or(Error::NotFound)?;
        let changed =
            sql("update accounts set email = $2, email_folded = $3, confirmed_at = $4 where user_id = $1")
                .bind(user)
                .bind(email.text())
                .bind(email.folded())
                .bind(if confirmed { now.as_millis() } else { 0 })
                .execute(tx)
                .await;
        match changed {
            Err(error) if error.is_duplicate() => return Err(Error::EmailTaken),
            other => other?,
        };
        profiles::follow_email(tx, &mut known, &old, email.text()).await?;
        close_all(tx, user).await?;
        self.note(tx, now, Deed::by(user, AuditAction::EmailChanged).to(user)).await?;
        Ok(known)
    }

    /// The account with this address, and the address as its owner wrote it.
    async fn find_address(&self, email: &Email) -> Result<Option<(User, String)>, Error> {
        let mut read = self.db.read().await?;
        let row = sql("select u.id, u.username, u.role, u.display_name, u.avatar, u.state, a.email
                       from accounts a join users u on u.id = a.user_id
                       where a.email_folded = $1 and u.state = 'active'")
        .bind(email.folded())
        .optional(&mut read)
        .await?;
        row.map(|row| Ok((users::user(&row)?, row.text("email")?))).transpose()
    }
}

/// Every link of a user is closed: who proved to be them would otherwise leave other ways open.
pub(super) async fn close_all(tx: &mut Conn, user: UserId) -> Result<(), Error> {
    sql("delete from links where user_id = $1").bind(user).execute(tx).await?;
    Ok(())
}

/// The address of an account.
pub(super) async fn stored_email(conn: &mut Conn, user: UserId) -> Result<Option<String>, Error> {
    let row = sql("select email from accounts where user_id = $1").bind(user).optional(conn).await?;
    row.map(|row| Ok(row.text("email")?)).transpose()
}

/// The address a user wants and has not confirmed.
pub(super) async fn pending_email(
    conn: &mut Conn,
    user: UserId,
    now: Timestamp,
) -> Result<Option<String>, Error> {
    let row = sql("select email from links where user_id = $1 and purpose = $2 and expires_at > $3")
        .bind(user)
        .bind(Purpose::ChangeEmail.text())
        .bind(now)
        .optional(conn)
        .await?;
    row.map(|row| Ok(row.text("email")?)).transpose()
}

async fn find(
    conn: &mut Conn,
    token: &Token,
    purpose: Purpose,
    now: Timestamp,
) -> Result<Option<Used>, Error> {
    let row =
        sql("select user_id, email from links where token_hash = $1 and purpose = $2 and expires_at > $3")
            .bind(token.hash())
            .bind(purpose.text())
            .bind(now)
            .optional(conn)
            .await?;
    row.map(|row| Ok(Used { user: row.id("user_id")?, email: row.text("email")? })).transpose()
}
