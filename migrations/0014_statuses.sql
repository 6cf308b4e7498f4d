-- What users chose to be seen as. Who is not in here is online.

create table statuses (
    user_id uuid not null primary key references users (id) on delete cascade,
    -- away, do_not_disturb or invisible.
    status text not null
);

insert into statuses (user_id, status) select user_id, 'do_not_disturb' from do_not_disturb;

drop table do_not_disturb;

-- Those that were seen long ago are found without looking through all.
create index notifications_read on notifications (read_at) where read_at is not null;
