-- How far each projector has come. Moves in the transaction that writes the projector's rows.
create table if not exists projector_checkpoint (
    name     text    not null primary key,
    version  integer not null,
    position integer not null
) strict, without rowid;
