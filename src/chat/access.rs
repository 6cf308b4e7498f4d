//! Access: what a user may do in a channel, from their role, their membership and the channel itself. The one
//! place that answers such questions; every operation on a channel asks it, inside its own transaction.
//!
//! Must never know: how an operation is carried out, or who is connected.
//! Start with [`Access::may`], which is pure.
//!
//! A private channel is known to its members and to admins; to everybody else it does not exist, and every
//! question about it is answered like one about a channel that never was. An admin may change a private
//! channel and who is in it, but reads it only as a member, whom the other members see.
//!
//! Whoever is shut out or has no account any more knows of no channel at all. Their sockets are closed when that
//! happens; what they had asked just before meets this rule.

use super::channels::{self, CHANNELS_MAX, channel};
use super::{Chat, Error, groups, users};
use crate::db::{Conn, Row, sql};
use crate::id::{ChannelId, GroupId, UserId};
use crate::protocol::types::{Admission, Channel, ChannelKind, Role, UserState, Writers};
use crate::protocol::voice::{Grant, VoiceRight};

/// What somebody wants to do in a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// See what is written in it, and keep how far one has read and what one wants to hear of it.
    Read,
    /// Write, also anew what one wrote, or show that one does.
    Write,
    /// Take back what one wrote, also where nobody writes any more.
    DeleteOwn,
    /// Take away what others wrote.
    DeleteOthers,
    /// Go into its voice room, and hear what is said there.
    Listen,
    /// Be heard there.
    Speak,
    /// Be heard there above all others.
    Prioritise,
    /// Mute and deafen others there, let them speak, lower their hands.
    MuteOthers,
    /// Move others to another room, put them out, and come into a full one.
    MoveOthers,
    /// Become a member.
    Join,
    /// Be a member no longer.
    Leave,
    /// See who is in it.
    SeeMembers,
    /// Make somebody a member.
    AddMember,
    /// End somebody's membership.
    RemoveMember,
    /// Change, archive or delete it.
    Administer,
}

/// Everything that decides.
#[derive(Clone, Debug)]
pub struct Access {
    /// Whether this user can be here at all.
    pub state: UserState,
    /// What they may do on the whole server.
    pub role: Role,
    /// Whether they are in the channel.
    pub member: bool,
    /// Of which groups they are, if that makes a difference to a right in this channel.
    pub groups: Vec<GroupId>,
    /// Where.
    pub channel: Channel,
}

/// What somebody may do in a voice room into which they may go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Powers {
    /// See [`Act::Speak`].
    pub speak: bool,
    /// See [`Act::Prioritise`].
    pub prioritise: bool,
    /// See [`Act::MoveOthers`].
    pub move_others: bool,
}

impl Powers {
    /// As most people have them in most rooms.
    pub const USUAL: Self = Self { speak: true, prioritise: false, move_others: false };
}

impl Access {
    /// Refuses unless the rules allow it.
    pub fn may(&self, act: Act) -> Result<(), Error> {
        let admin = self.role == Role::Admin;
        let private = self.channel.admission == Admission::Private;
        if self.state != UserState::Active || (private && !self.member && !admin) {
            return Err(Error::NotFound);
        }
        match act {
            Act::Read | Act::DeleteOwn => {
                self.is(ChannelKind::Text)?;
                self.as_member()
            }
            Act::DeleteOthers => {
                self.is(ChannelKind::Text)?;
                self.as_member()?;
                allow(admin)
            }
            Act::Write => {
                self.is(ChannelKind::Text)?;
                self.as_member()?;
                self.in_use()?;
                allow(admin || self.channel.writers == Writers::Everybody)
            }
            Act::Listen => self.in_the_room(VoiceRight::Listen),
            Act::Speak => self.in_the_room(VoiceRight::Speak),
            Act::Prioritise => self.in_the_room(VoiceRight::Prioritise),
            Act::MuteOthers => self.in_the_room(VoiceRight::MuteOthers),
            Act::MoveOthers => self.in_the_room(VoiceRight::MoveOthers),
            Act::Join | Act::Leave | Act::SeeMembers => Ok(()),
            Act::AddMember => allow(admin || (private && self.member)),
            Act::RemoveMember | Act::Administer => allow(admin),
        }
    }

