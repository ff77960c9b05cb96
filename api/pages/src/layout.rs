//! The layout that all pages share.

use api_http::public_url::PublicUrl;
use askama::Template;
use axum::{extract::FromRef, response::Html};
use chrono::{DateTime, Utc};
use event_log::execute::Clock;

use super::{PagesState, assets, problem::PageProblem, show::Moment};

/// The part of the site that is highlighted in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Overview,
    Projects,
    Releases,
    Repositories,
    Audit,
    /// Shows no navigation: the reader may not be signed in.
    None,
}

/// What every page needs: the site's address, and the current time.
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

/// The layout around a page's content.
pub(super) struct Layout {
    pub(super) title: String,
    pub(super) section: Section,
    /// The prefix of every path of this site: empty, or the path of the public URL.
    pub(super) base: String,
    /// The server's address, for the commands that a page shows.
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
