-- Whom messages point at, who was told of it, and who is still to be told.

create table mentions (
    channel_id uuid not null references channels (id) on delete cascade,
    -- No reference: a message never goes but with its channel, and checking would look through all mentions.
    message_id uuid not null,
    -- user, group, here or everyone.
    kind text not null,
    -- The user or group; zeros for here and everyone.
    target uuid not null,
    primary key (channel_id, message_id, kind, target)
);

create table notifications (
    message_id uuid not null references messages (id) on delete cascade,
    user_id uuid not null references users (id) on delete cascade,
    channel_id uuid not null,
    -- The mention that meant them.
    kind text not null,
    target uuid not null,
    -- Null until it was seen.
    read_at bigint,
    primary key (message_id, user_id)
);

create index notifications_by_user on notifications (user_id, message_id);
-- What badges are made of: small, however long an inbox is. read_at is in it although it is always null, so that
-- the engine sees that this index is the better one.
create index notifications_unread on notifications (user_id, read_at, message_id, channel_id)
where read_at is null;

-- What is left to do of a mention that means many, batch by batch. Gone when it is done.
create table fanouts (
    message_id uuid not null references messages (id) on delete cascade,
    -- tell or withdraw.
    work text not null,
    kind text not null,
    target uuid not null,
    -- The last user who was dealt with, in the order of ids; zeros at the beginning.
    reached uuid not null,
    primary key (message_id, work, kind, target)
);

-- When somebody last told many at once.
create table broadcasters (
    user_id uuid not null primary key references users (id) on delete cascade,
    last_at bigint not null
);

-- Who wants neither sound nor pop-up.
create table do_not_disturb (
    user_id uuid not null primary key references users (id) on delete cascade,
    since bigint not null
);
