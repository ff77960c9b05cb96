//! The position of each projector when its rows were last written.

use std::collections::HashMap;

use domain::recorded::Position;
use sqlx::{Row as _, SqliteExecutor};

use crate::read_models::unsigned;

/// What a projector's rows are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// The version of the projector that made them.
    pub version: u32,
    /// Every event up to here is in them.
    pub position: Position,
}

/// The checkpoints in read models, by the projectors' names.
///
/// # Errors
/// The read models cannot be read, or the file holds no read models.
pub async fn checkpoints<'e>(rows: impl SqliteExecutor<'e>) -> Result<HashMap<String, Checkpoint>, sqlx::Error> {
    let all = sqlx::query("select name, version, position from projector_checkpoint").fetch_all(rows).await?;
    let checkpoint = |row: &sqlx::sqlite::SqliteRow| {
        let position = Position(unsigned(row.try_get("position")?));
        Ok((row.try_get("name")?, Checkpoint { version: row.try_get("version")?, position }))
    };
    all.iter().map(checkpoint).collect()
}