    fn in_the_room(&self, right: VoiceRight) -> Result<(), Error> {
        self.is(ChannelKind::Voice)?;
        self.as_member()?;
        self.in_use()?;
        let granted = match self.channel.voice_rights.of(right) {
            Grant::Everybody => true,
            Grant::Groups(groups) => groups.iter().any(|group| self.groups.contains(group)),
            Grant::Admins => false,
        };
        allow(granted || self.role == Role::Admin)
    }

    /// What they may do in the voice room, if they may go into it.
    pub fn powers(&self) -> Result<Powers, Error> {
        self.may(Act::Listen)?;
        let may = |act| self.may(act).is_ok();
        Ok(Powers {
            speak: may(Act::Speak),
            prioritise: may(Act::Prioritise),
            move_others: may(Act::MoveOthers),
        })
    }

    /// Nobody talks in a text channel, and in a voice channel there is nothing to read.
    fn is(&self, kind: ChannelKind) -> Result<(), Error> {
        if self.channel.kind == kind { Ok(()) } else { Err(Error::NotFound) }
    }

    fn as_member(&self) -> Result<(), Error> {
        if self.member { Ok(()) } else { Err(Error::NotAMember) }
    }

    fn in_use(&self) -> Result<(), Error> {
        if self.channel.archived { Err(Error::Archived) } else { Ok(()) }
    }
}

fn allow(allowed: bool) -> Result<(), Error> {
    if allowed { Ok(()) } else { Err(Error::NotAllowed) }
}

impl Chat {
    /// The channel, if `user` may do this in it.
    pub async fn allows(&self, user: UserId, channel: ChannelId, act: Act) -> Result<Channel, Error> {
        let mut read = self.db.read().await?;
        require(&mut read, user, channel, act).await
    }

    /// The channel and what `user` may do in its voice room, if they may go into it.
    pub async fn powers(&self, user: UserId, channel: ChannelId) -> Result<(Channel, Powers), Error> {
        let mut read = self.db.read().await?;
        let access = find(&mut read, user, channel).await?;
        let powers = access.powers()?;
        if !self.settings_in(&mut read).await?.voice {
            return Err(Error::VoiceOff);
        }
        Ok((access.channel, powers))
    }

    /// Whether `user` is an admin now.
    pub async fn is_admin(&self, user: UserId) -> Result<bool, Error> {
        let mut read = self.db.read().await?;
        users::is_admin(&mut read, user).await
    }

    /// The channels that `user` may know of and is not in, by name in addresses.
    pub async fn browse_channels(&self, user: UserId) -> Result<Vec<Channel>, Error> {
        let mut read = self.db.read().await?;
        let rows = sql(concat!(
            "select ",
            channels::columns!(),
            " from channels c join users u on u.id = $1
              where not exists (select 1 from memberships m where m.channel_id = c.id and m.user_id = u.id)
                and (c.is_private = $2 or u.role = $3) and u.state = 'active' and c.kind <> 'deleted'
              order by c.slug limit $4"
        ))
        .bind(user)
        .bind(false)
        .bind(users::role_text(Role::Admin))
        .bind(CHANNELS_MAX)
        .all(&mut read)
        .await?;
        rows.iter().map(channel).collect()
    }
}

/// The channel, if `user` may do this in it. That it does not exist and that it is not theirs to know of is the
/// same answer.
pub async fn require(conn: &mut Conn, user: UserId, id: ChannelId, act: Act) -> Result<Channel, Error> {
    let access = find(conn, user, id).await?;
    access.may(act)?;
    Ok(access.channel)
}

/// How a user, `$1`, stands to a channel, `$2`; for [`judge`].
pub(super) const STANDING: &str = concat!(
    "select ",
    channels::columns!(),
    ", u.role, u.state, (select count(*) from memberships m where m.channel_id = c.id and m.user_id = u.id) as member
     from channels c join users u on u.id = $1 where c.id = $2 and c.kind <> 'deleted'"
);

/// The channel, if `user`, who stands to it like this, may do this in it.
pub(super) async fn judge(
    conn: &mut Conn,
    user: UserId,
    standing: Option<&Row>,
    act: Act,
) -> Result<Channel, Error> {
    let access = read(conn, user, standing).await?;
    access.may(act)?;
    Ok(access.channel)
}

