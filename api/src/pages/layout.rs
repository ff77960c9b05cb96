//! What is around every page.

use askama::Template;
use axum::response::Html;
use chrono::{DateTime, Utc};

use super::{assets, problem::PageProblem, show::Moment};
use crate::app::App;

/// The part of the site that the navigation marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Overview,
    Projects,
    Releases,
    Repositories,
    Audit,
    /// No navigation is shown: the reader may be a stranger.
    None,
}

/// The frame of a page.
pub(super) struct Layout {
    pub(super) title: String,
    pub(super) section: Section,
    /// What every address of this site begins with: empty, or the path of the public URL.
    pub(super) base: String,
    /// The server's own address, for commands to copy.
    pub(super) public_url: String,
    pub(super) assets_version: &'static str,
    now: DateTime<Utc>,
}

impl Layout {
    pub(super) fn of(app: &App, title: impl Into<String>, section: Section) -> Self {
        Self {
            title: title.into(),
            section,
            base: app.public_url.path().to_owned(),
            public_url: app.public_url.as_str().to_owned(),
            assets_version: assets::version(),
            now: app.executor.now(),
        }
    }

    pub(super) fn is(&self, section: Section) -> bool {
        self.section == section
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.now
    }

    pub(super) fn moment(&self, at: DateTime<Utc>) -> Moment {
        Moment::of(at, self.now)
    }
}

/// The answer that shows `page`.
pub(super) fn show(page: &impl Template) -> Result<Html<String>, PageProblem> {
    Ok(Html(page.render()?))
}
