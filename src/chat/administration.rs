//! What an admin may do to other people's accounts. Every operation asks in its transaction whether whoever wants it
//! is an admin now, writes the audit log in the same one, and leaves the server somebody to run it.

use super::accounts::{Draft, NewAccount};
use super::audit::Deed;
use super::links::{self, Issued, Purpose};
use super::sessions::{self, Ended};
use super::{Chat, Error, users};
use crate::db::{Conn, sql};
use crate::id::UserId;
use crate::protocol::administration::{People, Person};
use crate::protocol::rest::AuditAction;
use crate::protocol::types::{Role, User, UserState};

/// People of a page.
const PAGE: i64 = 100;

impl Chat {
    /// Makes an account for somebody, also where registration is closed. The address counts as confirmed.
    pub async fn create_user(&self, admin: UserId, draft: Draft) -> Result<User, Error> {
        // Not everybody's hash: an admin asks rarely, anybody else not at all.
        users::require_admin(&mut *self.db.read().await?, admin).await?;
        let Draft { username, email, password } = draft;
        let password_hash = self.passwords.hash(password.into_text()).await?;
        let mut tx = self.db.begin().await?;
        users::require_admin(&mut tx, admin).await?;
        let account = NewAccount { username, email, password_hash, role: Role::Member, confirmed: true };
        let user = self.insert(&mut tx, account).await?;
        self.note(&mut tx, self.now(), Deed::by(admin, AuditAction::UserCreated).to(user.id)).await?;
        tx.commit().await?;
        self.publish_user(&user);
        Ok(user)
    }

    /// A page of everybody who has an account, after this user name, with what only admins see; of those alone who have
    /// `search` in a name or in their address, if it is anything.
    pub async fn people(&self, admin: UserId, after: &str, search: &str) -> Result<People, Error> {
        let mut read = self.db.read().await?;
        users::require_admin(&mut read, admin).await?;
        let rows = sql("select u.id, u.username, u.role, u.display_name, u.avatar, u.state, u.created_at,
                               a.email, a.confirmed_at
                        from users u join accounts a on a.user_id = u.id
                        where u.username_folded > $1
                          and (u.username_folded like $3 escape '\\' or a.email_folded like $3 escape '\\'
                               or lower(u.display_name) like $3 escape '\\')
                        order by u.username_folded limit $2")
        .bind(after.to_lowercase())
        .bind(PAGE + 1)
        .bind(pattern(search))
        .all(&mut read)
        .await?;
        let mut people = rows
            .iter()
            .map(|row| {
                Ok(Person {
                    user: users::user(row)?,
                    email: row.text("email")?,
                    confirmed: row.integer("confirmed_at")? > 0,
                    created_at: row.time("created_at")?,
                })
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let more = people.len() > PAGE as usize;
        people.truncate(PAGE as usize);
        Ok(People { people, more })
    }

    /// Makes somebody an admin, or a member.
    pub async fn set_role(&self, admin: UserId, user: UserId, role: Role) -> Result<User, Error> {
        let _turn = self.user_changes.lock().await;
        let mut tx = self.db.begin().await?;
        users::require_admin(&mut tx, admin).await?;
        let mut known = account_of(&mut tx, user).await?;
        if role == known.role {
            return Ok(known);
        }
        if role == Role::Member {
            users::require_another_admin(&mut tx, user).await?;
        }
        sql("update users set role = $2 where id = $1")
            .bind(user)
            .bind(users::role_text(role))
            .execute(&mut tx)
            .await?;
        let detail = format!("role: {}", users::role_text(role));
        known.role = role;
        self.note(&mut tx, self.now(), Deed::by(admin, AuditAction::RoleChanged).to(user).saying(&detail))
            .await?;
        tx.commit().await?;
        self.publish_user(&known);
        Ok(known)
    }

    /// Shuts somebody out, which ends all their sign-ins, or lets them in again.
    pub async fn set_disabled(
        &self,
        admin: UserId,
        user: UserId,
        disabled: bool,
    ) -> Result<(User, Vec<Ended>), Error> {
        let (state, action) = match disabled {
            true => (UserState::Disabled, AuditAction::UserDisabled),
            false => (UserState::Active, AuditAction::UserEnabled),
        };
        let _turn = self.user_changes.lock().await;
        let mut tx = self.db.begin().await?;
        users::require_admin(&mut tx, admin).await?;
        let mut known = account_of(&mut tx, user).await?;
        if state == known.state {
            return Ok((known, Vec::new()));
        }
        if disabled {
            users::require_another_admin(&mut tx, user).await?;
        }
        sql("update users set state = $2 where id = $1")
            .bind(user)
            .bind(users::state_text(state))
            .execute(&mut tx)
            .await?;
        known.state = state;
        let ended = match disabled {
            true => sessions::end_all(&mut tx, user, None).await?,
            false => Vec::new(),
        };
        self.note(&mut tx, self.now(), Deed::by(admin, action).to(user)).await?;
        tx.commit().await?;
        self.publish_user(&known);
        Ok((known, ended))
    }

    /// Ends somebody's account for good, as they could themselves.
    pub async fn delete_user(&self, admin: UserId, user: UserId) -> Result<Vec<Ended>, Error> {
        self.end_account(admin, user).await
    }

    /// A link for a new password, for an admin to hand over: where there is no mail, and for who lost the address too.
    pub async fn issue_reset_link(&self, admin: UserId, user: UserId) -> Result<(Issued, String), Error> {
        let mut tx = self.db.begin().await?;
        users::require_admin(&mut tx, admin).await?;
        let known = account_of(&mut tx, user).await?;
        self.hand_out(tx, &known, Some(admin)).await
    }

    /// The same for whoever sits at the console: the way back for an admin who is the only one.
    pub async fn issue_reset_link_at_console(&self, username: &str) -> Result<(Issued, String), Error> {
        let mut tx = self.db.begin().await?;
        let row = sql("select id from users where username_folded = $1 and state <> 'deleted'")
            .bind(username.trim().to_lowercase())
            .optional(&mut tx)
            .await?
            .ok_or(Error::NotFound)?;
        let known = account_of(&mut tx, row.id("id")?).await?;
        self.hand_out(tx, &known, None).await
    }

    async fn hand_out(
        &self,
        mut tx: crate::db::Tx,
        user: &User,
        actor: Option<UserId>,
    ) -> Result<(Issued, String), Error> {
        let email = links::stored_email(&mut tx, user.id).await?.ok_or(Error::NotFound)?;
        let issued = self.issue(&mut tx, user.id, Purpose::ResetPassword, &email).await?;
        self.note(&mut tx, self.now(), Deed::by(actor, AuditAction::ResetLinkIssued).to(user.id)).await?;
        tx.commit().await?;
        let url = self.reset_url(&issued);
        Ok((issued, url))
    }
}

/// What `like` finds texts with: those that have `part` in them, whatever its case. What means something to `like`
/// means itself.
fn pattern(part: &str) -> String {
    let plain = part.trim().to_lowercase().replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    format!("%{plain}%")
}

impl Issued {
    /// Until when it is good.
    pub fn expires_at(&self) -> crate::clock::Timestamp {
        self.expires_at
    }
}

/// A user who has an account.
async fn account_of(tx: &mut Conn, user: UserId) -> Result<User, Error> {
    users::find(tx, user).await?.filter(|user| user.state != UserState::Deleted).ok_or(Error::NotFound)
}
