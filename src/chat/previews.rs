//! Previews: what is shown of the first hyperlink of a message, kept by address: many messages with one address are one
//! visit there.
//!
//! Must never know: how an address is gone to ([`crate::fetch`]), or how one is found in a text ([`super::hyperlinks`]).
//! Start with [`Chat::refer`], which is part of posting and editing, then [`Chat::make_previews`], which goes on behind
//! everybody's back.
//!
//! Nobody waits for a preview: a message is there before, and is told of when there is something to show. It may be lost
//! on the way (too many wait, the server stops); then the message has none, until somebody posts the address again.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use url::Url;

use super::access::{self, Act};
use super::{Chat, Error, hyperlinks, messages};
use crate::clock::Timestamp;
use crate::db::{self, Conn, Row, sql};
use crate::fetch::page::Page;
use crate::fetch::picture::Size;
use crate::fetch::{Failure, Fetcher, Found};
use crate::id::{ChannelId, MessageId, UserId};
use crate::live::hub::Audience;
use crate::protocol::server::ServerEvent;
use crate::protocol::types::{Message, MessageState, PictureSize, Preview, Switches};
use crate::telemetry;

/// Addresses that may wait to be gone to. At two a second, which is slow, the last of them waits two minutes; for more
/// than these there is no preview.
const LINE: usize = 256;

/// Addresses that are gone to at once: few, since any of them may be chosen to cost us time.
pub const AT_ONCE: usize = 2;

/// How long a preview is good. Then the next who posts the address has it looked at again.
pub const FRESH: Duration = Duration::from_secs(24 * 60 * 60);

/// How long nothing is looked for where there was nothing.
pub const RETRY: Duration = Duration::from_secs(10 * 60);

/// Messages that are told of one new preview: those that wait for the same one at the same time. Others have it when
/// they are loaded again.
const TOLD_MAX: i64 = 100;

/// Old previews that one sweep takes away.
const SWEEP: i64 = 1_000;

macro_rules! preview_columns {
    () => {
        "p.url, p.kind, p.address, p.site, p.title, p.description, p.picture, p.width, p.height, p.good_until"
    };
}

pub(super) const OF_MESSAGES: &str = concat!(
    "select h.message_id, h.state, ",
    preview_columns!(),
    " from hyperlinks h join previews p on p.url = h.url
      where h.channel_id = $1 and h.message_id >= $2 and h.message_id <= $3 limit $4"
);

pub(super) const BY_URL: &str = concat!("select ", preview_columns!(), " from previews p where p.url = $1");

pub(super) const WAITING: &str = "select h.message_id, h.channel_id from hyperlinks h
     where h.url = $1 and h.state = 'waiting' limit $2";

/// Addresses on their way to the [`Fetcher`].
pub(super) struct Line {
    sender: mpsc::Sender<Url>,
    /// Taken by whoever works it off.
    receiver: Mutex<Option<mpsc::Receiver<Url>>>,
    /// In the line or being gone to: asked for again, they are not put in again.
    under_way: Mutex<HashSet<Url>>,
}

impl Line {
    pub(super) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(LINE);
        Self { sender, receiver: Mutex::new(Some(receiver)), under_way: Mutex::default() }
    }

    fn ask(&self, url: Url) {
        // Held for one look into a set of at most the line's length and those being gone to.
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if under_way.contains(&url) {
            return;
        }
        match self.sender.try_send(url.clone()) {
            Ok(()) => {
                under_way.insert(url);
            }
            Err(_) => telemetry::PREVIEWS_DROPPED.add(),
        }
    }

    fn done(&self, url: &Url) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(url);
    }
}

