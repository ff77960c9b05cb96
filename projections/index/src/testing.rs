#![allow(clippy::unwrap_used, reason = "a double may fail by panicking")]
//! Test support of this crate: the projections' test world with repositories in it.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use crate::Repositories;

pub(crate) use projections::testing::{at, dump};

/// A log, blobs and read models that live as long as the test.
pub(crate) struct World(projections::testing::World);

/// Projections at work; they stop when this is dropped.
pub(crate) struct Running {
    others: projections::testing::Running,
    pub(crate) repositories: Repositories,
}

impl World {
    pub(crate) fn new() -> Self {
        Self(projections::testing::World::new())
    }

    /// Opens the read models at their usual place and follows the log.
    pub(crate) async fn start(&self) -> Running {
        self.start_at("read_models.db").await
    }

    pub(crate) async fn start_at(&self, file: &str) -> Running {
        let mut made = None;
        let blobs = Arc::clone(&self.blobs);
        let others = self.0.start_with(file, |readers| {
            let (repositories, projector) = crate::repositories(readers, blobs);
            made = Some(repositories);
            vec![Box::new(projector)]
        });
        let others = others.await;
        Running { others, repositories: made.unwrap() }
    }
}

impl Deref for World {
    type Target = projections::testing::World;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl Deref for Running {
    type Target = projections::testing::Running;
    fn deref(&self) -> &Self::Target {
        &self.others
    }
}

impl Running {
    /// Stops, as a process that is killed does.
    pub(crate) async fn stop(self) {
        self.others.stop().await;
    }
}
