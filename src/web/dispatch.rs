//! What a connection may ask: one arm per request, one call per arm.

use std::sync::Arc;

use super::Doors;
use super::error::Error;
use crate::chat::channels::{self, MaxSpeakers};
use crate::chat::messages::{Body, Draft, Nonce};
use crate::live::hub::Connection;
use crate::protocol::client::Request;
use crate::protocol::server::Answer;
use crate::voice::{JoinRequest, Joined};

/// Carries out one request of an open connection.
pub async fn dispatch(
    doors: &Arc<Doors>,
    connection: &Connection,
    request: Request,
) -> Result<Answer, Error> {
    let (user, id) = (connection.user, connection.id);
    match request {
        Request::Hello { .. } => Err(Error::Malformed("hello comes once, and first".to_owned())),
        Request::Ping => Ok(Answer::Done),
        Request::PostMessage { channel, body, nonce } => {
            let draft = Draft { channel, body: Body::parse(&body)?, nonce: Nonce::parse(nonce)? };
            let message = doors.chat.post_message(user, draft).await?;
            doors.live.set_typing(channel, user, false, doors.chat.now());
            Ok(Answer::MessagePosted { message })
        }
        Request::LoadMessages { channel, page } => {
            let page = doors.chat.messages(user, channel, page).await?;
            Ok(Answer::Messages { messages: page.messages, more: page.more })
        }
        Request::SetTyping { channel, active } => {
            // Answered from memory: a key press is not worth a query.
            if !connection.sees(channel) {
                return Err(crate::chat::Error::NotFound.into());
            }
            doors.live.set_typing(channel, user, active, doors.chat.now());
            Ok(Answer::Done)
        }
        Request::CreateChannel { name, kind, max_speakers } => {
            let (name, max_speakers) = (channels::Name::parse(&name)?, MaxSpeakers::parse(max_speakers)?);
            let draft = channels::Draft { name, kind, max_speakers };
            let channel =
                doors.chat.create_channel(user, draft, |channel| doors.voice.apply(channel)).await?;
            Ok(Answer::ChannelCreated { channel })
        }
        Request::UpdateChannel { channel, max_speakers } => {
            let max_speakers = MaxSpeakers::parse(max_speakers)?;
            let apply = |channel: &_| doors.voice.apply(channel);
            let channel = doors.chat.limit_speakers(user, channel, max_speakers, apply).await?;
            Ok(Answer::ChannelUpdated { channel })
        }
        Request::JoinVoice { channel, offer, muted, deafened } => {
            let request = JoinRequest { channel, offer, muted, deafened };
            let Joined { participant, answer, room } = doors.voice.join(user, id, request).await?;
            // The session ended while the join was under way: whoever ended it found no voice to end.
            if connection.is_closed() {
                doors.voice.leave(user, id);
                return Err(Error::SignedOut);
            }
            Ok(Answer::VoiceJoined { participant, answer, room })
        }
        Request::SetVoice { muted, deafened } => {
            doors.voice.set_media(user, id, muted, deafened)?;
            Ok(Answer::Done)
        }
        Request::LeaveVoice => {
            doors.voice.leave(user, id);
            Ok(Answer::Done)
        }
    }
}
