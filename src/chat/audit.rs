//! The audit log: what was done to accounts, by whom. Only ever added to, within the transaction it tells of.

use super::{Chat, Error, users};
use crate::clock::Timestamp;
use crate::db::{Conn, Value, sql};
use crate::id::UserId;
use crate::protocol::rest::AuditEntry;

/// Entries of a page.
const PAGE: i64 = 50;

/// What can be done to an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Action {
    /// An admin made it.
    UserCreated,
    /// An admin made somebody an admin, or a member.
    RoleChanged,
    /// An admin shut somebody out.
    UserDisabled,
    /// An admin let somebody in again.
    UserEnabled,
    /// A link for a new password was issued by hand.
    ResetLinkIssued,
    /// Such a link, or one out of a mail, was used.
    PasswordReset,
    /// Its owner took another password.
    PasswordChanged,
    /// Its owner took another address.
    EmailChanged,
    /// Its owner ended it.
    AccountDeleted,
    /// A spent refresh token came again, and its sign-in was ended.
    TokenReused,
}

impl Action {
    fn text(self) -> &'static str {
        match self {
            Self::UserCreated => "user_created",
            Self::RoleChanged => "role_changed",
            Self::UserDisabled => "user_disabled",
            Self::UserEnabled => "user_enabled",
            Self::ResetLinkIssued => "reset_link_issued",
            Self::PasswordReset => "password_reset",
            Self::PasswordChanged => "password_changed",
            Self::EmailChanged => "email_changed",
            Self::AccountDeleted => "account_deleted",
            Self::TokenReused => "token_reused",
        }
    }
}

impl Chat {
    /// Writes down what the rest of the transaction does. No `actor` is the console, or whoever held a link.
    pub(super) async fn note(
        &self,
        tx: &mut Conn,
        now: Timestamp,
        actor: Option<UserId>,
        action: Action,
        subject: Option<UserId>,
        detail: &str,
    ) -> Result<(), Error> {
        let id: uuid::Uuid = self.ids.next(now);
        sql("insert into audit_log (id, at, actor, action, subject, detail) values ($1, $2, $3, $4, $5, $6)")
            .bind(id)
            .bind(now)
            .bind(Value::Id(actor.map(Into::into)))
            .bind(action.text())
            .bind(Value::Id(subject.map(Into::into)))
            .bind(detail)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// A page of the log, newest first, before that entry; for admins.
    pub async fn audit(&self, admin: UserId, before: Option<uuid::Uuid>) -> Result<Vec<AuditEntry>, Error> {
        let mut read = self.db.read().await?;
        users::require_admin(&mut read, admin).await?;
        // The nil id stands for nobody: what is absent is read without a second kind of column.
        let nobody = uuid::Uuid::nil();
        let rows = sql(
            "select id, at, coalesce(actor, $3) as actor, action, coalesce(subject, $3) as subject, detail
                        from audit_log where id < $1 order by id desc limit $2",
        )
        .bind(before.unwrap_or(uuid::Uuid::max()))
        .bind(PAGE)
        .bind(nobody)
        .all(&mut read)
        .await?;
        let somebody = |id: uuid::Uuid| (id != nobody).then(|| id.into());
        rows.iter()
            .map(|row| {
                Ok(AuditEntry {
                    id: row.id("id")?,
                    at: row.time("at")?,
                    actor: somebody(row.id("actor")?),
                    action: row.text("action")?,
                    subject: somebody(row.id("subject")?),
                    detail: row.text("detail")?,
                })
            })
            .collect()
    }
}
