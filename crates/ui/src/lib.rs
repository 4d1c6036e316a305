//! The built web UI (`frontend/dist`) as embedded files, and nothing else.
//!
//! Building this crate never needs the UI: without one it holds no files. Release builds embed the files,
//! debug builds read them from the source tree.

use flate2::read::GzDecoder;
use rust_embed::RustEmbed;
use std::borrow::Cow;
use std::io::Read;

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
    /// Whether that is compressed by gzip, as large files that are rarely asked for are kept.
    pub is_gzip: bool,
    /// Its media type, by its name.
    pub mime: String,
    /// A strong entity tag of its content, with quotes.
    pub etag: String,
}

impl UiFile {
    /// The same file for somebody who cannot read compressed ones; `None` where it is damaged.
    #[must_use]
    pub fn plain(self) -> Option<Self> {
        if !self.is_gzip {
            return Some(self);
        }
        let mut bytes = Vec::new();
        GzDecoder::new(self.bytes.as_ref()).read_to_end(&mut bytes).ok()?;
        let etag = self.etag.replacen('"', "\"plain-", 1);
        Some(Self { bytes: Cow::Owned(bytes), is_gzip: false, etag, ..self })
    }
}

/// The file at `path` below the UI's root, without a leading slash.
#[must_use]
pub fn file(path: &str) -> Option<UiFile> {
    match Dist::get(path) {
        Some(file) => {
            let mime = described(file.metadata.mimetype());
            let etag = entity_tag(&file.metadata.sha256_hash());
            Some(UiFile { bytes: file.data, is_gzip: false, mime, etag })
        }
        None => {
            let file = Dist::get(&format!("{path}.gz"))?;
            let mime = described(mime_of(path)?);
            let etag = entity_tag(&file.metadata.sha256_hash());
            Some(UiFile { bytes: file.data, is_gzip: true, mime, etag })
        }
    }
}

/// The media type of what is kept compressed: scripts and styles.
fn mime_of(path: &str) -> Option<&'static str> {
    match path.rsplit_once('.')?.1 {
        "js" => Some("text/javascript"),
        "css" => Some("text/css"),
        _ => None,
    }
}

fn described(mime: &str) -> String {
    if mime.starts_with("text/") { format!("{mime}; charset=utf-8") } else { mime.to_owned() }
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
    use super::{DOCS, INDEX, entity_tag, file, is_built};

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
    fn what_is_kept_compressed_can_be_had_plain() {
        let Some(docs) = file(DOCS) else { return };
        let page = String::from_utf8(docs.bytes.into_owned()).unwrap();
        let script = page.split('"').find(|part| part.ends_with(".js") && part.contains("docs")).unwrap();
        let kept = file(script.trim_start_matches("./")).unwrap();
        assert_eq!((kept.is_gzip, kept.mime.as_str()), (true, "text/javascript; charset=utf-8"));
        let plain = kept.clone().plain().unwrap();
        assert!(!plain.is_gzip && plain.bytes.len() > 2 * kept.bytes.len());
        assert_ne!(plain.etag, kept.etag);
        assert_eq!(plain.clone().plain(), Some(plain));
    }

    #[test]
    fn entity_tags_are_quoted_and_tell_contents_apart() {
        assert_eq!(entity_tag(&[0xab; 32]), format!("\"{}\"", "ab".repeat(16)));
        assert_ne!(entity_tag(&[1; 32]), entity_tag(&[2; 32]));
    }
}
