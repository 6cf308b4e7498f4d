//! Groups: named sets of people who can be mentioned at once. Admins make and change them.
//!
//! A group, a user and a word with a meaning of its own never have the same name after an `@`. Changes go one after
//! the other to their very end, as those of channels do.

use super::audit::Deed;
use super::channels::settings::{is_out_of_line, slug};
use super::{Chat, Error, accounts, users};
use crate::db::{Conn, Row, sql};
use crate::id::{GroupId, UserId};
use crate::live::hub::Audience;
use crate::protocol::rest::AuditAction;
use crate::protocol::server::ServerEvent;
use crate::protocol::types::Group;

/// Groups a server may have. All of them are in every snapshot; one more is refused.
pub const GROUPS_MAX: i64 = 500;

/// Characters a group's name may have.
pub const NAME_MAX: usize = 40;

/// Members of one page.
pub const MEMBERS_PAGE: usize = 500;

const NAME: &str = "name";

/// A group as an admin wants it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draft {
    name: String,
    slug: String,
    color: Option<String>,
}

impl Draft {
    /// Name and colour, if they are what they should be: one line that has a name for an `@` in it, which means
    /// nothing else; and `#` with six hexadecimal digits.
    pub fn parse(name: &str, color: Option<String>) -> Result<Self, Error> {
        let name = name.trim();
        if !(1..=NAME_MAX).contains(&name.chars().count()) || name.chars().any(is_out_of_line) {
            return Err(Error::Invalid { field: NAME, rule: "1 to 40 visible characters on one line" });
        }
        let slug = slug(name);
        if slug.is_empty() {
            return Err(Error::Invalid { field: NAME, rule: "at least one letter a to z or digit" });
        }
        if accounts::is_reserved(&slug) {
            return Err(Error::Invalid { field: NAME, rule: "this word is reserved" });
        }
        let is_color = |text: &String| {
            text.strip_prefix('#').is_some_and(|digits| {
                digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
            })
        };
        if !color.as_ref().is_none_or(is_color) {
            return Err(Error::Invalid { field: "color", rule: "# and six hexadecimal digits" });
        }
        Ok(Self { name: name.to_owned(), slug, color: color.map(|color| color.to_ascii_lowercase()) })
    }

    fn named(self, id: GroupId) -> Group {
        Group { id, name: self.name, slug: self.slug, color: self.color }
    }
}

impl Chat {
    /// Makes a group with nobody in it, and tells everybody.
    pub async fn create_group(&self, admin: UserId, draft: Draft) -> Result<Group, Error> {
        // Never closed, so there is always a turn.
        let _turn = self.group_changes.acquire().await;
        let mut tx = self.db.begin().await?;
        users::require_admin(&mut tx, admin).await?;
        let there = sql("select count(*) as groups from groups").one(&mut tx).await?.integer("groups")?;
        if there >= GROUPS_MAX {
            return Err(Error::TooManyGroups);
        }
        require_unused(&mut tx, &draft).await?;
        let now = self.clock.now();
        let group = draft.named(self.ids.next(now));
        let inserted =
            sql("insert into groups (id, name, slug, color, created_at) values ($1, $2, $3, $4, $5)")
                .bind(group.id)
                .bind(group.name.as_str())
                .bind(group.slug.as_str())
                .bind(stored(&group.color))
                .bind(now)
                .execute(&mut tx)
                .await;
        only_one(inserted)?;
        self.note(&mut tx, now, Deed::by(admin, AuditAction::GroupCreated).on(&group.name)).await?;
        tx.commit().await?;

        self.hub.publish(Audience::Everyone, &ServerEvent::GroupChanged { group: group.clone() });
        Ok(group)
    }

    /// Gives a group another name and colour, and tells everybody.
    pub async fn update_group(&self, admin: UserId, id: GroupId, draft: Draft) -> Result<Group, Error> {
        let _turn = self.group_changes.acquire().await;
        let mut tx = self.db.begin().await?;
        users::require_admin(&mut tx, admin).await?;
        require_unused(&mut tx, &draft).await?;
        let before = find(&mut tx, id).await?;
        let group = draft.named(id);
        if group == before {
            return Ok(group);
        }
        let updated = sql("update groups set name = $1, slug = $2, color = $3 where id = $4")
            .bind(group.name.as_str())
            .bind(group.slug.as_str())
            .bind(stored(&group.color))
            .bind(id)
            .execute(&mut tx)
            .await;
        only_one(updated)?;
        let name = (before.name != group.name).then(|| format!("name: {}", group.name));
        let color = (before.color != group.color)
            .then(|| format!("color: {}", group.color.as_deref().unwrap_or("none")));
        let detail = [name, color].into_iter().flatten().collect::<Vec<_>>().join("; ");
        let deed = Deed::by(admin, AuditAction::GroupChanged).on(&before.name).saying(&detail);
        self.note(&mut tx, self.clock.now(), deed).await?;
        tx.commit().await?;

        self.hub.publish(Audience::Everyone, &ServerEvent::GroupChanged { group: group.clone() });
        Ok(group)
    }

    /// Deletes a group, and tells everybody. Messages that mention it stay as they are.
    pub async fn delete_group(&self, admin: UserId, group: GroupId) -> Result<(), Error> {
        let _turn = self.group_changes.acquire().await;
        let mut tx = self.db.begin().await?;
        users::require_admin(&mut tx, admin).await?;
        let before = find(&mut tx, group).await?;
        sql("delete from groups where id = $1").bind(group).execute(&mut tx).await?;
        let deed = Deed::by(admin, AuditAction::GroupDeleted).on(&before.name);
        self.note(&mut tx, self.clock.now(), deed).await?;
        tx.commit().await?;

        self.hub.publish(Audience::Everyone, &ServerEvent::GroupDeleted { group });
        Ok(())
    }

