-- What was done to accounts, by whom.

create table audit_log (
    id uuid not null primary key,
    at bigint not null,
    -- Null: the console, or whoever held a link.
    actor uuid references users (id),
    action text not null,
    subject uuid references users (id),
    detail text not null
);
