//! Fan-out: telling many people of one mention, or taking it back, a batch at a time.
//!
//! The transaction of a message deals with the first of each mention itself ([`begin`]), so that in most channels
//! everything about a message is one commit. Of a mention that means more, the rest is one row in `fanouts`,
//! written in the same transaction; [`Chat::fan_out`] works it off behind the others' backs, and after a crash
//! goes on where it was. Whoever writes to 10,000 people waits no longer than who writes to 100.
//!
//! Withdrawing goes before telling: who is meant by what remains of a message is told after all was taken back.

use std::time::Duration;

use uuid::Uuid;

use super::{Chat, Error, mentioned, messages, readings};
use crate::db::{self, Conn, Row, Statement, sql};
use crate::id::{ChannelId, MessageId, UserId};
use crate::protocol::types::{Involvement, Mention, Message};

/// People the transaction of a message itself deals with, for each mention: some 2 ms.
pub(super) const FIRST: usize = 100;

/// People one transaction of [`Chat::fan_out`] deals with: some 10 ms, for which others wait.
pub(super) const BATCH: usize = 500;

/// How long to wait after a failure (a full disk) before the next try.
const RETRY: Duration = Duration::from_secs(5);

/// What all statements that tell have in common: the parameters `$1` to `$6`.
macro_rules! tell {
    ($target:literal, $from:literal, $whom:expr) => {
        concat!(
            "insert into notifications (message_id, user_id, channel_id, kind, target)
             select $1, m.user_id, $2, $3, ",
            $target,
            " from ",
            $from,
            " where m.channel_id = $2 and m.user_id <> $5 and m.involvement <> $6 and ",
            $whom,
            " on conflict (message_id, user_id) do nothing returning user_id"
        )
    };
}

macro_rules! tell_these {
    ($target:literal) => {
        tell!(
            $target,
            "memberships m",
            concat!("m.user_id in ", mentioned::these!(from 7))
        )
    };
}

pub(super) const TELL_THESE: &str = tell_these!("$4");

/// Those who are meant by their own names: each is what his mention points at.
pub(super) const TELL_NAMED: &str = tell_these!("m.user_id");

/// The same with the parameters of all that store a message ([`super::messages`]).
pub(super) const TELL_WRITTEN: &str = concat!(
    "insert into notifications (message_id, user_id, channel_id, kind, target)
     select x.id, m.user_id, x.channel_id, 'user', m.user_id
     from messages x join memberships m on m.channel_id = x.channel_id
     where x.id = $1 and m.user_id <> $3 and m.involvement <> 'nothing' and m.user_id in ",
    mentioned::these!(from 7),
    " on conflict (message_id, user_id) do nothing returning user_id"
);

pub(super) const TELL_MEMBERS: &str = tell!("$4", "memberships m", "m.user_id > $7 and m.user_id <= $8");

pub(super) const TELL_GROUP: &str = tell!(
    "$4",
    "group_members g join memberships m on m.user_id = g.user_id",
    "g.group_id = $4 and g.user_id > $7 and g.user_id <= $8"
);

pub(super) const MEMBERS_AFTER: &str = "select user_id from memberships
     where channel_id = $1 and user_id > $2 order by user_id limit $3";

pub(super) const GROUP_AFTER: &str = "select user_id from group_members
     where group_id = $1 and user_id > $2 order by user_id limit $3";

pub(super) const WITHDRAW: &str = "delete from notifications where message_id = $1 and user_id in
     (select n.user_id from notifications n
      where n.message_id = $1 and n.kind = $2 and n.target = $3 order by n.user_id limit $4)
     returning user_id";

/// What is to be done of a mention.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Work {
    /// The notifications of those whom it meant are deleted.
    Withdraw,
    /// Those whom it means are notified.
    Tell,
}

/// Some people were dealt with.
#[derive(Debug)]
pub struct Step {
    /// How.
    pub work: Work,
    /// Of which mention.
    pub mention: Mention,
    /// Who: told and not told before, or taken back from.
    pub users: Vec<UserId>,
}

impl Step {
    /// Somebody was told who is meant by their own name.
    fn named(user: UserId) -> Self {
        Self { work: Work::Tell, mention: Mention::User { user }, users: vec![user] }
    }
}

