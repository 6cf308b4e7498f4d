-- People, how they sign in, and their sign-ins.
-- One text for SQLite and PostgreSQL: ids are UUIDv7 made by the server (a blob in SQLite), times are
-- milliseconds, hashes are lower-case hexadecimal text.

create table users (
    id uuid not null primary key,
    username text not null,
    -- Lower case, so that Ana and ana are one name on both engines.
    username_folded text not null unique,
    role text not null,
    created_at bigint not null
);

create table accounts (
    user_id uuid not null primary key references users (id) on delete cascade,
    email text not null,
    email_folded text not null unique,
    -- PHC string, argon2id.
    password_hash text not null
);

create table sessions (
    id uuid not null primary key,
    user_id uuid not null references users (id) on delete cascade,
    -- SHA-256 of the secret in the cookie, never the secret.
    token_hash text not null unique,
    device text not null,
    created_at bigint not null,
    last_seen_at bigint not null,
    expires_at bigint not null
);

create index sessions_by_user on sessions (user_id);
