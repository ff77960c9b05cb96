-- Who may enter: the digests of secrets that work, and nothing of those that no longer do.
create table access_key (
    id            text    not null primary key,
    repository    text    not null,
    name          text    not null,
    secret_sha256 text    not null,
    issued_at     integer not null -- microseconds since 1970
) strict, without rowid;
create index access_key_by_repository on access_key (repository, issued_at);

create table api_token (
    project       text not null primary key,
    id            text not null unique,
    secret_sha256 text not null
) strict, without rowid;

create table operator_token (
    id            text not null primary key,
    secret_sha256 text not null
) strict, without rowid;