/// What the transaction of a message did itself.
#[derive(Debug, Default)]
pub struct Begun {
    /// In this order.
    pub steps: Vec<Step>,
    /// Whether there is a rest for [`Chat::fan_out`].
    pub unfinished: bool,
}

/// What is left to do of one mention.
struct Fanout {
    message: MessageId,
    channel: ChannelId,
    author: UserId,
    work: Work,
    mention: Mention,
    /// The last user dealt with.
    reached: UserId,
}

impl Chat {
    /// Works off what transactions left over, until the database is closed.
    pub async fn fan_out(&self) {
        loop {
            match self.fan_out_once().await {
                Ok(true) => {}
                Ok(false) => self.fanout_work.notified().await,
                Err(Error::Database(db::Error::Closed)) => return,
                Err(error) => {
                    tracing::error!(%error, "not everybody could be told of a message yet");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// One batch; false when there was nothing to do.
    pub(super) async fn fan_out_once(&self) -> Result<bool, Error> {
        let there = next(&mut *self.db.read().await?).await?;
        let Some(Fanout { channel, .. }) = there else { return Ok(false) };
        let mut tx = self.db.begin_for(channel).await?;
        let Some(mut job) = next(&mut tx).await? else { return Ok(false) };
        if job.channel != channel {
            // Somebody else was faster, and the next one is elsewhere.
            return Ok(true);
        }
        let Some(message) = messages::find(&mut tx, job.message).await? else { return Ok(false) };
        let before = job.reached;
        let online = self.online_for(&[job.mention]);
        let (step, finished) = job.step(&mut tx, BATCH, &online).await?;
        // Somebody else had the same job, or the message was changed meanwhile: all this is undone.
        if !job.moved(&mut tx, before, finished).await? {
            return Ok(true);
        }
        tx.commit().await?;
        self.tell(&message, &[step]);
        Ok(true)
    }

    /// Whom `@here` reaches, in order, if any of these mentions asks.
    pub(super) fn online_for(&self, mentions: &[Mention]) -> Vec<UserId> {
        if !mentions.contains(&Mention::Here) {
            return Vec::new();
        }
        let mut online = self.live.reached();
        online.sort_unstable();
        online
    }
}

/// Begins to tell those whom a message means that was just stored, inside its transaction. Of those it names, the first
/// `dealt_with` are, and `told` of them were.
pub async fn begin_new(
    conn: &mut Conn,
    message: &Message,
    dealt_with: usize,
    told: Vec<UserId>,
    online: &[UserId],
) -> Result<Begun, Error> {
    let mut begun = Begun::default();
    begun.steps.extend(told.into_iter().map(Step::named));
    let named = mentioned::users_of(&message.mentions);
    tell_named(conn, message, &named[dealt_with..], &mut begun).await?;
    tell_called(conn, message, &message.mentions, online, &mut begun).await?;
    Ok(begun)
}

/// Begins to take `withdrawn` back and to tell `told`, inside the transaction of their message.
pub async fn begin(
    conn: &mut Conn,
    message: &Message,
    withdrawn: &[Mention],
    told: &[Mention],
    online: &[UserId],
) -> Result<Begun, Error> {
    let mut begun = Begun::default();
    if withdrawn.is_empty() && told.is_empty() {
        return Ok(begun);
    }
    // An earlier change may have left something.
    let mut withdrawing = withdraws(conn, message.id).await?;
    for mention in withdrawn {
        let job = Fanout::new(message, Work::Withdraw, *mention);
        withdrawing |= !job.begin(conn, online, &mut begun).await?;
    }
    if withdrawing {
        for mention in told {
            Fanout::new(message, Work::Tell, *mention).keep(conn).await?;
            begun.unfinished = true;
        }
    } else {
        tell(conn, message, told, online, &mut begun).await?;
    }
    Ok(begun)
}

/// Tells the first of each of these mentions of a message, of which nothing is to be taken back.
async fn tell(
    conn: &mut Conn,
    message: &Message,
    told: &[Mention],
    online: &[UserId],
    begun: &mut Begun,
) -> Result<(), Error> {
    // First, since a mention by name is the one that people keep.
    tell_named(conn, message, &mentioned::users_of(told), begun).await?;
    tell_called(conn, message, told, online, begun).await
}

/// Tells those who are meant by their own names.
async fn tell_named(
    conn: &mut Conn,
    message: &Message,
    named: &[UserId],
    begun: &mut Begun,
) -> Result<(), Error> {
    let [first, ..] = *named else { return Ok(()) };
    let job = Fanout::new(message, Work::Tell, Mention::User { user: first });
    begun.steps.extend(job.tell_these(conn, TELL_NAMED, named).await?.into_iter().map(Step::named));
    Ok(())
}

/// Tells the first of those who are meant as some of many.
async fn tell_called(
    conn: &mut Conn,
    message: &Message,
    told: &[Mention],
    online: &[UserId],
    begun: &mut Begun,
) -> Result<(), Error> {
    for mention in told.iter().filter(|mention| !matches!(mention, Mention::User { .. })) {
        Fanout::new(message, Work::Tell, *mention).begin(conn, online, begun).await?;
    }
    Ok(())
}

/// Stops what is still to be told of these mentions of a message.
pub async fn stop(conn: &mut Conn, message: MessageId, mentions: &[Mention]) -> Result<(), Error> {
    for mention in mentions {
        let (kind, target) = mentioned::stored(*mention);
        sql("delete from fanouts where message_id = $1 and work = $2 and kind = $3 and target = $4")
            .bind(message)
            .bind(work_text(Work::Tell))
            .bind(kind)
            .bind(target)
            .execute(conn)
            .await?;
    }
    Ok(())
}

async fn withdraws(conn: &mut Conn, message: MessageId) -> Result<bool, Error> {
    let found = sql("select message_id from fanouts where message_id = $1 and work = $2 limit 1")
        .bind(message)
        .bind(work_text(Work::Withdraw))
        .optional(conn)
        .await?;
    Ok(found.is_some())
}

/// The oldest message's; what is taken back first, then the narrowest mention, which is the one people keep.
async fn next(conn: &mut Conn) -> Result<Option<Fanout>, Error> {
    let row = sql("select f.message_id, f.work, f.kind, f.target, f.reached, x.channel_id, x.author_id
                   from fanouts f join messages x on x.id = f.message_id
                   order by f.message_id, f.work desc,
                            case f.kind when 'user' then 0 when 'group' then 1 when 'here' then 2 else 3 end
                   limit 1")
    .optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let work = row.text("work")?;
    Ok(Some(Fanout {
        message: row.id("message_id")?,
        channel: row.id("channel_id")?,
        author: row.id("author_id")?,
        work: match work.as_str() {
            "tell" => Work::Tell,
            "withdraw" => Work::Withdraw,
            _ => return Err(Error::Stored { what: "fan-out", value: work }),
        },
        mention: mentioned::mention(&row)?,
        reached: row.id("reached")?,
    }))
}

impl Fanout {
    fn new(message: &Message, work: Work, mention: Mention) -> Self {
        Self {
            message: message.id,
            channel: message.channel,
            author: message.author,
            work,
            mention,
            reached: Uuid::nil().into(),
        }
    }

    /// Deals with the first people, and keeps what is left; whether nothing is.
    async fn begin(mut self, conn: &mut Conn, online: &[UserId], begun: &mut Begun) -> Result<bool, Error> {
        let (step, finished) = self.step(conn, FIRST, online).await?;
        begun.steps.push(step);
        if !finished {
            begun.unfinished = true;
            self.keep(conn).await?;
        }
        Ok(finished)
    }

    /// Deals with the next `size` people; whether these were the last.
    async fn step(&mut self, conn: &mut Conn, size: usize, online: &[UserId]) -> Result<(Step, bool), Error> {
        let (users, finished) = match (self.work, self.mention) {
            (Work::Withdraw, _) => {
                let users = self.withdraw(conn, size).await?;
                let finished = users.len() < size;
                (users, finished)
            }
            (Work::Tell, Mention::User { user }) => (self.tell_these(conn, TELL_NAMED, &[user]).await?, true),
            (Work::Tell, Mention::Here) => {
                let after = online.partition_point(|user| *user <= self.reached);
                let some: Vec<UserId> = online.iter().skip(after).take(size).copied().collect();
                self.reached = some.last().copied().unwrap_or(self.reached);
                (self.tell_these(conn, TELL_THESE, &some).await?, some.len() < size)
            }
            (Work::Tell, Mention::Group { group }) => {
                let after = sql(GROUP_AFTER).bind(group);
                self.tell_range(conn, after, TELL_GROUP, size).await?
            }
            (Work::Tell, Mention::Everyone) => {
                let after = sql(MEMBERS_AFTER).bind(self.channel);
                self.tell_range(conn, after, TELL_MEMBERS, size).await?
            }
        };
        Ok((Step { work: self.work, mention: self.mention, users }, finished))
    }

    async fn tell_range(
        &mut self,
        conn: &mut Conn,
        after: Statement,
        tell: &'static str,
        size: usize,
    ) -> Result<(Vec<UserId>, bool), Error> {
        let limit = i64::try_from(size).unwrap_or(i64::MAX);
        let rows = after.bind(self.reached).bind(limit).all(conn).await?;
        let Some(last) = rows.last() else { return Ok((Vec::new(), true)) };
        let from = std::mem::replace(&mut self.reached, last.id("user_id")?);
        let statement = self.telling(tell).bind(from).bind(self.reached);
        Ok((users(&statement.all(conn).await?)?, rows.len() < size))
    }

    async fn tell_these(
        &self,
        conn: &mut Conn,
        tell: &'static str,
        these: &[UserId],
    ) -> Result<Vec<UserId>, Error> {
        let mut told = Vec::new();
        for some in these.chunks(mentioned::AT_ONCE) {
            let statement = mentioned::these_users(some).fold(self.telling(tell), Statement::bind);
            told.extend(users(&statement.all(conn).await?)?);
        }
        Ok(told)
    }

    /// With the parameters that all have in common.
    fn telling(&self, statement: &'static str) -> Statement {
        let (kind, target) = mentioned::stored(self.mention);
        sql(statement)
            .bind(self.message)
            .bind(self.channel)
            .bind(kind)
            .bind(target)
            .bind(self.author)
            .bind(readings::involvement_text(Involvement::Nothing))
    }

    async fn withdraw(&self, conn: &mut Conn, size: usize) -> Result<Vec<UserId>, Error> {
        let (kind, target) = mentioned::stored(self.mention);
        let rows = sql(WITHDRAW)
            .bind(self.message)
            .bind(kind)
            .bind(target)
            .bind(i64::try_from(size).unwrap_or(i64::MAX))
            .all(conn)
            .await?;
        users(&rows)
    }

    async fn keep(&self, conn: &mut Conn) -> Result<(), Error> {
        let (kind, target) = mentioned::stored(self.mention);
        sql("insert into fanouts (message_id, work, kind, target, reached) values ($1, $2, $3, $4, $5)
             on conflict (message_id, work, kind, target) do update set reached = excluded.reached")
        .bind(self.message)
        .bind(work_text(self.work))
        .bind(kind)
        .bind(target)
        .bind(self.reached)
        .execute(conn)
        .await?;
        Ok(())
    }

    /// Notes how far it is; false when it is not where it was.
    async fn moved(&self, conn: &mut Conn, from: UserId, finished: bool) -> Result<bool, Error> {
        let (kind, target) = mentioned::stored(self.mention);
        let statement = match finished {
            true => {
                sql("delete from fanouts where message_id = $1 and work = $2 and kind = $3 and target = $4
                         and reached = $5")
            }
            false => {
                sql("update fanouts set reached = $6
                          where message_id = $1 and work = $2 and kind = $3 and target = $4 and reached = $5")
            }
        };
        let statement =
            statement.bind(self.message).bind(work_text(self.work)).bind(kind).bind(target).bind(from);
        let statement = if finished { statement } else { statement.bind(self.reached) };
        Ok(statement.execute(conn).await? == 1)
    }
}

/// The people in these rows.
pub(super) fn users(rows: &[Row]) -> Result<Vec<UserId>, Error> {
    rows.iter().map(|row| Ok(row.id("user_id")?)).collect()
}

fn work_text(work: Work) -> &'static str {
    match work {
        Work::Tell => "tell",
        Work::Withdraw => "withdraw",
    }
}

#[cfg(test)]
mod tests;
