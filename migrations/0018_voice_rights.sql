-- Who may do what in the voice room of a channel, and how many people may be in it.
-- The rights are read with their channel and as a whole, never searched: one JSON text; empty: as usual. Groups in it are
-- named by their ids, and one that is gone grants nothing.

alter table channels add column voice_rights text not null default '';
alter table channels add column people_max bigint check (people_max between 1 and 999);
