-- The place of each message in its channel, how far everybody has read, and what became of a message. Unread is
-- then a difference of two numbers, however much was ever written.

create table heads (
    channel_id uuid not null primary key references channels (id) on delete cascade,
    -- The number of the newest message, and so how many there are.
    number bigint not null
);

alter table messages add column number bigint not null default 0;
-- When its author last wrote it anew; null when never.
alter table messages add column edited_at bigint;
-- When it was deleted; its body is empty then, and its place is kept.
alter table messages add column deleted_at bigint;

update messages set number = numbered.place
from (select id, row_number() over (partition by channel_id order by id) as place from messages) as numbered
where numbered.id = messages.id;

insert into heads (channel_id, number) select channel_id, max(number) from messages group by channel_id;

-- The number of the newest message that was read.
alter table memberships add column read_number bigint not null default 0;
-- What they want to hear of the channel: nothing, mentions, everything.
alter table memberships add column involvement text not null default 'mentions';

update memberships
set read_number = coalesce((select h.number from heads h where h.channel_id = memberships.channel_id), 0);

-- Walks through the members of a channel in order.
create index memberships_by_channel_and_user on memberships (channel_id, user_id);
drop index memberships_by_channel;
