//! News: what changes for everybody at once (who is online, who is in which voice room, who talks), told in lists.
//!
//! When a thousand people come in, each of them is told of each. An event for every change would be people times
//! people; so whoever keeps such a truth notes what is no longer as it was told, beside the truth and under its lock,
//! and calls [`Hub::stir`]. Once in a [`GAP`] all that is noted is told, as it is then: people times gaps, however
//! many changed. After a quiet moment the first change is told at once.
//!
//! A connection begins with a snapshot, and hears news from the moment of that snapshot on and not before
//! ([`Connection::introduce`], under the locks of these truths). So nothing is told to it that is older than what
//! it began with; what it is told twice is told as it is, so that the second time changes nothing.
//!
//! Must never know: what is told. Start at [`Hub::stir`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Connection, Hub, Socket, serialise};
use crate::id::ChannelId;
use crate::protocol::server::ServerEvent;

/// The shortest time between two tellings. Nobody misses a tenth of a second in a list that is changing, and rings
/// around those who talk flicker when they change faster.
pub const GAP: Duration = Duration::from_millis(100);

impl Hub {
    /// Says that there is something to tell.
    pub fn stir(&self) {
        self.stirred.notify_one();
    }

    /// Waits until there is something to tell; also when that was said before.
    pub async fn stirred(&self) {
        self.stirred.notified().await;
    }

    /// Tells everybody.
    pub fn tell_everyone(&self, event: &ServerEvent) {
        let text = serialise(event);
        for connection in &self.connections {
            connection.push_news(&text);
        }
    }

    /// Tells everybody, in one event, of those parts whose channel they may see. Those who see the same are told the
    /// same bytes.
    pub fn tell_channels<Part: Clone>(
        &self,
        parts: Vec<Part>,
        channel: impl Fn(&Part) -> ChannelId,
        event: impl Fn(Vec<Part>) -> ServerEvent,
    ) {
        let channels: Vec<ChannelId> = parts.iter().map(channel).collect();
        if let [only] = channels[..] {
            let text = serialise(&event(parts));
            self.in_channel(only, |connection| connection.push_news(&text));
            return;
        }
        let mut texts: HashMap<Vec<bool>, Arc<str>> = HashMap::new();
        for connection in &self.connections {
            let seen = connection.sees_which(&channels);
            if !seen.contains(&true) {
                continue;
            }
            let text = texts.entry(seen).or_insert_with_key(|seen| {
                let visible = parts.iter().zip(seen).filter(|(_, seen)| **seen).map(|(part, _)| part.clone());
                serialise(&event(visible.collect()))
            });
            connection.push_news(text);
        }
    }
}

impl Connection {
    /// What its `ready` says of the present is read at this moment, and from now on it hears news. To be called under
    /// the locks of all that news are about.
    pub fn introduce(&self) {
        let mut outbox = self.lock();
        if outbox.socket == Socket::Opening {
            outbox.socket = Socket::Introduced;
        }
    }

    /// Which of these channels are open to it.
    fn sees_which(&self, channels: &[ChannelId]) -> Vec<bool> {
        let open = self.channels();
        channels.iter().map(|channel| open.contains(channel)).collect()
    }

    fn push_news(&self, text: &Arc<str>) {
        // Cannot become anything else in between that would have to hear it: that happens under the lock of what is
        // being told.
        if self.lock().socket != Socket::Opening {
            self.push(text);
        }
    }
}
