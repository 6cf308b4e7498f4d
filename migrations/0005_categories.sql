-- Headings under which channels stand; and what more there is to say of a channel.

create table categories (
    id uuid not null primary key,
    name text not null,
    -- Lower case, so that Games and games are one heading on both engines.
    name_folded text not null unique,
    position bigint not null,
    created_at bigint not null
);

alter table channels add column topic text not null default '';

-- Null: under no heading.
alter table channels add column category_id uuid references categories (id) on delete set null;

-- Nobody but its members knows of it. Then nobody comes into it by registering.
alter table channels add column is_private boolean not null default false
    check (not (is_private and is_default));

-- Who may write: everybody or admins.
alter table channels add column writers text not null default 'everybody';

-- Since when nobody writes or talks in it; null: people do.
alter table channels add column archived_at bigint;

-- Room between neighbours, so that a channel is moved by changing one row.
update channels set position = (position + 1) * 4294967296;
