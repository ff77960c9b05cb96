-- Package repositories: what is in them, and every state of them that was signed.
create table repository (
    id                text    not null primary key,
    organisation      text    not null, -- its name
    format            text    not null,
    origin            text    not null,
    label             text    not null,
    codename          text    not null,
    changed_revision  integer not null, -- of the last event that the next index must cover
    changed_at        integer not null, -- its recorded_at, seconds since 1970
    newest_published  integer           -- publication.published_at that clients see; this is what flips
) strict, without rowid;

create table package_file (
    repository   text    not null,
    revision     integer not null,
    path         text    not null, -- relative to the repository's root
    name         text    not null,
    version      text    not null, -- as its package manager writes it
    architecture text    not null,
    sha256       text    not null,
    size_bytes   integer not null,
    added_at     integer not null, -- seconds since 1970
    release      text,             -- that added the file; null if it was uploaded or signed again
    fragment_0   text    not null, -- stanza, or the package in primary.xml
    fragment_1   text    not null, -- the package in filelists.xml
    fragment_2   text    not null, -- the package in other.xml
    ended_revision integer,        -- of the event that replaced or yanked the file; null while it is there
    primary key (repository, revision)
) strict, without rowid;
-- A restored file has a row for each time that it was in the repository.
create index package_file_by_path on package_file (repository, path);
create index package_file_by_digest on package_file (repository, sha256);
create index package_file_by_name on package_file (repository, name, architecture, revision, ended_revision);
create index package_file_by_release on package_file (repository, release, revision) where release is not null;
create index package_file_ended on package_file (repository, ended_revision) where ended_revision is not null;

create table publication (
    repository   text    not null,
    published_at integer not null, -- seconds since 1970, strictly increasing in a repository
    covers       integer not null,
    position     integer not null,
    signed_index text    not null, -- the event's JSON: files, signatures, key
    primary key (repository, published_at)
) strict, without rowid;
create index publication_by_position on publication (repository, position);
create index publication_by_covers on publication (repository, covers, published_at);

-- Packages that should not have been published.
create table yank (
    repository text    not null,
    sha256     text    not null,
    reason     text    not null,
    policy     text    not null, -- hide or keep
    primary key (repository, sha256)
) strict, without rowid;

-- The releases of each tag of a project: after a failed release, a tag can have another one.
create table tagged_release (
    project  text    not null,
    tag      text    not null,
    position integer not null, -- of its first event: the order in which releases were received
    release  text    not null,
    primary key (project, tag, position)
) strict, without rowid;

-- Names of publications.
create table snapshot (
    repository   text    not null,
    name         text    not null,
    published_at integer not null, -- of the publication that has the name
    taken_at     integer not null, -- microseconds since 1970
    primary key (repository, name)
) strict, without rowid;
create index snapshot_by_publication on snapshot (repository, published_at);

-- Index files that are named by their digest: answered for days after they were replaced, and then deleted.
create table by_hash (
    repository    text    not null,
    path          text    not null,
    sha256        text    not null,
    size_bytes    integer not null,
    stored        text    not null, -- JSON of the event's Stored
    published_at  integer not null, -- of the first publication that has it
    superseded_at integer,          -- published_at of the first publication without it
    primary key (repository, path)
) strict, without rowid;
create index by_hash_superseded on by_hash (repository, superseded_at);
