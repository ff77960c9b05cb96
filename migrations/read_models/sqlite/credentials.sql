-- Digests of the secrets that are valid. Ended ones are deleted.
create table api_token (
    id            text    not null primary key,
    project       text    not null,
    name          text    not null,
    secret_sha256 text    not null,
    scopes        text    not null, -- release,read
    issued_at     integer not null, -- microseconds since 1970, as all times here
    expires_at    integer,
    grace_until   integer,          -- it was rolled, and works until then
    of_ci_job     integer not null
) strict, without rowid;
create index api_token_by_project on api_token (project, issued_at);

create table webhook (
    project       text not null primary key,
    trigger_kind  text not null,
    tag_pattern   text not null,
    repository_id text, -- larger than SQLite's integers; null while the project is not connected
    secret        text  -- the id of the sealed secret that works
) strict, without rowid;

-- Persons who operate the server. Names and addresses are sealed here as they are in the log, and opened when they are shown.
create table operator (
    id            text    not null primary key,
    name          text,             -- null once the person is erased
    email         text,
    registered_at integer not null,
    standing      text    not null  -- active, removed, erased
) strict, without rowid;

create table operator_token (
    id            text not null primary key,
    account       text not null,
    secret_sha256 text              -- null once it has ended; its owner is still looked up
) strict, without rowid;
