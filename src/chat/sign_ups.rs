//! Registrations that wait for the answer to their mail.
//!
//! Nobody sees them. Whether the address had an account is told to its owner alone: the name is held, and the
//! answer to whoever registers is the same, in both cases.

use super::accounts::{Draft, Email, NewAccount, Username};
use super::tokens::Token;
use super::{Chat, Error, letters, links};
use crate::db::sql;
use crate::protocol::types::Role;

impl Chat {
    /// Keeps a registration and asks the owner of the address.
    pub(super) async fn sign_up(&self, draft: Draft) -> Result<(), Error> {
        let Draft { username, email, password } = draft;
        let hash = self.passwords.hash(password.into_text()).await?;
        let token = Token::random()?;
        let now = self.clock.now();
        let id: uuid::Uuid = self.ids.next(now);
        let mut tx = self.db.begin().await?;
        self.settings_in(&mut tx).await?.require_open()?;
        // A name is held no longer than its link is good.
        sql("delete from sign_ups where expires_at <= $1").bind(now).execute(&mut tx).await?;
        let taken = sql("select id from users where username_folded = $1")
            .bind(username.folded())
            .optional(&mut tx)
            .await?;
        if taken.is_some() {
            return Err(Error::NameTaken);
        }
        let account = sql("select u.username from accounts a join users u on u.id = a.user_id
                           where a.email_folded = $1")
        .bind(email.folded())
        .optional(&mut tx)
        .await?
        .map(|row| row.text("username"))
        .transpose()?;
        let kept = sql("insert into sign_ups
                (id, username, username_folded, email, email_folded, password_hash, token_hash, expires_at)
                values ($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(id)
        .bind(username.text())
        .bind(username.folded())
        .bind(email.text())
        .bind(email.folded())
        .bind(hash)
        .bind(token.hash())
        .bind(now + links::CONFIRM_FOR)
        .execute(&mut tx)
        .await;
        match kept {
            Err(error) if error.is_duplicate() => return Err(Error::NameTaken),
            other => other?,
        };
        tx.commit().await?;
        self.post(match account {
            Some(known) => letters::has_account(&self.rules, email.text(), &known),
            None => letters::confirm(&self.rules, email.text(), username.text(), &token),
        });
        Ok(())
    }

    /// Sends new links to an address that registrations wait for.
    pub(super) async fn mail_sign_ups(&self, email: &Email) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        // With an account there is nothing to confirm here. Of several, the latest: it is what the person did last.
        let row = sql("select id, username, email from sign_ups where email_folded = $1 and expires_at > $2
                       and not exists (select 1 from accounts where email_folded = $1)
                       order by id desc limit 1")
        .bind(email.folded())
        .bind(self.clock.now())
        .optional(&mut tx)
        .await?;
        let Some(row) = row else { return Ok(()) };
        let token = Token::random()?;
        sql("update sign_ups set token_hash = $2 where id = $1")
            .bind(row.id::<uuid::Uuid>("id")?)
            .bind(token.hash())
            .execute(&mut tx)
            .await?;
        let (username, email) = (row.text("username")?, row.text("email")?);
        tx.commit().await?;
        self.post(letters::confirm(&self.rules, &email, &username, &token));
        Ok(())
    }

    /// Uses the link of a registration: the account begins, and everybody is told. Where registration was closed
    /// meanwhile it does not, and the link stays good for its time.
    pub(super) async fn finish_sign_up(&self, token: &Token) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let row = sql(
            "select username, email, password_hash from sign_ups where token_hash = $1 and expires_at > $2",
        )
        .bind(token.hash())
        .bind(self.clock.now())
        .optional(&mut tx)
        .await?
        .ok_or(Error::LinkClosed)?;
        let deleted =
            sql("delete from sign_ups where token_hash = $1").bind(token.hash()).execute(&mut tx).await?;
        if deleted == 0 {
            return Err(Error::LinkClosed);
        }
        self.settings_in(&mut tx).await?.require_open()?;
        let account = NewAccount {
            username: Username::parse(&row.text("username")?)?,
            email: Email::parse(&row.text("email")?)?,
            password_hash: row.text("password_hash")?,
            role: Role::Member,
            confirmed: true,
        };
        let user = match self.insert(&mut tx, account).await {
            // Somebody was faster with one or the other.
            Err(Error::NameTaken | Error::EmailTaken) => return Err(Error::LinkClosed),
            other => other?,
        };
        tx.commit().await?;
        self.publish_user(&user);
        Ok(())
    }
}