impl Chat {
    /// Keeps the hyperlink of a message that is posted or written anew, inside its transaction, and puts in what is known
    /// to be at the other end. What is not known is returned, for [`Chat::ask_for_preview`] after the commit.
    pub(super) async fn refer(&self, conn: &mut Conn, message: &mut Message) -> Result<Option<Url>, Error> {
        let wanted = hyperlinks::first(&message.body);
        if message.state != MessageState::Posted {
            let before = sql("select url from hyperlinks where channel_id = $1 and message_id = $2")
                .bind(message.channel)
                .bind(message.id)
                .optional(conn)
                .await?;
            let before = before.map(|row| row.text("url")).transpose()?;
            if before.is_some() && before.as_deref() == wanted.as_ref().map(Url::as_str) {
                return Ok(None);
            }
            if before.is_some() {
                forget(conn, message.channel, message.id).await?;
            }
            message.preview = None;
        }
        let Some(url) = wanted else { return Ok(None) };
        // Those there are stay where admins want no more.
        if !self.settings_in(conn).await?.link_previews {
            return Ok(None);
        }
        let row = sql(BY_URL).bind(url.as_str()).optional(conn).await?;
        let good = match &row {
            Some(row) => self.now() < row.time("good_until")?,
            None => false,
        };
        message.preview = row.as_ref().map(preview).transpose()?.flatten();
        if message.preview.is_none() && good {
            return Ok(None);
        }
        let state = if message.preview.is_some() { "shown" } else { "waiting" };
        sql("insert into hyperlinks (channel_id, message_id, url, state) values ($1, $2, $3, $4)")
            .bind(message.channel)
            .bind(message.id)
            .bind(url.as_str())
            .bind(state)
            .execute(conn)
            .await?;
        Ok((!good).then_some(url))
    }

    /// Has an address gone to, some time soon.
    pub(super) fn ask_for_preview(&self, wanted: Option<Url>) {
        if let Some(url) = wanted {
            self.previews.ask(url);
        }
    }

