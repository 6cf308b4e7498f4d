//! What a connection may ask: one arm per request, one call per arm.

use std::sync::Arc;

use super::Doors;
use super::error::Error;
use crate::chat::access::Act;
use crate::chat::channels::settings::{Name, Settings};
use crate::chat::messages::{Body, Draft, Nonce};
use crate::chat::{categories, groups};
use crate::id::{ChannelId, UserId};
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
            doors.live.set_typing(channel, user, false, doors.chat.steady());
            Ok(Answer::MessagePosted { message })
        }
        Request::LoadMessages { channel, page } => {
            let page = doors.chat.messages(user, channel, page).await?;
            Ok(Answer::Messages { messages: page.messages, more: page.more })
        }
        Request::SetTyping { channel, active } => {
            // Pages say it once in two seconds.
            doors.chat.allows(user, channel, Act::Write).await?;
            doors.live.set_typing(channel, user, active, doors.chat.steady());
            Ok(Answer::Done)
        }
        Request::CreateChannel { name, kind, settings } => {
            let (name, settings) = (Name::parse(&name)?, Settings::parse(settings)?);
            let apply = |channel: &_| doors.voice.apply(channel);
            let channel = doors.chat.create_channel(user, name, kind, settings, apply).await?;
            Ok(Answer::ChannelCreated { channel })
        }
        Request::UpdateChannel { channel, settings } => {
            let settings = Settings::parse(settings)?;
            let apply = |channel: &_| doors.voice.apply(channel);
            let channel = doors.chat.update_channel(user, channel, settings, apply).await?;
            doors.voice.review(|_, room| room == channel.id).await;
            Ok(Answer::ChannelUpdated { channel })
        }
        Request::JoinVoice { channel, offer, muted, deafened } => {
            let request = JoinRequest { channel, offer, muted, deafened };
            let Joined { participant, answer, room, relay } = doors.voice.join(user, id, request).await?;
            // The session ended while the join was under way: whoever ended it found no voice to end.
            if connection.is_closed() {
                doors.voice.leave(user, id);
                return Err(Error::SignedOut);
            }
            Ok(Answer::VoiceJoined { participant, answer, room, relay })
        }
        Request::SetVoice { muted, deafened } => {
            doors.voice.set_media(user, id, muted, deafened)?;
            Ok(Answer::Done)
        }
        Request::RestartVoice { offer } => {
            Ok(Answer::VoiceRestarted { answer: doors.voice.restart(user, id, offer).await? })
        }
        Request::LoadQualities { channel } => {
            Ok(Answer::Qualities { qualities: doors.voice.qualities(user, channel).await? })
        }
        Request::LeaveVoice => {
            doors.voice.leave(user, id);
            Ok(Answer::Done)
        }
        Request::RaiseHand { raised } => {
            doors.voice.raise_hand(user, id, raised)?;
            Ok(Answer::Done)
        }
        Request::ModerateVoice { participant, moderation } => {
            doors.voice.moderate(doors.chat.steady(), user, participant, moderation).await?;
            Ok(Answer::Done)
        }
        Request::DeleteChannel { channel } => {
            doors.chat.delete_channel(user, channel, || doors.voice.close(channel)).await?;
            Ok(Answer::Done)
        }
        Request::BrowseChannels => Ok(Answer::Channels { channels: doors.chat.browse_channels(user).await? }),
        Request::CountMembers => Ok(Answer::MemberCounts { counts: doors.chat.count_members(user).await? }),
        Request::JoinChannel { channel } => {
            let show = || doors.voice.show(channel, user);
            Ok(Answer::ChannelJoined { channel: doors.chat.join_channel(user, channel, show).await? })
        }
        Request::LeaveChannel { channel } => {
            let expel = || expel(doors, channel, user);
            doors.chat.leave_channel(user, channel, expel).await?;
            Ok(Answer::Done)
        }
        Request::ListMembers { channel } => {
            Ok(Answer::Members { members: doors.chat.members(user, channel).await? })
        }
        Request::AddMember { channel, user: other } => {
            let show = || doors.voice.show(channel, other);
            doors.chat.add_member(user, channel, other, show).await?;
            Ok(Answer::Done)
        }
        Request::RemoveMember { channel, user: other } => {
            let expel = || expel(doors, channel, other);
            doors.chat.remove_member(user, channel, other, expel).await?;
            Ok(Answer::Done)
        }
        Request::CreateCategory { name } => {
            let name = categories::Name::parse(&name)?;
            Ok(Answer::CategorySaved { category: doors.chat.create_category(user, name).await? })
        }
        Request::UpdateCategory { category, settings } => {
            let settings = categories::Settings::parse(settings)?;
            let category = doors.chat.update_category(user, category, settings).await?;
            Ok(Answer::CategorySaved { category })
        }
        Request::DeleteCategory { category } => {
            doors.chat.delete_category(user, category).await?;
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
        Request::DismissPreview { message } => {
            doors.chat.dismiss_preview(user, message).await?;
            Ok(Answer::Done)
        }
        Request::MarkRead { channel, message } => {
            doors.chat.mark_read(user, channel, message).await?;
            Ok(Answer::Done)
        }
        Request::LoadNotifications { before, unread } => {
            let (notifications, more) = doors.chat.inbox(user, before, unread).await?;
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
        Request::SetStatus { status } => {
            doors.chat.set_status(user, status).await?;
            Ok(Answer::Done)
        }
        Request::SetIdle { idle } => {
            doors.live.set_idle(user, id, idle);
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
            doors.voice.review(|_, _| true).await;
            Ok(Answer::Done)
        }
        Request::SetGroupMember { group, user: member, member: is_member } => {
            doors.chat.set_group_member(user, group, member, is_member).await?;
            doors.voice.review(|who, _| who == member).await;
            Ok(Answer::Done)
        }
        Request::LoadGroupMembers { group, after } => {
            let (members, more) = doors.chat.group_members(group, after).await?;
            Ok(Answer::GroupMembers { members, more })
        }
    }
}

/// Whoever is no member neither talks nor writes there.
fn expel(doors: &Doors, channel: ChannelId, user: UserId) {
    doors.voice.expel(channel, user);
    doors.live.set_typing(channel, user, false, doors.chat.steady());
}
