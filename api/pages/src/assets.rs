//! The style sheet, the script and the icon. A page loads nothing else, and nothing from another server.

use std::sync::LazyLock;

use api_http::problem::Problem;
use axum::{
    extract::Path,
    http::header,
    response::{IntoResponse as _, Response},
};
use domain::digest::Sha256;

use super::problem::PageProblem;

/// A file that pages load.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    text: &'static str,
}

const ASSETS: [Asset; 3] = [
    Asset { name: "pages.css", content_type: "text/css; charset=utf-8", text: include_str!("../assets/pages.css") },
    Asset {
        name: "pages.js",
        content_type: "text/javascript; charset=utf-8",
        text: include_str!("../assets/pages.js"),
    },
    Asset { name: "icon.svg", content_type: "image/svg+xml", text: include_str!("../assets/icon.svg") },
];

/// A version that changes whenever one of the files does. It is part of the files' URLs, so browsers may cache them for ever.
pub(super) fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let all: String = ASSETS.iter().map(|asset| asset.text).collect();
        Sha256::of(all.as_bytes()).to_string()[..12].to_owned()
    });
    &VERSION
}

/// `GET /assets/{name}`.
pub(super) async fn asset(Path(name): Path<String>) -> Result<Response, PageProblem> {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    let asset = asset.ok_or_else(|| Problem::NotFound("no such file".to_owned()))?;
    let headers =
        [(header::CONTENT_TYPE, asset.content_type), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, asset.text).into_response())
}
