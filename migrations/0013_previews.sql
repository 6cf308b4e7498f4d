-- The first hyperlink of messages, and what is at the other end.

create table hyperlinks (
    channel_id uuid not null references channels (id) on delete cascade,
    -- No reference, as with mentions.
    message_id uuid not null,
    url text not null,
    -- waiting, shown or dismissed.
    state text not null,
    primary key (channel_id, message_id)
);

create index hyperlinks_by_url on hyperlinks (url);

-- One of each address, for all messages with it.
create table previews (
    url text not null primary key,
    -- page, picture, or nothing: nothing to show, which is remembered for a while.
    kind text not null,
    -- Where it leads, when the page wants to be known by another address; empty when not.
    address text not null,
    site text not null,
    title text not null,
    description text not null,
    -- Where the picture is, and its size in pixels; empty and zeros when there is none.
    picture text not null,
    width bigint not null,
    height bigint not null,
    -- Until when nobody looks again.
    good_until bigint not null
);

create index previews_by_time on previews (good_until);
