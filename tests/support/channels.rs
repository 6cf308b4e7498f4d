//! What people of the stories do with channels, and what they see of them.

use cromulent::id::{CategoryId, ChannelId, UserId};
use cromulent::protocol::client::{ChannelSetting, Cursor, Request};
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::rest::Register;
use cromulent::protocol::server::{Answer, ServerEvent};
use cromulent::protocol::types::{Admission, Category, Channel, ChannelKind, Message};

use super::{TestServer, TestUser, account};

pub const PRIVATE: ChannelSetting = ChannelSetting::Admission(Admission::Private);
pub const OPEN: ChannelSetting = ChannelSetting::Admission(Admission::Open);

/// The first admin, and others.
pub async fn ana_the_admin_and<const N: usize>(
    server: &TestServer,
    others: [&str; N],
) -> (TestUser, [TestUser; N]) {
    let form = Register { setup_token: server.setup_token(), ..account("ana") };
    let cookie = server.http().register(&form).await.unwrap();
    let mut ana = TestUser::connect(server, "ana", cookie).await;
    let users = server.users(others).await;
    ana.knows(&others).await;
    (ana, users)
}

pub fn create(name: &str, kind: ChannelKind, settings: Vec<ChannelSetting>) -> Request {
    Request::CreateChannel { name: name.to_owned(), kind, settings }
}

pub fn post(channel: ChannelId, body: &str) -> Request {
    Request::PostMessage { channel, body: body.to_owned(), nonce: format!("{channel}-{body}") }
}

pub fn history(channel: ChannelId) -> Request {
    Request::LoadMessages { channel, page: Cursor::Latest }
}

impl TestUser {
    pub async fn makes(&mut self, name: &str, kind: ChannelKind, settings: Vec<ChannelSetting>) -> Channel {
        match self.asks(&create(name, kind, settings)).await.unwrap() {
            Answer::ChannelCreated { channel } => channel,
            other => panic!("{other:?}"),
        }
    }

    pub async fn changes(
        &mut self,
        channel: ChannelId,
        settings: Vec<ChannelSetting>,
    ) -> Result<Channel, ErrorCode> {
        match self.asks(&Request::UpdateChannel { channel, settings }).await? {
            Answer::ChannelUpdated { channel } => Ok(channel),
            other => panic!("{other:?}"),
        }
    }

    pub async fn makes_category(&mut self, name: &str) -> Result<Category, ErrorCode> {
        match self.asks(&Request::CreateCategory { name: name.to_owned() }).await? {
            Answer::CategorySaved { category } => Ok(category),
            other => panic!("{other:?}"),
        }
    }

    pub async fn moves(
        &mut self,
        channel: ChannelId,
        category: Option<CategoryId>,
        before: Option<ChannelId>,
    ) -> Channel {
        self.changes(channel, vec![ChannelSetting::Place { category, before }]).await.unwrap()
    }

    pub async fn adds(&mut self, channel: ChannelId, user: UserId) {
        self.asks(&Request::AddMember { channel, user }).await.unwrap();
    }

    pub async fn removes(&mut self, channel: ChannelId, user: UserId) {
        self.asks(&Request::RemoveMember { channel, user }).await.unwrap();
    }

    pub async fn joins(&mut self, channel: ChannelId) {
        self.asks(&Request::JoinChannel { channel }).await.unwrap();
    }

    pub async fn leaves(&mut self, channel: ChannelId) {
        self.asks(&Request::LeaveChannel { channel }).await.unwrap();
    }

    pub async fn writes(&mut self, channel: ChannelId, body: &str) -> Message {
        match self.asks(&post(channel, body)).await.unwrap() {
            Answer::MessagePosted { message } => message,
            other => panic!("{other:?}"),
        }
    }

    /// The names of the channels there are to join.
    pub async fn browses(&mut self) -> Vec<String> {
        match self.asks(&Request::BrowseChannels).await.unwrap() {
            Answer::Channels { channels } => channels.into_iter().map(|channel| channel.name).collect(),
            other => panic!("{other:?}"),
        }
    }

    pub async fn sees_members(&mut self, channel: ChannelId) -> Vec<UserId> {
        match self.asks(&Request::ListMembers { channel }).await.unwrap() {
            Answer::Members { members } => members,
            other => panic!("{other:?}"),
        }
    }

    pub async fn sees_a_new_channel(&mut self) -> Channel {
        self.waits_for(|event| match event {
            ServerEvent::ChannelCreated { channel } => Some(channel.clone()),
            _ => None,
        })
        .await
    }

    pub async fn sees_a_changed_channel(&mut self) -> Channel {
        self.waits_for(|event| match event {
            ServerEvent::ChannelUpdated { channel } => Some(channel.clone()),
            _ => None,
        })
        .await
    }

    pub async fn sees_that_it_is_gone(&mut self, gone: ChannelId) {
        self.waits_for(|event| match event {
            ServerEvent::ChannelRemoved { channel } if *channel == gone => Some(()),
            _ => None,
        })
        .await;
    }

    /// Everything heard until this message, as it stood on the wire.
    pub async fn hears_on_the_wire_until(&mut self, body: &str) -> Vec<String> {
        let mut heard = Vec::new();
        loop {
            let event = self.next_event().await;
            heard.push(serde_json::to_string(&event).unwrap());
            if matches!(&event, ServerEvent::MessagePosted { message } if message.body == body) {
                return heard;
            }
        }
    }

    /// The names of the channels of a fresh page, in order.
    pub async fn finds_on_a_fresh_page(&self) -> Vec<String> {
        let page = TestUser::connect_at(self.address, &self.name, self.cookie.clone()).await;
        let names = page.snapshot.channels.iter().map(|channel| channel.name.clone()).collect();
        page.socket.close(1000).await.unwrap();
        names
    }
}
