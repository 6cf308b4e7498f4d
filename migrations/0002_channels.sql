-- Places to write or talk, and who is in them.

create table channels (
    id uuid not null primary key,
    name text not null,
    slug text not null unique,
    -- text or voice.
    kind text not null,
    -- Everybody who registers becomes a member.
    is_default boolean not null,
    position bigint not null,
    created_at bigint not null
);

create table memberships (
    user_id uuid not null references users (id) on delete cascade,
    channel_id uuid not null references channels (id) on delete cascade,
    joined_at bigint not null,
    primary key (user_id, channel_id)
);

create index memberships_by_channel on memberships (channel_id);
