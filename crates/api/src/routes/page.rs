//! The web UI: its files, and its first page for every other path.

use crate::error_table::ErrorCode;
use crate::etag;
use crate::problem::ApiError;
use crate::state::ApiState;
use actix_web::http::header::{
    AcceptEncoding, CACHE_CONTROL, ContentEncoding, ETAG, Encoding, Header, HeaderValue, LOCATION, VARY,
};
use actix_web::{HttpRequest, HttpResponse, web};
use oneoff_ui::{DOCS, INDEX, UiFile};
use ring::digest;
use std::borrow::Cow;

const HTML: &str = "text/html; charset=utf-8";
/// Their names change with their content.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// `GET` of everything outside of the API.
pub(crate) async fn get(
    path: web::Path<String>,
    state: web::Data<ApiState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let is_page = path.as_str() == INDEX || path.as_str() == DOCS;
    if let Some(file) = oneoff_ui::file(&path).filter(|_| !is_page) {
        let file = if takes_gzip(&request) { Some(file) } else { file.plain() };
        let file = file.ok_or_else(|| ApiError::new(ErrorCode::Internal, "a file of the UI is damaged"))?;
        return Ok(send(&request, file, cache_of(&path)));
    }
    if names_a_file(&path) && path.as_str() != INDEX {
        return Err(ApiError::no_such("file", &path));
    }
    Ok(first_page(INDEX, &state, &request))
}

/// `GET /docs`: the API's document, to read and to try out.
pub(crate) async fn docs(state: web::Data<ApiState>, request: HttpRequest) -> HttpResponse {
    first_page(DOCS, &state, &request)
}

fn first_page(name: &str, state: &ApiState, request: &HttpRequest) -> HttpResponse {
    let base_path = &state.settings.base_path;
    match oneoff_ui::file(name) {
        Some(page) => send(request, with_base(page, base_path), REVALIDATE),
        None => HttpResponse::Ok()
            .content_type(HTML)
            .insert_header((CACHE_CONTROL, REVALIDATE))
            .body(not_built(base_path)),
    }
}

/// The base path without its slash, to which nothing in the page would be relative.
pub(crate) async fn add_slash(state: web::Data<ApiState>) -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, state.public_path("/"))).finish()
}

fn send(request: &HttpRequest, file: UiFile, cache: HeaderValue) -> HttpResponse {
    let is_known = etag::is_known(request.headers(), &file.etag);
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((CACHE_CONTROL, cache)).insert_header((ETAG, file.etag));
    if is_known {
        return response.finish();
    }
    response.content_type(file.mime);
    if file.is_gzip {
        response.insert_header(ContentEncoding::Gzip).insert_header((VARY, "Accept-Encoding"));
    }
    match file.bytes {
        Cow::Borrowed(bytes) => response.body(bytes),
        Cow::Owned(bytes) => response.body(bytes),
    }
}

fn takes_gzip(request: &HttpRequest) -> bool {
    let accept = AcceptEncoding::parse(request).ok();
    accept.is_some_and(|accept| accept.negotiate([Encoding::gzip()].iter()) == Some(Encoding::gzip()))
}

fn cache_of(path: &str) -> HeaderValue {
    if path.starts_with("assets/") { IMMUTABLE } else { REVALIDATE }
}

/// A path of the UI's own has no dot in its last part; a file that is missing must not become a page.
fn names_a_file(path: &str) -> bool {
    path.starts_with("assets/") || path.rsplit('/').next().is_some_and(|last| last.contains('.'))
}

/// The first page with the base path in its `<base>`, to which everything in it is relative.
fn with_base(index: UiFile, base_path: &str) -> UiFile {
    if base_path.is_empty() {
        return index;
    }
    let page = String::from_utf8_lossy(&index.bytes);
    let page = page.replacen("<base href=\"/\"", &format!("<base href=\"{}/\"", escaped(base_path)), 1);
    let hash = digest::digest(&digest::SHA256, page.as_bytes());
    let etag: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    UiFile {
        bytes: Cow::Owned(page.into_bytes()),
        is_gzip: false,
        mime: index.mime,
        etag: format!("\"{etag}\""),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

fn not_built(base_path: &str) -> String {
    let base = escaped(base_path);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>OneOff</title>\n\
         <h1>OneOff is running, without its web UI</h1>\n\
         <p>This server was built before the UI was. In the source tree, this builds both and starts them:</p>\n\
         <pre>cargo xtask run</pre>\n\
         <p>The API works: <a href=\"{base}/api/jobs\">jobs</a>, <a href=\"{base}/api/executions\">executions</a>, \
         <a href=\"{base}/api/system/status\">status</a>; \
         <a href=\"{base}/api/openapi.json\">all of it</a>.</p>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_path_is_put_into_the_page_and_its_tag() {
        let page = UiFile {
            bytes: Cow::Borrowed(b"<head><base href=\"/\"><a href=\"/\">".as_slice()),
            mime: HTML.to_owned(),
            etag: "\"1\"".to_owned(),
            is_gzip: false,
        };
        assert_eq!(with_base(page.clone(), ""), page);
        let based = with_base(page.clone(), "/x/y");
        assert_eq!(based.bytes, b"<head><base href=\"/x/y/\"><a href=\"/\">".as_slice());
        assert_ne!(based.etag, page.etag);
        assert_ne!(based.etag, with_base(page, "/z").etag);
    }

    #[test]
    fn missing_files_are_not_pages() {
        for path in ["assets/app.js", "favicon.ico", "a/b.css", "assets/x"] {
            assert!(names_a_file(path), "{path}");
        }
        for path in ["", "jobs", "jobs/1", "v1.2/jobs"] {
            assert!(!names_a_file(path), "{path}");
        }
    }

    #[test]
    fn the_page_without_a_ui_says_how_to_build_it() {
        let page = not_built("/\"x");
        assert!(page.contains("cargo xtask run") && page.contains("href=\"/&quot;x/api/jobs\""));
    }
}
