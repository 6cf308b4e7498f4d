//! Memberships: who is in a channel, and how they come and go. What they may do there is said by
//! [`super::access`].
//!
//! They take turns with changes to channels (see [`super::channels`]). Start with [`Chat::join_channel`].
//!
//! Whoever goes hears nothing more from before the moment it is stored: what others write after that never
//! reaches them. Whoever comes hears everything from just after it, and asks for what was before.

use super::access::{self, Act};
use super::audit::Deed;
use super::channels::CHANNELS_MAX;
use super::roster::SNAPSHOT_MAX;
use super::{Chat, Error, users};
use crate::db::{Conn, Row, Tx, sql};
use crate::id::{ChannelId, UserId};
use crate::live::hub::Audience;
use crate::protocol::rest::AuditAction;
use crate::protocol::server::ServerEvent;
use crate::protocol::types::{Channel, MemberCount, UserState};

impl Chat {
    /// Makes `user` a member, by their own wish. `show` is called when they are new, after they heard of it.
    pub async fn join_channel(
        &self,
        user: UserId,
        id: ChannelId,
        show: impl FnOnce() + Send,
    ) -> Result<Channel, Error> {
        let _turn = self.channel_changes.write().await;
        let mut tx = self.db.begin().await?;
        let channel = access::require(&mut tx, user, id, Act::Join).await?;
        self.take_in(tx, user, user, &channel, show).await?;
        Ok(channel)
    }

    /// Makes somebody a member, by the wish of `by`.
    pub async fn add_member(
        &self,
        by: UserId,
        id: ChannelId,
        user: UserId,
        show: impl FnOnce() + Send,
    ) -> Result<(), Error> {
        let _turn = self.channel_changes.write().await;
        let mut tx = self.db.begin().await?;
        let channel = access::require(&mut tx, by, id, Act::AddMember).await?;
        let known = users::find(&mut tx, user).await?;
        known.filter(|user| user.state != UserState::Deleted).ok_or(Error::NotFound)?;
        self.take_in(tx, by, user, &channel, show).await
    }

    /// Ends the membership of `user`, by their own wish. `expel` is called when they were a member, before
    /// anybody hears of it.
    pub async fn leave_channel(
        &self,
        user: UserId,
        id: ChannelId,
        expel: impl FnOnce() + Send,
    ) -> Result<(), Error> {
        let _turn = self.channel_changes.write().await;
        let mut tx = self.db.begin().await?;
        let channel = access::require(&mut tx, user, id, Act::Leave).await?;
        self.let_go(tx, user, user, &channel, expel).await
    }

    /// Ends the membership of `user`, by the wish of `by`.
    pub async fn remove_member(
        &self,
        by: UserId,
        id: ChannelId,
        user: UserId,
        expel: impl FnOnce() + Send,
    ) -> Result<(), Error> {
        let _turn = self.channel_changes.write().await;
        let mut tx = self.db.begin().await?;
        let channel = access::require(&mut tx, by, id, Act::RemoveMember).await?;
        self.let_go(tx, by, user, &channel, expel).await
    }

    /// Who is in a channel, as somebody may see it.
    pub async fn members(&self, by: UserId, id: ChannelId) -> Result<Vec<UserId>, Error> {
        let mut read = self.db.read().await?;
        access::require(&mut read, by, id, Act::SeeMembers).await?;
        let rows =
            sql("select user_id from memberships where channel_id = $1 order by joined_at, user_id limit $2")
                .bind(id)
                .bind(SNAPSHOT_MAX as i64)
                .all(&mut read)
                .await?;
        rows.iter().map(|row| Ok(row.id("user_id")?)).collect()
    }

    /// How many people are in each channel, for an admin, who may change them all.
    pub async fn count_members(&self, admin: UserId) -> Result<Vec<MemberCount>, Error> {
        let mut read = self.db.read().await?;
        users::require_admin(&mut read, admin).await?;
        let rows = sql("select c.id, count(m.user_id) as members
                        from channels c left join memberships m on m.channel_id = c.id
                        where c.kind <> 'deleted' group by c.id order by c.id limit $1")
        .bind(CHANNELS_MAX)
        .all(&mut read)
        .await?;
        let count = |row: &Row| {
            // Never negative, and no more than there are users.
            let members = u32::try_from(row.integer("members")?).unwrap_or(u32::MAX);
            Ok(MemberCount { channel: row.id("id")?, members })
        };
        rows.iter().map(count).collect()
    }

    /// Twice is once: nobody hears of the second time.
    async fn take_in(
        &self,
        mut tx: Tx,
        by: UserId,
        user: UserId,
        channel: &Channel,
        show: impl FnOnce() + Send,
    ) -> Result<(), Error> {
        // What was written before is not new to them.
        let new = sql("insert into memberships (user_id, channel_id, joined_at, read_number)
                       values ($1, $2, $3, coalesce((select number from heads where channel_id = $2), 0))
                       on conflict do nothing")
        .bind(user)
        .bind(channel.id)
        .bind(self.clock.now())
        .execute(&mut tx)
        .await?;
        if new == 0 {
            return Ok(());
        }
        if by != user {
            let deed = Deed::by(by, AuditAction::MemberAdded).to(user).on(&channel.name);
            self.note(&mut tx, self.clock.now(), deed).await?;
        }
        tx.commit().await?;

        self.hub.open_to(user, channel.id);
        self.hub.publish(Audience::Users(&[user]), &ServerEvent::ChannelCreated { channel: channel.clone() });
        show();
        self.tell_membership(channel.id, user, true);
        Ok(())
    }

    async fn let_go(
        &self,
        mut tx: Tx,
        by: UserId,
        user: UserId,
        channel: &Channel,
        expel: impl FnOnce() + Send,
    ) -> Result<(), Error> {
        let id = channel.id;
        let gone = sql("delete from memberships where user_id = $1 and channel_id = $2")
            .bind(user)
            .bind(id)
            .execute(&mut tx)
            .await?;
        if gone == 0 {
            return Ok(());
        }
        // What they were told of there is no affair of theirs any more, also should they come back.
        sql("delete from notifications where user_id = $1 and channel_id = $2")
            .bind(user)
            .bind(id)
            .execute(&mut tx)
            .await?;
        if by != user {
            let deed = Deed::by(by, AuditAction::MemberRemoved).to(user).on(&channel.name);
            self.note(&mut tx, self.clock.now(), deed).await?;
        }
        // Before the commit: whatever is stored after it must not reach them.
        self.hub.close_to(user, id);
        if let Err(error) = tx.commit().await {
            self.hub.open_to(user, id);
            return Err(error.into());
        }

        expel();
        self.hub.publish(Audience::Users(&[user]), &ServerEvent::ChannelRemoved { channel: id });
        self.tell_membership(id, user, false);
        Ok(())
    }

    pub(super) fn tell_membership(&self, channel: ChannelId, user: UserId, member: bool) {
        let event = ServerEvent::MembershipChanged { channel, user, member };
        self.hub.publish(Audience::Channel(channel), &event);
    }
}

/// Ends every membership of a user; where they were in.
pub(super) async fn end_all(tx: &mut Conn, user: UserId) -> Result<Vec<ChannelId>, Error> {
    let rows = sql("select channel_id from memberships where user_id = $1 order by channel_id limit $2")
        .bind(user)
        .bind(CHANNELS_MAX)
        .all(tx)
        .await?;
    sql("delete from memberships where user_id = $1").bind(user).execute(tx).await?;
    rows.iter().map(|row| Ok(row.id("channel_id")?)).collect()
}
