-- How people want to be heard in voice rooms, and how loud they hear whom.

create table voice_preferences (
    user_id uuid not null primary key references users (id) on delete cascade,
    -- push_to_talk, voice_activity or continuous.
    transmit text not null,
    -- A key by its place on the keyboard, or a button of the mouse.
    talk_key text not null,
    release_tail_ms bigint not null check (release_tail_ms between 0 and 2000),
    -- In dBFS; 0 when it finds itself.
    threshold_db bigint not null check (threshold_db = 0 or threshold_db between -60 and -20),
    -- voice, music or raw.
    sound text not null,
    echo_cancellation boolean not null,
    noise_removal boolean not null,
    gain_control boolean not null,
    cues boolean not null,
    attenuation boolean not null
);

-- How loud one hears somebody. As recorded is no row.
create table volumes (
    listener_id uuid not null references users (id) on delete cascade,
    speaker_id uuid not null references users (id) on delete cascade,
    percent bigint not null check (percent between 0 and 200),
    primary key (listener_id, speaker_id)
);

create index volumes_by_speaker on volumes (speaker_id);
