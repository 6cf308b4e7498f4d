-- What people wrote. A message id grows with time, so it is also the cursor of a page.

create table messages (
    id uuid not null primary key,
    channel_id uuid not null references channels (id) on delete cascade,
    author_id uuid not null references users (id),
    body text not null,
    -- The client's mark: a blind retry finds the message posted first.
    nonce text not null,
    posted_at bigint not null,
    unique (author_id, nonce)
);

create index messages_by_channel on messages (channel_id, id);
