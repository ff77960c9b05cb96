-- What dashboards show. Times are microseconds since 1970.
create table organisation (
    id          text    not null primary key,
    name        text    not null unique,
    build_slots integer not null,
    created_at  integer not null
) strict, without rowid;

create table project (
    id             text    not null primary key,
    organisation   text    not null, -- its name
    name           text    not null,
    source         text    not null,
    trigger_kind   text    not null,
    tag_pattern    text    not null,
    ci_trust       text,             -- JSON; null if no CI job is trusted
    github         text,             -- JSON; null if it was never connected
    webhook_secret text,             -- the id of the newest
    added_at       integer not null,
    unique (organisation, name)
) strict, without rowid;

-- The release of each tag, except failed ones.
create table tag_release (
    project text not null,
    tag     text not null,
    release text not null,
    primary key (project, tag)
) strict, without rowid;

create table listed_repository (
    id           text    not null primary key,
    organisation text    not null, -- its name
    name         text    not null,
    format       text    not null,
    codename     text    not null,
    packages     integer not null,
    yank_policy  text    not null default 'hide',
    created_at   integer not null,
    unique (organisation, name)
) strict, without rowid;

create table listed_package (
    repository   text    not null,
    revision     integer not null, -- of the repository's stream: the order in which packages were added
    file_name    text    not null,
    name         text    not null,
    version      text    not null,
    architecture text    not null,
    sha256       text    not null,
    size_bytes   integer not null,
    release      text,             -- that built it
    added_at     integer not null,
    yank_reason  text,             -- null if it is not yanked
    is_hidden    integer not null default 0, -- yanked, and not in the newest publications
    primary key (repository, revision)
) strict, without rowid;
create index listed_package_by_digest on listed_package (repository, sha256);

create table release (
    id            text    not null primary key,
    position      integer not null unique, -- of its first event: the order in which releases were received
    organisation  text    not null,        -- its name
    project       text    not null,
    tag           text    not null,
    version       text    not null,
    state         text    not null,        -- running, uploaded, failed, cancelled
    step          text    not null,
    git_commit    text,
    received_at   integer not null,
    finished_at   integer
) strict, without rowid;
create index release_by_project on release (project, position);
create index release_by_organisation on release (organisation, position);

create table release_step (
    release    text    not null,
    ordinal    integer not null,
    step       text    not null,
    state      text    not null, -- running, done, failed, cancelled
    started_at integer not null,
    ended_at   integer,
    code       text,
    message    text,
    log        text,
    primary key (release, ordinal)
) strict, without rowid;

create table release_package (
    release      text    not null,
    config       text    not null,
    name         text    not null,
    format       text    not null,
    architecture text    not null,
    distribution text    not null,
    root         text,    -- what it is built on, in words
    file_name    text,
    sha256       text,
    size_bytes   integer,
    log          text,
    is_ready     integer not null default 0,
    repository   text,    -- where it was uploaded to
    primary key (release, config)
) strict, without rowid;

-- The newest deliveries of each project. The log has all of them.
create table delivery (
    project     text    not null,
    position    integer not null, -- of its event: the order in which deliveries came
    guid        text    not null, -- what GitHub calls it
    hook_event  text    not null,
    outcome     text    not null, -- tag, tag_deleted, ping, or why it was ignored
    tag         text,
    received_at integer not null,
    primary key (project, position)
) strict, without rowid;

create table refused_trigger (
    project  text    not null,
    reason   text    not null,
    count    integer not null,
    first_at integer not null,
    last_at  integer not null,
    primary key (project, reason)
) strict, without rowid;
