//! How a user looks to others: a name to show, and a picture.
//!
//! Pictures lie on other servers, which learn who looks at them; so the operator says which are allowed, and none
//! is by default. A picture of libravatar.org is named by the hash of its owner's e-mail address, which whoever
//! guesses the address can check: nobody has one without choosing it.

use sha2::{Digest, Sha256};

use super::{Chat, Error, accounts, links, users};
use crate::db::{Conn, sql};
use crate::id::UserId;
use crate::protocol::rest::{Avatar, AvatarsAllowed};
use crate::protocol::types::{User, UserState};

/// Where libravatar.org has its pictures; part of what a page may load.
pub const LIBRAVATAR: &str = "https://seccdn.libravatar.org";

/// Characters of a name that is shown. As many as a user name has.
const NAME_MAX: usize = 40;

/// Characters of a picture's address.
const LINK_MAX: usize = 500;

/// A name to show: 1 to 40 characters, none of them invisible or turning the text around, and no word that means many
/// people or the house: nobody speaks as the admin or the system by a name alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DisplayName(String);

impl DisplayName {
    /// The name, if it is one.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let fits = (1..=NAME_MAX).contains(&text.chars().count());
        if !fits || text.chars().any(hides) {
            return Err(Error::Invalid { field: "display_name", rule: "1 to 40 visible characters" });
        }
        if accounts::is_reserved(&text.to_lowercase()) {
            return Err(Error::Invalid { field: "display_name", rule: "this word is reserved" });
        }
        Ok(Self(text.to_owned()))
    }
}

/// Whether a character would make a name look like another one, or like none.
pub(super) fn hides(character: char) -> bool {
    let odd_space = character.is_whitespace() && character != ' ';
    odd_space
        || character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// How somebody wants to look.
#[derive(Clone, Debug)]
pub struct Look {
    /// None for the user name.
    pub name: Option<DisplayName>,
    /// Which picture.
    pub avatar: Avatar,
}

impl Chat {
    /// Changes how one looks to others, and tells everybody.
    pub async fn set_look(&self, me: UserId, look: Look) -> Result<User, Error> {
        let Look { name, avatar } = look;
        let _turn = self.user_changes.lock().await;
        let mut tx = self.db.begin().await?;
        let mut user = users::find(&mut tx, me).await?.ok_or(Error::NotFound)?;
        let email = links::stored_email(&mut tx, me).await?.ok_or(Error::NotFound)?;
        if let Some(DisplayName(name)) = &name {
            // Nobody shows the name by which another one is known and mentioned.
            let taken = sql("select id from users where username_folded = $1 and id <> $2")
                .bind(name.to_lowercase())
                .bind(me)
                .optional(&mut tx)
                .await?;
            if taken.is_some() {
                return Err(Error::NameTaken);
            }
        }
        user.display_name = name.map(|DisplayName(name)| name);
        user.avatar = address_of(self.rules.avatars, &avatar, &email)?;
        store(&mut tx, &user).await?;
        tx.commit().await?;
        self.publish_user(&user);
        Ok(user)
    }
}

/// The address of a picture, if such pictures are allowed.
fn address_of(allowed: AvatarsAllowed, avatar: &Avatar, email: &str) -> Result<Option<String>, Error> {
    let refused =
        Err(Error::Invalid { field: "avatar", rule: "such pictures are not allowed on this server" });
    match (avatar, allowed) {
        (Avatar::None, _) => Ok(None),
        (Avatar::Libravatar, AvatarsAllowed::Libravatar | AvatarsAllowed::Links) => {
            Ok(Some(libravatar(email)))
        }
        (Avatar::Link { url }, AvatarsAllowed::Links) => {
            let host = url.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next());
            let fits = host.is_some_and(|host| !host.is_empty() && !host.contains('@'))
                && url.len() <= LINK_MAX
                && url.bytes().all(|byte| byte.is_ascii_graphic());
            match fits {
                true => Ok(Some(url.clone())),
                false => Err(Error::Invalid {
                    field: "avatar",
                    rule: "an https:// address of at most 500 characters",
                }),
            }
        }
        (Avatar::Libravatar | Avatar::Link { .. }, _) => refused,
    }
}