    /// Takes somebody into a group or out of it, and tells everybody; harmless when it is so already.
    pub async fn set_group_member(
        &self,
        admin: UserId,
        group: GroupId,
        user: UserId,
        member: bool,
    ) -> Result<(), Error> {
        let _turn = self.group_changes.acquire().await;
        let mut tx = self.db.begin().await?;
        users::require_admin(&mut tx, admin).await?;
        let known = find(&mut tx, group).await?;
        users::find(&mut tx, user).await?.ok_or(Error::NotFound)?;
        let statement = match member {
            true => sql("insert into group_members (group_id, user_id, joined_at) values ($1, $2, $3)
                         on conflict do nothing")
            .bind(group)
            .bind(user)
            .bind(self.clock.now()),
            false => {
                sql("delete from group_members where group_id = $1 and user_id = $2").bind(group).bind(user)
            }
        };
        let changed = statement.execute(&mut tx).await? > 0;
        if changed {
            let action = if member { AuditAction::GroupMemberAdded } else { AuditAction::GroupMemberRemoved };
            let deed = Deed::by(admin, action).to(user).on(&known.name);
            self.note(&mut tx, self.clock.now(), deed).await?;
        }
        tx.commit().await?;

        if changed {
            let event = ServerEvent::GroupMemberChanged { group, user, member };
            self.hub.publish(Audience::Everyone, &event);
        }
        Ok(())
    }

    /// A page of a group's members in the order of their ids, after `after`; and whether there are more.
    pub async fn group_members(
        &self,
        group: GroupId,
        after: Option<UserId>,
    ) -> Result<(Vec<UserId>, bool), Error> {
        let mut read = self.db.read().await?;
        let there = sql("select id from groups where id = $1").bind(group).optional(&mut read).await?;
        there.ok_or(Error::NotFound)?;
        let rows = sql(super::fanouts::GROUP_AFTER)
            .bind(group)
            .bind(after.unwrap_or(uuid::Uuid::nil().into()))
            .bind(MEMBERS_PAGE as i64 + 1)
            .all(&mut read)
            .await?;
        let members =
            rows.iter().take(MEMBERS_PAGE).map(|row| row.id("user_id")).collect::<Result<_, _>>()?;
        Ok((members, rows.len() > MEMBERS_PAGE))
    }
}

/// Everybody's groups, by name.
pub async fn all(conn: &mut Conn) -> Result<Vec<Group>, Error> {
    let rows = sql("select id, name, slug, color from groups order by slug limit $1")
        .bind(GROUPS_MAX)
        .all(conn)
        .await?;
    rows.iter().map(group).collect()
}

async fn find(conn: &mut Conn, id: GroupId) -> Result<Group, Error> {
    let row = sql("select id, name, slug, color from groups where id = $1").bind(id).optional(conn).await?;
    group(&row.ok_or(Error::NotFound)?)
}

/// The groups a user is in.
pub async fn of_user(conn: &mut Conn, user: UserId) -> Result<Vec<GroupId>, Error> {
    let rows = sql("select group_id from group_members where user_id = $1 limit $2")
        .bind(user)
        .bind(GROUPS_MAX)
        .all(conn)
        .await?;
    rows.iter().map(|row| Ok(row.id("group_id")?)).collect()
}

/// Whether a group is mentioned by this name, which is in lower case.
pub async fn is_named(conn: &mut Conn, folded: &str) -> Result<bool, Error> {
    Ok(sql("select id from groups where slug = $1").bind(folded).optional(conn).await?.is_some())
}

async fn require_unused(conn: &mut Conn, draft: &Draft) -> Result<(), Error> {
    let user = sql("select id from users where username_folded = $1")
        .bind(draft.slug.as_str())
        .optional(conn)
        .await?;
    if user.is_some() { Err(Error::NameTaken) } else { Ok(()) }
}

fn only_one(changed: Result<u64, crate::db::Error>) -> Result<u64, Error> {
    match changed {
        Err(error) if error.is_duplicate() => Err(Error::NameTaken),
        other => Ok(other?),
    }
}

fn stored(color: &Option<String>) -> &str {
    color.as_deref().unwrap_or_default()
}

fn group(row: &Row) -> Result<Group, Error> {
    let color = Some(row.text("color")?).filter(|color| !color.is_empty());
    Ok(Group { id: row.id("id")?, name: row.text("name")?, slug: row.text("slug")?, color })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_a_name_for_an_at_and_a_colour() {
        let draft = Draft::parse("  Dev Team ", Some("#00AAff".to_owned())).unwrap();
        assert_eq!((draft.slug.as_str(), draft.color.as_deref()), ("dev-team", Some("#00aaff")));
        for bad in ["", "  ", "日本", "two\nlines", "Here", "ALL!", &"a".repeat(NAME_MAX + 1)] {
            assert!(Draft::parse(bad, None).is_err(), "{bad:?}");
        }
        for bad in ["", "red", "#fff", "#00aaf", "#00aagg", "#00aaff;"] {
            assert!(Draft::parse("devs", Some(bad.to_owned())).is_err(), "{bad:?}");
        }
    }
}
