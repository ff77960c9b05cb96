-- Feed tokens that are valid. Ended ones are deleted.
create table feed_token (
    id            text    not null primary key,
    organisation  text    not null,
    name          text    not null,
    secret_sha256 text    not null,
    issued_at     integer not null -- microseconds since 1970
) strict, without rowid;
create index feed_token_by_organisation on feed_token (organisation, issued_at);
