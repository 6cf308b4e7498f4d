-- Named sets of people who can be mentioned at once.

create table groups (
    id uuid not null primary key,
    name text not null,
    -- How it is mentioned. No user has this name.
    slug text not null unique,
    -- # and six hexadecimal digits, or nothing.
    color text not null,
    created_at bigint not null
);

create table group_members (
    group_id uuid not null references groups (id) on delete cascade,
    user_id uuid not null references users (id) on delete cascade,
    joined_at bigint not null,
    primary key (group_id, user_id)
);

create index group_members_by_user on group_members (user_id);
