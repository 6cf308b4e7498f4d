-- What an account lives through: how it looks, its confirmation, its devices, its one-time links, its end.

alter table users add column display_name text not null default '';
-- The address of a picture; empty for initials.
alter table users add column avatar text not null default '';
-- active, disabled or deleted. A deleted user is a row without an account: the author of what they wrote.
alter table users add column state text not null default 'active';

-- When the owner of the address answered a mail; 0 for never.
alter table accounts add column confirmed_at bigint not null default 0;

-- From where it was used last, as text.
alter table sessions add column address text not null default '';
-- browser, or what a program calls itself.
alter table sessions add column kind text not null default 'browser';
-- When the token itself ends, which for a program is earlier than the session. The default is the year 9999.
alter table sessions add column token_until bigint not null default 253402300799000;
-- The program's session that a browser's was opened with; one ends with the other.
alter table sessions add column opened_by uuid references sessions (id) on delete cascade;

create index sessions_by_opener on sessions (opened_by);
create index sessions_by_end on sessions (expires_at);

-- What a program renews its tokens with. Spent ones are kept: to see one again means that somebody has a copy.
create table refresh_tokens (
    token_hash text not null primary key,
    session_id uuid not null references sessions (id) on delete cascade,
    -- 0 while it is good.
    spent_at bigint not null default 0
);

create index refresh_tokens_by_session on refresh_tokens (session_id);

-- One-time links. A link is used when its row is gone.
create table links (
    token_hash text not null primary key,
    user_id uuid not null references users (id) on delete cascade,
    -- confirm_email, change_email or reset_password.
    purpose text not null,
    -- Where it was sent, and so what it is good for.
    email text not null,
    expires_at bigint not null
);

create index links_by_user on links (user_id);
create index links_by_end on links (expires_at);

-- Registrations that wait for the answer to their mail. Nobody sees them, so that nobody learns from them
-- which addresses have an account.
create table sign_ups (
    id uuid not null primary key,
    username text not null,
    username_folded text not null unique,
    email text not null,
    email_folded text not null,
    password_hash text not null,
    token_hash text not null unique,
    expires_at bigint not null
);

create index sign_ups_by_email on sign_ups (email_folded);
