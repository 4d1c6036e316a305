//! The built web UI (`frontend/dist`) as embedded files, and nothing else.
//!
//! Building this crate never needs the UI: without one it holds no files. Release builds embed the files,
//! debug builds read them from the source tree.

use rust_embed::RustEmbed;
use std::borrow::Cow;

#[derive(RustEmbed)]
#[folder = "$ONEOFF_UI_DIST"]
#[allow_missing = true]
struct Dist;

/// The page from which every view of the UI starts.
pub const INDEX: &str = "index.html";

/// The page that shows the API's document.
pub const DOCS: &str = "docs.html";

/// A file of the UI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UiFile {
    /// Its content.
    pub bytes: Cow<'static, [u8]>,
    /// Its media type, by its name.
    pub mime: String,
    /// A strong entity tag of its content, with quotes.
    pub etag: String,
}

/// The file at `path` below the UI's root, without a leading slash.
#[must_use]
pub fn file(path: &str) -> Option<UiFile> {
    let file = Dist::get(path)?;
    let mime = match file.metadata.mimetype() {
        text if text.starts_with("text/") => format!("{text}; charset=utf-8"),
        other => other.to_owned(),
    };
    let etag = entity_tag(&file.metadata.sha256_hash());
    Some(UiFile { bytes: file.data, mime, etag })
}

/// Whether a UI was built.
#[must_use]
pub fn is_built() -> bool {
    Dist::get(INDEX).is_some()
}

fn entity_tag(hash: &[u8; 32]) -> String {
    let digits: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

#[cfg(test)]
mod tests {
    use super::{INDEX, entity_tag, file, is_built};

    #[test]
    fn what_does_not_exist_or_lies_outside_is_no_file() {
        for path in ["", "nope.js", "../package.json", "/etc/passwd", "assets/../../package.json"] {
            assert_eq!(file(path), None, "{path}");
        }
    }

    #[test]
    fn a_built_ui_has_an_index_page() {
        assert_eq!(file(INDEX).is_some(), is_built());
        if let Some(index) = file(INDEX) {
            assert_eq!(index.mime, "text/html; charset=utf-8");
        }
    }

    #[test]
    fn entity_tags_are_quoted_and_tell_contents_apart() {
        assert_eq!(entity_tag(&[0xab; 32]), format!("\"{}\"", "ab".repeat(16)));
        assert_ne!(entity_tag(&[1; 32]), entity_tag(&[2; 32]));
    }
}
