//! What is around every page.

use api_http::public_url::PublicUrl;
use askama::Template;
use axum::{extract::FromRef, response::Html};
use chrono::{DateTime, Utc};
use event_log::execute::Clock;

use super::{PagesState, assets, problem::PageProblem, show::Moment};

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

/// What every page shows of the site: its address, and times as seen from now.
#[derive(Clone)]
pub(super) struct SiteInfo {
    pub(super) public_url: PublicUrl,
    pub(super) clock: Clock,
}

impl FromRef<PagesState> for SiteInfo {
    fn from_ref(state: &PagesState) -> Self {
        Self { public_url: state.public_url.clone(), clock: state.authenticator.clock }
    }
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
    pub(super) fn of(site: &SiteInfo, title: impl Into<String>, section: Section) -> Self {
        Self {
            title: title.into(),
            section,
            base: site.public_url.path().to_owned(),
            public_url: site.public_url.as_str().to_owned(),
            assets_version: assets::version(),
            now: (site.clock)(),
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