/// Where the picture for an e-mail address is. 404 when there is none: the page then shows initials.
fn libravatar(email: &str) -> String {
    let hash: String = Sha256::digest(email.trim().to_lowercase().as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{LIBRAVATAR}/avatar/{hash}?s=128&d=404")
}

/// Which picture a user chose.
pub(super) fn avatar_of(user: &User, email: &str) -> Avatar {
    match &user.avatar {
        None => Avatar::None,
        Some(url) if *url == libravatar(email) => Avatar::Libravatar,
        Some(url) => Avatar::Link { url: url.clone() },
    }
}

/// Takes away a picture that is not allowed any more.
pub(super) fn hide_avatar(allowed: AvatarsAllowed, user: &mut User) {
    let shown = match (&user.avatar, allowed) {
        (Some(url), AvatarsAllowed::Libravatar) => url.starts_with(LIBRAVATAR),
        (Some(_), AvatarsAllowed::Links) => true,
        (Some(_), AvatarsAllowed::Initials) | (None, _) => false,
    };
    if !shown || user.state == UserState::Deleted {
        user.avatar = None;
    }
}

/// A picture that goes with the address goes with it to another one.
pub(super) async fn follow_email(tx: &mut Conn, user: &mut User, old: &str, new: &str) -> Result<(), Error> {
    if avatar_of(user, old) == Avatar::Libravatar {
        user.avatar = Some(libravatar(new));
        store(tx, user).await?;
    }
    Ok(())
}

async fn store(tx: &mut Conn, user: &User) -> Result<(), Error> {
    sql("update users set display_name = $2, avatar = $3 where id = $1")
        .bind(user.id)
        .bind(user.display_name.as_deref().unwrap_or_default())
        .bind(user.avatar.as_deref().unwrap_or_default())
        .execute(tx)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_to_show_is_seen_as_it_is() {
        for good in ["Ana", " Ana María ", "安娜", "O'Neill 🎧", &"ä".repeat(40)] {
            assert!(DisplayName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "  ",
            "a\nb",
            "a\u{202e}b",
            "\u{200b}",
            "a\u{2066}b",
            "\u{3164}",
            "a\u{a0}b",
            "Admin",
            "everyone",
            &"a".repeat(41),
        ] {
            assert!(DisplayName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_pictures_that_are_allowed_have_an_address() {
        let link = |url: &str| Avatar::Link { url: url.to_owned() };
        let good = link("https://example.org/ana.png?size=80");
        assert!(address_of(AvatarsAllowed::Links, &good, "a@b").unwrap().is_some());
        for allowed in [AvatarsAllowed::Initials, AvatarsAllowed::Libravatar] {
            assert!(address_of(allowed, &good, "a@b").is_err());
        }
        assert!(address_of(AvatarsAllowed::Initials, &Avatar::Libravatar, "a@b").is_err());
        for bad in [
            "",
            "http://example.org/a",
            "javascript:alert(1)",
            "https://",
            "https://me@example.org/a",
            "https://example.org/a b",
            "https://example.org/\u{e4}",
            &format!("https://a/{}", "b".repeat(500)),
        ] {
            assert!(address_of(AvatarsAllowed::Links, &link(bad), "a@b").is_err(), "{bad}");
        }
    }

    #[test]
    fn the_picture_of_an_address_is_the_same_however_it_is_written() {
        let hash = "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b";
        let shown = address_of(AvatarsAllowed::Libravatar, &Avatar::Libravatar, "Test@Example.com").unwrap();
        assert_eq!(shown.unwrap(), format!("{LIBRAVATAR}/avatar/{hash}?s=128&d=404"));
    }
}
