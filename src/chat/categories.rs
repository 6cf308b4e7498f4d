//! Categories: headings under which channels stand, in the admin's order. Everybody knows of every one.
//!
//! They take turns with changes to channels (see [`super::channels`]). Start with [`Chat::update_category`].

use super::audit::Deed;
use super::channels::settings::is_out_of_line;
use super::{Chat, Error, users};
use crate::db::{Conn, Row, sql};
use crate::id::{CategoryId, UserId};
use crate::live::hub::Audience;
use crate::protocol::client::CategorySetting;
use crate::protocol::rest::AuditAction;
use crate::protocol::server::ServerEvent;
use crate::protocol::types::Category;

/// Categories a server may have; a list with more headings is no list. One more is refused.
pub const CATEGORIES_MAX: i64 = 100;

/// Characters a category's name may have: what fits on one line of the list.
pub const NAME_MAX: usize = 60;

/// Settings one request may name.
const SETTINGS_MAX: usize = 16;

/// The name of a category: 1 to [`NAME_MAX`] characters on one line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name(String);

impl Name {
    /// The name, trimmed, if it is one.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if !(1..=NAME_MAX).contains(&text.chars().count()) || text.chars().any(is_out_of_line) {
            return Err(Error::Invalid { field: "name", rule: "1 to 60 visible characters on one line" });
        }
        Ok(Self(text.to_owned()))
    }
}

/// What is to be different. Of two words about the same thing the last one holds.
#[derive(Clone, Default, Debug)]
pub struct Settings {
    name: Option<Name>,
    before: Option<Option<CategoryId>>,
}

impl Settings {
    /// The settings, if each is one.
    pub fn parse(list: Vec<CategorySetting>) -> Result<Self, Error> {
        if list.len() > SETTINGS_MAX {
            return Err(Error::Invalid { field: "settings", rule: "at most 16" });
        }
        let mut settings = Self::default();
        for setting in list {
            match setting {
                CategorySetting::Name(text) => settings.name = Some(Name::parse(&text)?),
                CategorySetting::Before(other) => settings.before = Some(other),
            }
        }
        Ok(settings)
    }
}

impl Chat {
    /// Makes a category, after all others, and tells everybody.
    pub async fn create_category(&self, admin: UserId, name: Name) -> Result<Category, Error> {
        let _turn = self.channel_changes.write().await;
        let mut tx = self.db.begin().await?;
        users::require_admin(&mut tx, admin).await?;
        let row = sql("select count(*) as categories, coalesce(max(position), 0) as last from categories")
            .one(&mut tx)
            .await?;
        if row.integer("categories")? >= CATEGORIES_MAX {
            return Err(Error::TooManyCategories);
        }
        let now = self.clock.now();
        let category = Category { id: self.ids.next(now), name: name.0, position: row.integer("last")? + 1 };
        let inserted = sql("insert into categories (id, name, name_folded, position, created_at)
                            values ($1, $2, $3, $4, $5)")
        .bind(category.id)
        .bind(category.name.as_str())
        .bind(category.name.to_lowercase())
        .bind(category.position)
        .bind(now)
        .execute(&mut tx)
        .await;
        name_taken(inserted)?;
        let deed = Deed::by(admin, AuditAction::CategoryCreated).on(&category.name);
        self.note(&mut tx, now, deed).await?;
        tx.commit().await?;

        self.tell_categories([category.clone()]);
        Ok(category)
    }

    /// Changes a category, and tells everybody of each that is not where or what it was.
    pub async fn update_category(
        &self,
        admin: UserId,
        id: CategoryId,
        settings: Settings,
    ) -> Result<Category, Error> {
        let _turn = self.channel_changes.write().await;
        let mut tx = self.db.begin().await?;
        users::require_admin(&mut tx, admin).await?;
        let before = all(&mut tx).await?;
        let mut after = before.clone();
        let here = after.iter().position(|category| category.id == id).ok_or(Error::NotFound)?;
        if let Some(Name(name)) = settings.name {
            after[here].name = name;
        }
        if let Some(other) = settings.before {
            let moved = after.remove(here);
            let there = after.iter().position(|category| Some(category.id) == other).unwrap_or(after.len());
            after.insert(there, moved);
            for (number, category) in (1i64..).zip(&mut after) {
                category.position = number;
            }
        }
        let renamed = before.iter().find(|one| one.id == id).zip(after.iter().find(|one| one.id == id));
        let (old, detail) = match renamed {
            Some((old, new)) if old.name != new.name => (old.name.as_str(), format!("name: {}", new.name)),
            Some((old, _)) => (old.name.as_str(), "place".to_owned()),
            None => return Err(Error::NotFound),
        };
        let changed: Vec<Category> = after.iter().filter(|one| !before.contains(one)).cloned().collect();
        for category in &changed {
            let updated =
                sql("update categories set name = $1, name_folded = $2, position = $3 where id = $4")
                    .bind(category.name.as_str())
                    .bind(category.name.to_lowercase())
                    .bind(category.position)
                    .bind(category.id)
                    .execute(&mut tx)
                    .await;
            name_taken(updated)?;
        }
        if !changed.is_empty() {
            let deed = Deed::by(admin, AuditAction::CategoryChanged).on(old).saying(&detail);
            self.note(&mut tx, self.clock.now(), deed).await?;
            tx.commit().await?;
        }

        self.tell_categories(changed);
        after.into_iter().find(|category| category.id == id).ok_or(Error::NotFound)
    }

    /// Takes a heading away, and tells everybody; its channels stand under none.
    pub async fn delete_category(&self, admin: UserId, id: CategoryId) -> Result<(), Error> {
        let _turn = self.channel_changes.write().await;
        let mut tx = self.db.begin().await?;
        users::require_admin(&mut tx, admin).await?;
        let known = all(&mut tx).await?;
        let name = known.iter().find(|one| one.id == id).map(|one| &one.name).ok_or(Error::NotFound)?;
        sql("delete from categories where id = $1").bind(id).execute(&mut tx).await?;
        self.note(&mut tx, self.clock.now(), Deed::by(admin, AuditAction::CategoryDeleted).on(name)).await?;
        tx.commit().await?;

        self.hub.publish(Audience::Everyone, &ServerEvent::CategoryRemoved { category: id });
        Ok(())
    }

    /// Every category, in order.
    pub async fn categories(&self) -> Result<Vec<Category>, Error> {
        all(&mut *self.db.read().await?).await
    }

    fn tell_categories(&self, categories: impl IntoIterator<Item = Category>) {
        for category in categories {
            self.hub.publish(Audience::Everyone, &ServerEvent::CategoryChanged { category });
        }
    }
}

/// Refuses unless there is such a category.
pub async fn require(conn: &mut Conn, id: CategoryId) -> Result<(), Error> {
    let found = sql("select id from categories where id = $1").bind(id).optional(conn).await?;
    found.map(drop).ok_or(Error::NotFound)
}

async fn all(conn: &mut Conn) -> Result<Vec<Category>, Error> {
    let rows = sql("select id, name, position from categories order by position, id limit $1")
        .bind(CATEGORIES_MAX)
        .all(conn)
        .await?;
    rows.iter().map(category).collect()
}

fn category(row: &Row) -> Result<Category, Error> {
    Ok(Category { id: row.id("id")?, name: row.text("name")?, position: row.integer("position")? })
}

fn name_taken(stored: Result<u64, crate::db::Error>) -> Result<(), Error> {
    match stored {
        Err(error) if error.is_duplicate() => Err(Error::NameTaken),
        other => Ok(other.map(drop)?),
    }
}