    /// Goes where messages point, [`AT_ONCE`] at a time, until the database is closed. A second call does nothing.
    pub async fn make_previews(self: Arc<Self>, fetcher: Arc<Fetcher>) {
        let taken = self.previews.receiver.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut wanted) = taken else { return };
        let mut under_way = JoinSet::new();
        while let Some(url) = wanted.recv().await {
            while under_way.len() >= AT_ONCE {
                under_way.join_next().await;
            }
            let (chat, fetcher) = (self.clone(), fetcher.clone());
            under_way.spawn(async move {
                // It may have waited here while an admin switched them off.
                if !matches!(chat.switches().await, Ok(Switches { link_previews: true, .. })) {
                    return chat.previews.done(&url);
                }
                let found = fetcher.look(&url).await;
                match &found {
                    Ok(_) => telemetry::PREVIEWS_MADE.add(),
                    Err(failure) => {
                        telemetry::PREVIEWS_FAILED.add();
                        // Without the address: what people write is not for the log.
                        tracing::debug!(%failure, "no preview");
                    }
                }
                match chat.keep_preview(&url, &found).await {
                    Ok(()) | Err(Error::Database(db::Error::Closed)) => {}
                    Err(error) => tracing::error!(%error, "a preview is lost"),
                }
                chat.previews.done(&url);
            });
        }
    }

    /// Keeps what was found at an address, and tells of it those who wait.
    async fn keep_preview(&self, url: &Url, found: &Result<Found, Failure>) -> Result<(), Error> {
        // Alone: whoever posts the address meanwhile either waits here already, or finds what is stored.
        let mut tx = self.db.begin().await?;
        let wanted = sql("select 1 as one from hyperlinks where url = $1 limit 1").bind(url.as_str());
        if wanted.optional(&mut tx).await?.is_none() {
            // Everybody took it back.
            return Ok(());
        }
        store(&mut tx, url, found, self.now()).await?;
        let row = sql(BY_URL).bind(url.as_str()).optional(&mut tx).await?;
        let Some(preview) = row.as_ref().map(preview).transpose()?.flatten() else {
            sql("delete from hyperlinks where url = $1 and state = 'waiting'")
                .bind(url.as_str())
                .execute(&mut tx)
                .await?;
            return Ok(tx.commit().await?);
        };
        let mut told = Vec::new();
        for row in sql(WAITING).bind(url.as_str()).bind(TOLD_MAX).all(&mut tx).await? {
            told.extend(messages::find(&mut tx, row.id("message_id")?).await?);
        }
        sql("update hyperlinks set state = 'shown' where url = $1 and state = 'waiting'")
            .bind(url.as_str())
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        for message in told {
            self.tell_preview(&message, preview.clone());
        }
        Ok(())
    }

    fn tell_preview(&self, message: &Message, preview: Box<Preview>) {
        let (channel, state) = (message.channel, message.state);
        let event = ServerEvent::PreviewChanged { channel, message: message.id, state, preview };
        self.hub.publish(Audience::Channel(channel), &event);
    }

    /// Takes the preview of a message away for good: its author may, and an admin.
    pub async fn dismiss_preview(&self, user: UserId, id: MessageId) -> Result<(), Error> {
        let mut tx = self.begin_for_message(id).await?;
        let message = messages::find(&mut tx, id).await?.ok_or(Error::NotFound)?;
        let act = if message.author == user { Act::DeleteOwn } else { Act::DeleteOthers };
        access::require(&mut tx, user, message.channel, act).await?;
        match message.preview.as_deref() {
            None => return Err(Error::NotFound),
            Some(Preview::Dismissed) => return Ok(()),
            Some(Preview::Page { .. } | Preview::Picture { .. }) => {}
        }
        sql("update hyperlinks set state = 'dismissed' where channel_id = $1 and message_id = $2")
            .bind(message.channel)
            .bind(id)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        self.tell_preview(&message, Box::new(Preview::Dismissed));
        Ok(())
    }

    /// Where the picture is that is shown with a message, for whoever may read it.
    pub async fn picture_of(&self, reader: UserId, id: MessageId) -> Result<Url, Error> {
        let mut read = self.db.read().await?;
        let message = messages::find(&mut read, id).await?.ok_or(Error::NotFound)?;
        access::require(&mut read, reader, message.channel, Act::Read).await?;
        let row = sql("select p.picture from hyperlinks h join previews p on p.url = h.url
                       where h.channel_id = $1 and h.message_id = $2 and h.state = 'shown' and p.picture <> ''")
        .bind(message.channel)
        .bind(id)
        .optional(&mut read)
        .await?;
        let picture = row.ok_or(Error::NotFound)?.text("picture")?;
        Url::parse(&picture).map_err(|_| Error::Stored { what: "picture", value: picture })
    }

    /// Takes away what no message shows any more.
    pub async fn sweep_previews(&self) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        sql("delete from previews where url in
             (select p.url from previews p where p.good_until <= $1
              and not exists (select 1 from hyperlinks h where h.url = p.url) limit $2)")
        .bind(self.now())
        .bind(SWEEP)
        .execute(&mut tx)
        .await?;
        Ok(tx.commit().await?)
    }
}

/// Forgets the hyperlink of a message, and what is at the other end if no other message has it.
pub async fn forget(conn: &mut Conn, channel: ChannelId, message: MessageId) -> Result<(), Error> {
    let row = sql("select url from hyperlinks where channel_id = $1 and message_id = $2")
        .bind(channel)
        .bind(message)
        .optional(conn)
        .await?;
    let Some(row) = row else { return Ok(()) };
    sql("delete from hyperlinks where channel_id = $1 and message_id = $2")
        .bind(channel)
        .bind(message)
        .execute(conn)
        .await?;
    sql("delete from previews where url = $1 and not exists (select 1 from hyperlinks where url = $1)")
        .bind(row.text("url")?)
        .execute(conn)
        .await?;
    Ok(())
}

/// What is shown with the messages of a channel from one to another; there are at most `messages` of them.
pub async fn of_messages(
    conn: &mut Conn,
    channel: ChannelId,
    from: MessageId,
    to: MessageId,
    messages: usize,
) -> Result<HashMap<MessageId, Box<Preview>>, Error> {
    let rows = sql(OF_MESSAGES)
        .bind(channel)
        .bind(from)
        .bind(to)
        .bind(i64::try_from(messages).unwrap_or(i64::MAX))
        .all(conn)
        .await?;
    let mut all = HashMap::new();
    for row in rows {
        let state = row.text("state")?;
        let shown = match state.as_str() {
            "waiting" => None,
            "shown" => preview(&row)?,
            "dismissed" => Some(Box::new(Preview::Dismissed)),
            _ => return Err(Error::Stored { what: "state of a hyperlink", value: state }),
        };
        if let Some(shown) = shown {
            all.insert(row.id("message_id")?, shown);
        }
    }
    Ok(all)
}

