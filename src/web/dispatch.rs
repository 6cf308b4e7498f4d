//! What a connection may ask: one arm per request, one call per arm.

use std::sync::Arc;

use super::Doors;
use super::error::Error;
use crate::chat::channels::{self, MaxSpeakers};
use crate::chat::groups;
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
        Request::EditMessage { message, body } => {
            let message = doors.chat.edit_message(user, message, Body::parse(&body)?).await?;
            Ok(Answer::MessageEdited { message })
        }
        Request::DeleteMessage { message } => {
            doors.chat.delete_message(user, message).await?;
            Ok(Answer::Done)
        }
        Request::MarkRead { channel, message } => {
            doors.chat.mark_read(user, channel, message).await?;
            Ok(Answer::Done)
        }
        Request::LoadNotifications { before } => {
            let (notifications, more) = doors.chat.inbox(user, before).await?;
            Ok(Answer::Notifications { notifications, more })
        }
        Request::MarkNotification { message } => {
            doors.chat.mark_notification(user, message).await?;
            Ok(Answer::Done)
        }
        Request::MarkInbox { up_to } => {
            doors.chat.mark_inbox(user, up_to).await?;
            Ok(Answer::Done)
        }
        Request::SetInvolvement { channel, involvement } => {
            doors.chat.set_involvement(user, channel, involvement).await?;
            Ok(Answer::Done)
        }
        Request::SetDoNotDisturb { active } => {
            doors.chat.set_do_not_disturb(user, active).await?;
            Ok(Answer::Done)
        }
        Request::CreateGroup { name, color } => {
            let draft = groups::Draft::parse(&name, color)?;
            let group = doors.chat.create_group(user, draft).await?;
            Ok(Answer::GroupChanged { group })
        }
        Request::UpdateGroup { group, name, color } => {
            let draft = groups::Draft::parse(&name, color)?;
            let group = doors.chat.update_group(user, group, draft).await?;
            Ok(Answer::GroupChanged { group })
        }
        Request::DeleteGroup { group } => {
            doors.chat.delete_group(user, group).await?;
            Ok(Answer::Done)
        }
        Request::SetGroupMember { group, user: member, member: is_member } => {
            doors.chat.set_group_member(user, group, member, is_member).await?;
            Ok(Answer::Done)
        }
        Request::LoadGroupMembers { group, after } => {
            let (members, more) = doors.chat.group_members(group, after).await?;
            Ok(Answer::GroupMembers { members, more })
        }
    }
}
