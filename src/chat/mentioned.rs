//! Who is meant by the names in a message: looked up among those who may see the channel, allowed, and kept as rows.
//!
//! Must never know: how a text is read ([`super::mentions`]) or who is told ([`super::notifications`]).

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use uuid::Uuid;

use super::access::{self, Act};
use super::mentions::{Mentions, Name};
use super::messages::Body;
use super::{Error, mentions, users};
use crate::clock::Timestamp;
use crate::db::{Bundle, Conn, Row, Statement, Together, sql, together};
use crate::id::{ChannelId, MessageId, UserId};
use crate::protocol::types::Mention;

/// People a channel may have for everybody in it to be allowed `@everyone`; in a larger one admins alone are. What
/// is a shout across a room is a siren across a town.
pub const EVERYONE_MAX: i64 = 50;

/// How long somebody who told many at once waits before doing it again; admins do not.
pub const BROADCAST_EVERY: Duration = Duration::from_secs(60);

/// Names that one statement looks up, and people that it records.
pub(super) const AT_ONCE: usize = 32;

/// [`AT_ONCE`] parameters, as a list: a statement has one text, however many there are.
macro_rules! these {
    (from 3) => {
        "($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, \
         $25, $26, $27, $28, $29, $30, $31, $32, $33, $34)"
    };
    (from 7) => {
        "($7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, \
         $29, $30, $31, $32, $33, $34, $35, $36, $37, $38)"
    };
}
pub(super) use these;

/// Those of the channel `$2`. A group and a user never have the same name.
pub(super) const NAMED: &str = concat!(
    "select 'user' as kind, u.id as target, u.username_folded as name
     from users u join memberships m on m.user_id = u.id
     where m.channel_id = $2 and u.username_folded in ",
    these!(from 3),
    " union all select 'group' as kind, g.id as target, g.slug as name from groups g where g.slug in ",
    these!(from 3)
);

pub(super) const RECORD_USERS: &str = concat!(
    "insert into mentions (channel_id, message_id, kind, target)
     select $1, $2, 'user', u.id from users u where u.id in ",
    these!(from 3)
);

/// With the parameters of all that store a message ([`super::messages`]): where it was not stored, nobody is meant.
pub(super) const RECORD_WRITTEN: &str = concat!(
    "insert into mentions (channel_id, message_id, kind, target)
     select x.channel_id, x.id, 'user', u.id from messages x cross join users u where x.id = $1 and u.id in ",
    these!(from 7)
);

pub(super) const OF_MESSAGES: &str = "select message_id, kind, target from mentions
     where channel_id = $1 and message_id >= $2 and message_id <= $3 limit $4";

/// Whom a text means in a channel, each once. Names that nobody in the channel has mean nobody.
pub async fn resolve(conn: &mut Conn, channel: ChannelId, body: &Body) -> Result<Vec<Mention>, Error> {
    let called = mentions::parse(body.text());
    let mut known = HashMap::new();
    look_up(conn, channel, &readings(&called.names), &mut known).await?;
    Ok(meant(&called, &known))
}

/// The same for somebody who is about to write there, if they may: both are asked together.
pub async fn resolve_for(
    conn: &mut Conn,
    author: UserId,
    channel: ChannelId,
    body: &Body,
) -> Result<Vec<Mention>, Error> {
    static BOTH: Together = Together::new(&[access::STANDING, NAMED]);
    let called = mentions::parse(body.text());
    let names = readings(&called.names);
    let mut known = HashMap::new();
    if names.is_empty() {
        access::require(conn, author, channel, Act::Write).await?;
    } else {
        let (first, rest) = names.split_at(names.len().min(AT_ONCE));
        let both = together(&BOTH).bind(author).bind(channel);
        let answers = padded(first).fold(both, Bundle::bind).each(conn).await?;
        let [standing, named] = &answers[..] else { unreachable!("two statements have two answers") };
        access::judge(conn, author, standing.first(), Act::Write).await?;
        note(named, &mut known)?;
        look_up(conn, channel, rest, &mut known).await?;
    }
    Ok(meant(&called, &known))
}

