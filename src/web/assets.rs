//! The client: from `static/dist` on disk in development, embedded in a release.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "static/dist"]
struct Client;

/// The page every address shows; the client reads the address itself.
const PAGE: &str = "index.html";

/// Serves a file of the client, or the page for addresses that are places inside it.
pub async fn serve(uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    // The build's own marks begin with a dot.
    let file = if path.starts_with('.') { None } else { Client::get(path) };
    match file {
        Some(file) => answer(path, &file, &headers),
        // A name with a dot is a file that is not there; anything else is a place in the client.
        None if path.rsplit('/').next().is_some_and(|name| name.contains('.')) => {
            StatusCode::NOT_FOUND.into_response()
        }
        None => match Client::get(PAGE) {
            Some(file) => answer(PAGE, &file, &headers),
            None => {
                (StatusCode::INTERNAL_SERVER_ERROR, "the client is missing from this build").into_response()
            }
        },
    }
}

fn answer(path: &str, file: &EmbeddedFile, headers: &HeaderMap) -> Response {
    let hash: String = file.metadata.sha256_hash().iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{hash}\"");
    // Built files carry a hash of their content in their name and never change; everything else is asked for anew.
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let common = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, cache.to_owned())];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|given| given.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let body = Body::from(file.data.clone().into_owned());
    (common, [(header::CONTENT_TYPE, content_type(path))], body).into_response()
}

/// The kinds of files a build of the client holds.
fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
