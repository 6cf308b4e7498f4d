-- What is left to clear away of a deleted channel or account, batch by batch. Gone when it is done.
-- Until then such a channel is still a row, of the kind `deleted`, with nobody in it.

create table clearings (
    -- Of the channel or user.
    id uuid not null primary key,
    -- channel or account.
    what text not null
);