/// Everything that decides about a user in a channel.
pub async fn find(conn: &mut Conn, user: UserId, id: ChannelId) -> Result<Access, Error> {
    let row = sql(STANDING).bind(user).bind(id).optional(conn).await?;
    read(conn, user, row.as_ref()).await
}

async fn read(conn: &mut Conn, user: UserId, standing: Option<&Row>) -> Result<Access, Error> {
    let row = standing.ok_or(Error::NotFound)?;
    let channel = channel(row)?;
    let rights = &channel.voice_rights;
    let granted =
        [&rights.listen, &rights.speak, &rights.prioritise, &rights.mute_others, &rights.move_others];
    let by_group = granted.iter().any(|grant| matches!(grant, Grant::Groups(_)));
    Ok(Access {
        state: users::state(row.text("state")?)?,
        role: users::role(row.text("role")?)?,
        member: row.integer("member")? > 0,
        groups: if by_group { groups::of_user(conn, user).await? } else { Vec::new() },
        channel,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::channels::tests::a_channel;

    #[test]
    fn who_is_outside_a_private_channel_cannot_tell_it_from_none() {
        let channel = Channel { admission: Admission::Private, ..a_channel(ChannelKind::Text) };
        let stranger =
            Access { state: UserState::Active, role: Role::Member, member: false, groups: vec![], channel };
        for act in ALL {
            assert!(matches!(stranger.may(act), Err(Error::NotFound)), "{act:?}");
        }
    }

    #[test]
    fn only_members_read_write_and_talk_whatever_their_role() {
        for (kind, acts) in [
            (ChannelKind::Text, &[Act::Read, Act::Write, Act::DeleteOwn][..]),
            (ChannelKind::Voice, &[Act::Listen, Act::Speak][..]),
        ] {
            for admission in [Admission::Everybody, Admission::Open, Admission::Private] {
                let channel = Channel { admission, ..a_channel(kind) };
                let inside = Access {
                    state: UserState::Active,
                    role: Role::Member,
                    member: true,
                    groups: vec![],
                    channel,
                };
                let outside = Access { role: Role::Admin, member: false, ..inside.clone() };
                for act in acts {
                    assert!(inside.may(*act).is_ok(), "{kind:?} {admission:?} {act:?}");
                    assert!(matches!(outside.may(*act), Err(Error::NotAMember)), "{kind:?} {act:?}");
                }
            }
        }
    }

    #[test]
    fn nobody_but_admins_announces_and_nobody_at_all_in_an_archive() {
        let channel = Channel { writers: Writers::Admins, ..a_channel(ChannelKind::Text) };
        let member =
            Access { state: UserState::Active, role: Role::Member, member: true, groups: vec![], channel };
        let admin = Access { role: Role::Admin, ..member.clone() };
        assert!(member.may(Act::Read).is_ok() && admin.may(Act::Write).is_ok());
        assert!(matches!(member.may(Act::Write), Err(Error::NotAllowed)));
        let channel = Channel { archived: true, ..a_channel(ChannelKind::Text) };
        let archivist = Access { channel, ..admin };
        assert!(archivist.may(Act::Read).is_ok() && archivist.may(Act::Administer).is_ok());
        assert!(matches!(archivist.may(Act::Write), Err(Error::Archived)));
    }

    #[test]
    fn whoever_is_shut_out_or_gone_may_do_nothing_whatever_they_were() {
        for kind in [ChannelKind::Text, ChannelKind::Voice] {
            for admission in [Admission::Everybody, Admission::Open, Admission::Private] {
                let channel = Channel { admission, ..a_channel(kind) };
                let admin = Access {
                    state: UserState::Active,
                    role: Role::Admin,
                    member: true,
                    groups: vec![],
                    channel,
                };
                assert!(admin.may(Act::Administer).is_ok());
                for state in [UserState::Disabled, UserState::Deleted] {
                    let gone = Access { state, ..admin.clone() };
                    for act in ALL {
                        assert!(matches!(gone.may(act), Err(Error::NotFound)), "{state:?} {kind:?} {act:?}");
                    }
                }
            }
        }
    }

    #[tokio::test]
    async fn what_they_asked_just_before_is_refused_where_it_is_carried_out() {
        let folder = tempfile::tempdir().unwrap();
        let chat = crate::chat::tests::an_empty_one(folder.path()).await;
        chat.make_first_channels().await.unwrap();
        let mut tx = chat.db.begin().await.unwrap();
        let ana: UserId = chat.next_id();
        sql("insert into users (id, username, username_folded, role, created_at) values ($1, 'a', 'a', 'admin', 0)")
            .bind(ana)
            .execute(&mut tx)
            .await
            .unwrap();
        channels::join_defaults(&mut tx, ana, chat.now()).await.unwrap();
        let ids = sql("select id from channels").all(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        for state in [UserState::Active, UserState::Disabled, UserState::Deleted] {
            let mut tx = chat.db.begin().await.unwrap();
            let text = users::state_text(state);
            sql("update users set state = $2 where id = $1")
                .bind(ana)
                .bind(text)
                .execute(&mut tx)
                .await
                .unwrap();
            tx.commit().await.unwrap();
            for row in &ids {
                let channel = chat.allows(ana, row.id("id").unwrap(), Act::Administer).await;
                assert_eq!(channel.is_ok(), state == UserState::Active, "{state:?}");
            }
            let renamed = chat.create_category(ana, crate::chat::categories::Name::parse("Work").unwrap());
            assert_eq!(renamed.await.is_ok(), state == UserState::Active, "{state:?}");
        }
    }

    #[test]
    fn what_is_written_goes_by_its_author_or_by_an_admin_who_reads_there_also_in_an_archive() {
        for archived in [false, true] {
            let channel = Channel { archived, writers: Writers::Admins, ..a_channel(ChannelKind::Text) };
            let member = Access {
                state: UserState::Active,
                role: Role::Member,
                member: true,
                groups: vec![],
                channel,
            };
            let admin = Access { role: Role::Admin, ..member.clone() };
            assert!(member.may(Act::DeleteOwn).is_ok() && admin.may(Act::DeleteOthers).is_ok());
            assert!(matches!(member.may(Act::DeleteOthers), Err(Error::NotAllowed)));
            let outside = Access { member: false, ..admin };
            for act in [Act::DeleteOwn, Act::DeleteOthers] {
                assert!(matches!(outside.may(act), Err(Error::NotAMember)));
            }
        }
    }

    #[test]
    fn a_right_is_for_those_it_was_granted_to_and_for_admins_who_are_there() {
        let [ours, theirs] = [GroupId::from(uuid::Uuid::nil()), GroupId::from(uuid::Uuid::max())];
        for (right, act) in [
            (VoiceRight::Listen, Act::Listen),
            (VoiceRight::Speak, Act::Speak),
            (VoiceRight::Prioritise, Act::Prioritise),
            (VoiceRight::MuteOthers, Act::MuteOthers),
            (VoiceRight::MoveOthers, Act::MoveOthers),
        ] {
            for (grant, anybody, one_of_us) in [
                (Grant::Everybody, true, true),
                (Grant::Groups(vec![theirs, ours]), false, true),
                (Grant::Groups(vec![theirs]), false, false),
                (Grant::Admins, false, false),
            ] {
                let mut channel = a_channel(ChannelKind::Voice);
                *channel.voice_rights.of_mut(right) = grant.clone();
                let member = Access {
                    state: UserState::Active,
                    role: Role::Member,
                    member: true,
                    groups: vec![],
                    channel,
                };
                let of_ours = Access { groups: vec![ours], ..member.clone() };
                let admin = Access { role: Role::Admin, ..member.clone() };
                let outside = Access { member: false, ..admin.clone() };
                assert_eq!(member.may(act).is_ok(), anybody, "{grant:?} {act:?}");
                assert_eq!(of_ours.may(act).is_ok(), one_of_us, "{grant:?} {act:?}");
                assert!(admin.may(act).is_ok() && matches!(outside.may(act), Err(Error::NotAMember)));
            }
        }
    }

    const ALL: [Act; 15] = [
        Act::Read,
        Act::Write,
        Act::DeleteOwn,
        Act::DeleteOthers,
        Act::Listen,
        Act::Speak,
        Act::Prioritise,
        Act::MuteOthers,
        Act::MoveOthers,
        Act::Join,
        Act::Leave,
        Act::SeeMembers,
        Act::AddMember,
        Act::RemoveMember,
        Act::Administer,
    ];
}
