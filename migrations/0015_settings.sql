-- What admins decide about the whole server, in its only row.

create table settings (
    id bigint not null primary key check (id = 1),
    voice text not null check (voice in ('on', 'off')),
    registration text not null check (registration in ('open', 'closed')),
    link_previews text not null check (link_previews in ('on', 'off')),
    email_confirmation text not null check (email_confirmation in ('on', 'off')),
    -- Separated by spaces; nothing: no relay.
    turn_urls text not null,
    -- Sealed, or nothing.
    turn_secret text not null
);

insert into settings (id, voice, registration, link_previews, email_confirmation, turn_urls, turn_secret)
values (1, 'on', 'open', 'on', 'off', '', '');

-- What it was done to when that is nobody: its name at that time, or nothing.
alter table audit_log add column object text not null default '';

-- The log is read by who and by what, newest first.
create index audit_log_by_actor on audit_log (actor, id);
create index audit_log_by_action on audit_log (action, id);