/// Everything that these names may be, each once.
fn readings(names: &[Name]) -> Vec<&str> {
    let all: BTreeSet<&str> = names.iter().flat_map(|name| name.readings()).map(String::as_str).collect();
    all.into_iter().collect()
}

fn meant(called: &Mentions, known: &HashMap<String, Mention>) -> Vec<Mention> {
    let Mentions { everyone, here, names } = called;
    let mut meant = BTreeSet::new();
    meant.extend(names.iter().filter_map(|name| name.readings().iter().find_map(|one| known.get(one))));
    if *here {
        meant.insert(Mention::Here);
    }
    if *everyone {
        meant.insert(Mention::Everyone);
    }
    meant.into_iter().collect()
}

async fn look_up(
    conn: &mut Conn,
    channel: ChannelId,
    names: &[&str],
    known: &mut HashMap<String, Mention>,
) -> Result<(), Error> {
    for some in names.chunks(AT_ONCE) {
        // The first parameter is not this statement's.
        let statement = sql(NAMED).bind(channel).bind(channel);
        note(&padded(some).fold(statement, Statement::bind).all(conn).await?, known)?;
    }
    Ok(())
}

/// As many as a statement takes; no name is empty.
fn padded<'a>(names: &[&'a str]) -> impl Iterator<Item = &'a str> {
    names.iter().copied().chain(std::iter::repeat("")).take(AT_ONCE)
}

fn note(rows: &[Row], known: &mut HashMap<String, Mention>) -> Result<(), Error> {
    for row in rows {
        known.insert(row.text("name")?, mention(row)?);
    }
    Ok(())
}

