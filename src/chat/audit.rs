//! The audit log: what was done to accounts, channels, groups and the whole server, by whom. Only ever added to, within
//! the transaction it tells of.
//!
//! It keeps the newest [`KEPT`] entries; what is older is cleared away once an hour. What somebody writes or does in
//! channels of their own is no affair of it.

use super::{Chat, Error, users};
use crate::clock::Timestamp;
use crate::db::{Conn, Value, sql};
use crate::id::UserId;
use crate::protocol::rest::{AuditAction, AuditEntry, AuditPage};

/// Entries of a page.
const PAGE: usize = 50;

/// Entries that are kept: years of a busy server, and some 20 MB. Of more, the oldest go.
pub const KEPT: i64 = 100_000;

/// Characters of a name or a detail that are kept.
const WORDS: usize = 500;

/// What was done, as it is written down.
#[derive(Clone, Copy)]
pub(super) struct Deed<'a> {
    actor: Option<UserId>,
    action: AuditAction,
    subject: Option<UserId>,
    object: &'a str,
    detail: &'a str,
}

impl<'a> Deed<'a> {
    /// Done by somebody; by nobody when it was at the console, or by whoever held a link.
    pub(super) fn by(actor: impl Into<Option<UserId>>, action: AuditAction) -> Self {
        Self { actor: actor.into(), action, subject: None, object: "", detail: "" }
    }

    /// To this user.
    pub(super) fn to(self, user: UserId) -> Self {
        Self { subject: Some(user), ..self }
    }

    /// To something that has this name now.
    pub(super) fn on(self, object: &'a str) -> Self {
        Self { object, ..self }
    }

    /// What more there is to say, as `key: value` with semicolons between. Never a secret.
    pub(super) fn saying(self, detail: &'a str) -> Self {
        Self { detail, ..self }
    }
}

/// Which entries are wanted.
#[derive(Clone, Copy, Default)]
pub struct Wanted {
    /// Those older than this one.
    pub before: Option<uuid::Uuid>,
    /// What this user did.
    pub actor: Option<UserId>,
    /// Of this kind.
    pub action: Option<AuditAction>,
}

macro_rules! entries {
    ($filter:literal) => {
        concat!(
            // The nil id stands for nobody: what is absent is read without a second kind of column.
            "select id, at, coalesce(actor, $3) as actor, action, coalesce(subject, $3) as subject, object, detail
             from audit_log where id < $1",
            $filter,
            " order by id desc limit $2"
        )
    };
}

impl Chat {
    /// Writes down what the rest of the transaction does.
    pub(super) async fn note(&self, tx: &mut Conn, now: Timestamp, deed: Deed<'_>) -> Result<(), Error> {
        let Deed { actor, action, subject, object, detail } = deed;
        let id: uuid::Uuid = self.ids.next(now);
        sql("insert into audit_log (id, at, actor, action, subject, object, detail)
             values ($1, $2, $3, $4, $5, $6, $7)")
        .bind(id)
        .bind(now)
        .bind(Value::Id(actor.map(Into::into)))
        .bind(action.text())
        .bind(Value::Id(subject.map(Into::into)))
        .bind(cut(object))
        .bind(cut(detail))
        .execute(tx)
        .await?;
        Ok(())
    }

    /// A page of the log, newest first; for admins.
    pub async fn audit(&self, admin: UserId, wanted: Wanted) -> Result<AuditPage, Error> {
        let mut read = self.db.read().await?;
        users::require_admin(&mut read, admin).await?;
        let nobody = uuid::Uuid::nil();
        let text = match (wanted.actor, wanted.action) {
            (None, None) => entries!(""),
            (Some(_), None) => entries!(" and actor = $4"),
            (None, Some(_)) => entries!(" and action = $4"),
            (Some(_), Some(_)) => entries!(" and actor = $4 and action = $5"),
        };
        let mut statement =
            sql(text).bind(wanted.before.unwrap_or(uuid::Uuid::max())).bind(PAGE as i64 + 1).bind(nobody);
        if let Some(actor) = wanted.actor {
            statement = statement.bind(actor);
        }
        if let Some(action) = wanted.action {
            statement = statement.bind(action.text());
        }
        let rows = statement.all(&mut read).await?;
        let somebody = |id: uuid::Uuid| (id != nobody).then(|| id.into());
        let entries = rows.iter().take(PAGE).map(|row| {
            let action = row.text("action")?;
            Ok(AuditEntry {
                id: row.id("id")?,
                at: row.time("at")?,
                actor: somebody(row.id("actor")?),
                action: AuditAction::from_text(&action)
                    .ok_or(Error::Stored { what: "action", value: action })?,
                subject: somebody(row.id("subject")?),
                object: row.text("object")?,
                detail: row.text("detail")?,
            })
        });
        Ok(AuditPage { entries: entries.collect::<Result<_, Error>>()?, more: rows.len() > PAGE })
    }
}

/// Clears away all but the newest so many.
pub(super) async fn trim(tx: &mut Conn, kept: i64) -> Result<(), Error> {
    sql("delete from audit_log where id <= (select id from audit_log order by id desc limit 1 offset $1)")
        .bind(kept)
        .execute(tx)
        .await?;
    Ok(())
}

/// Names have their own bounds; this is for what is put together out of them.
fn cut(text: &str) -> &str {
    text.char_indices().nth(WORDS).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::tests::an_empty_one;

    #[tokio::test]
    async fn it_keeps_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let chat = an_empty_one(folder.path()).await;
        let left = async || {
            let rows =
                sql("select detail from audit_log order by id").all(&mut chat.db.read().await.unwrap()).await;
            rows.unwrap().iter().map(|row| row.text("detail").unwrap()).collect::<Vec<_>>()
        };
        let mut tx = chat.db.begin().await.unwrap();
        for detail in ["1", "2", "3", "4"] {
            let deed = Deed::by(None::<UserId>, AuditAction::SettingChanged).saying(detail);
            chat.note(&mut tx, chat.now(), deed).await.unwrap();
        }
        trim(&mut tx, 4).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(left().await, ["1", "2", "3", "4"]);
        let mut tx = chat.db.begin().await.unwrap();
        trim(&mut tx, 2).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(left().await, ["3", "4"]);
        assert_eq!(cut(&"ä".repeat(WORDS + 1)), "ä".repeat(WORDS));
    }
}