/// Stores what was found. That nothing was found now takes nothing away that was found before.
async fn store(
    conn: &mut Conn,
    url: &Url,
    found: &Result<Found, Failure>,
    now: Timestamp,
) -> Result<(), Error> {
    let none = Size { width: 0, height: 0 };
    let (kind, page, picture, size) = match found {
        Ok(Found::Page(page, size)) => ("page", Some(&**page), page.picture.as_ref(), size.unwrap_or(none)),
        Ok(Found::Picture(size)) => ("picture", None, Some(url), *size),
        Err(_) => {
            sql("insert into previews (url, kind, address, site, title, description, picture, width, height, good_until)
                 values ($1, 'nothing', '', '', '', '', '', 0, 0, $2)
                 on conflict (url) do update set good_until = excluded.good_until")
            .bind(url.as_str())
            .bind(now + RETRY)
            .execute(conn)
            .await?;
            return Ok(());
        }
    };
    let text = |pick: fn(&Page) -> &str| page.map(pick).unwrap_or_default().to_owned();
    sql("insert into previews (url, kind, address, site, title, description, picture, width, height, good_until)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (url) do update set kind = excluded.kind, address = excluded.address, site = excluded.site,
            title = excluded.title, description = excluded.description, picture = excluded.picture,
            width = excluded.width, height = excluded.height, good_until = excluded.good_until")
    .bind(url.as_str())
    .bind(kind)
    .bind(text(|page| page.address.as_ref().map_or("", Url::as_str)))
    .bind(text(|page| &page.site))
    .bind(text(|page| &page.title))
    .bind(text(|page| &page.description))
    .bind(picture.map_or("", Url::as_str))
    .bind(i64::from(size.width))
    .bind(i64::from(size.height))
    .bind(now + FRESH)
    .execute(conn)
    .await?;
    Ok(())
}

/// What is stored of an address; none when there is nothing to show.
fn preview(row: &Row) -> Result<Option<Box<Preview>>, Error> {
    let side = |column| Ok::<_, Error>(u32::try_from(row.integer(column)?).unwrap_or_default());
    let size = PictureSize { width: side("width")?, height: side("height")? };
    let url = row.text("url")?;
    let kind = row.text("kind")?;
    let shown = match kind.as_str() {
        "nothing" => None,
        "picture" => Some(Preview::Picture { address: url, size }),
        "page" => {
            let address = Some(row.text("address")?).filter(|address| !address.is_empty()).unwrap_or(url);
            let picture = (!row.text("picture")?.is_empty()).then_some(size);
            let (site, title) = (row.text("site")?, row.text("title")?);
            Some(Preview::Page { address, site, title, description: row.text("description")?, picture })
        }
        _ => return Err(Error::Stored { what: "kind of preview", value: kind }),
    };
    Ok(shown.map(Box::new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_line_costs_previews_and_nothing_else() {
        let line = Line::new();
        let url = |n: usize| Url::parse(&format!("https://example.org/{n}")).unwrap();
        let dropped = telemetry::PREVIEWS_DROPPED.get();
        (0..LINE).for_each(|n| line.ask(url(n)));
        // What waits already needs no second place.
        line.ask(url(0));
        assert_eq!(telemetry::PREVIEWS_DROPPED.get(), dropped);
        line.ask(url(LINE));
        assert_eq!(telemetry::PREVIEWS_DROPPED.get(), dropped + 1);
        assert_eq!(line.under_way.lock().unwrap().len(), LINE);
        let mut wanted = line.receiver.lock().unwrap().take().unwrap();
        assert_eq!(wanted.try_recv().unwrap(), url(0));
        line.done(&url(0));
        line.ask(url(LINE));
        assert_eq!(telemetry::PREVIEWS_DROPPED.get(), dropped + 1);
    }
}