/// Refuses when a member may not tell as many people at once as `new` mentions do, or did so only just now.
pub async fn allow(
    conn: &mut Conn,
    author: UserId,
    channel: ChannelId,
    new: &[Mention],
    now: Timestamp,
) -> Result<(), Error> {
    let everyone = new.contains(&Mention::Everyone);
    if !everyone && !new.contains(&Mention::Here) || users::is_admin(conn, author).await? {
        return Ok(());
    }
    if everyone {
        let row = sql("select count(*) as members
                       from (select user_id from memberships where channel_id = $1 limit $2) as few")
        .bind(channel)
        .bind(EVERYONE_MAX + 1)
        .one(conn)
        .await?;
        if row.integer("members")? > EVERYONE_MAX {
            return Err(Error::BroadcastNotAllowed);
        }
    }
    // In one statement, since they may write in another channel at the same moment. What lies ahead was before the clock
    // was set back.
    let noted = sql("insert into broadcasters (user_id, last_at) values ($1, $2)
         on conflict (user_id) do update set last_at = excluded.last_at
         where broadcasters.last_at <= $3 or broadcasters.last_at > excluded.last_at")
    .bind(author)
    .bind(now)
    .bind(now - BROADCAST_EVERY)
    .execute(conn)
    .await?;
    if noted > 0 {
        return Ok(());
    }
    let last = sql("select last_at from broadcasters where user_id = $1").bind(author).one(conn).await?;
    let left = BROADCAST_EVERY.saturating_sub(now.since(last.time("last_at")?));
    Err(Error::BroadcastTooSoon { wait_s: left.as_secs().max(1) })
}

/// Keeps whom a message means, but for the people who were `recorded` with it.
pub async fn record(
    conn: &mut Conn,
    channel: ChannelId,
    message: MessageId,
    meant: &[Mention],
    recorded: usize,
) -> Result<(), Error> {
    for some in users_of(meant)[recorded..].chunks(AT_ONCE) {
        let statement = sql(RECORD_USERS).bind(channel).bind(message);
        these_users(some).fold(statement, Statement::bind).execute(conn).await?;
    }
    for mention in meant.iter().filter(|mention| !matches!(mention, Mention::User { .. })) {
        let (kind, target) = stored(*mention);
        sql("insert into mentions (channel_id, message_id, kind, target) values ($1, $2, $3, $4)")
            .bind(channel)
            .bind(message)
            .bind(kind)
            .bind(target)
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// As many as a statement takes; nobody's id is all zeros.
pub fn these_users(users: &[UserId]) -> impl Iterator<Item = UserId> {
    users.iter().copied().chain(std::iter::repeat(Uuid::nil().into())).take(AT_ONCE)
}

/// The people among these mentions.
pub fn users_of(meant: &[Mention]) -> Vec<UserId> {
    let user = |mention: &Mention| match mention {
        Mention::User { user } => Some(*user),
        Mention::Group { .. } | Mention::Here | Mention::Everyone => None,
    };
    meant.iter().filter_map(user).collect()
}

/// Forgets whom a message meant.
pub async fn forget(conn: &mut Conn, channel: ChannelId, message: MessageId) -> Result<(), Error> {
    sql("delete from mentions where channel_id = $1 and message_id = $2")
        .bind(channel)
        .bind(message)
        .execute(conn)
        .await?;
    Ok(())
}

/// Whom the messages of a channel from one to another mean; there are at most `messages` of them.
pub async fn of_messages(
    conn: &mut Conn,
    channel: ChannelId,
    from: MessageId,
    to: MessageId,
    messages: usize,
) -> Result<HashMap<MessageId, Vec<Mention>>, Error> {
    // Everyone and here beside the names.
    let most = messages * (mentions::NAMES_MAX + 2);
    let rows = sql(OF_MESSAGES)
        .bind(channel)
        .bind(from)
        .bind(to)
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .all(conn)
        .await?;
    let mut all: HashMap<MessageId, Vec<Mention>> = HashMap::new();
    for row in rows {
        all.entry(row.id("message_id")?).or_default().push(mention(&row)?);
    }
    for mentions in all.values_mut() {
        mentions.sort_unstable();
    }
    Ok(all)
}

/// As stored: the columns `kind` and `target`.
pub fn stored(mention: Mention) -> (&'static str, Uuid) {
    match mention {
        Mention::User { user } => ("user", user.into()),
        Mention::Group { group } => ("group", group.into()),
        Mention::Here => ("here", Uuid::nil()),
        Mention::Everyone => ("everyone", Uuid::nil()),
    }
}

/// A mention out of the columns `kind` and `target`.
pub fn mention(row: &Row) -> Result<Mention, Error> {
    let kind = row.text("kind")?;
    Ok(match kind.as_str() {
        "user" => Mention::User { user: row.id("target")? },
        "group" => Mention::Group { group: row.id("target")? },
        "here" => Mention::Here,
        "everyone" => Mention::Everyone,
        _ => return Err(Error::Stored { what: "kind of mention", value: kind }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{Address, Db};

    #[tokio::test]
    async fn a_text_that_calls_nobody_asks_the_database_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&Address::File(folder.path().join("test.db"))).await.unwrap();
        let channel = uuid::Uuid::nil().into();
        let mut tx = db.begin().await.unwrap();
        // Whoever is looked up is not found any more, and whoever looks is found out.
        sql("alter table groups rename to hidden").execute(&mut tx).await.unwrap();
        for (text, meant) in [
            ("nobody is called by this, not even a@example.org", vec![]),
            ("@here and @everyone", vec![Mention::Here, Mention::Everyone]),
        ] {
            let body = Body::parse(text).unwrap();
            assert_eq!(resolve(&mut tx, channel, &body).await.unwrap(), meant, "{text}");
        }
        let body = Body::parse("@ana").unwrap();
        assert!(resolve(&mut tx, channel, &body).await.is_err(), "the look-up was not noticed");
    }
}
