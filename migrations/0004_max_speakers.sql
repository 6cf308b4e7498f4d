-- How many people may be heard at once in a voice channel; null for as many as the server allows.

alter table channels add column max_speakers bigint check (max_speakers between 1 and 16);
