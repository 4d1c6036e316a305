//! Documents: links lead somewhere, and what the code lists, the documents list too.

use std::path::{Component, Path, PathBuf};

/// A list in the code, and the document that must name each of its entries.
pub(crate) struct Mirror {
    pub(crate) code: &'static str,
    pub(crate) document: &'static str,
    /// What an entry is, for the message.
    pub(crate) what: &'static str,
    /// The entry in a line of the code, if it has one.
    pub(crate) entry: fn(&str) -> Option<&str>,
}

pub(crate) const MIRRORS: &[Mirror] = &[
    Mirror {
        code: "bins/oneoff-server/src/settings/table.rs",
        document: "docs/operations.md",
        what: "setting",
        entry: |line| quoted(line.trim().strip_prefix("name: ")?),
    },
    Mirror {
        code: "crates/api/src/error_table.rs",
        document: "docs/api.md",
        what: "error code",
        entry: |line| quoted(line.split_once(" = ")?.1.split_once(", ")?.1),
    },
    Mirror {
        code: "crates/domain/src/event.rs",
        document: "docs/api.md",
        what: "event",
        entry: |line| quoted(line.split_once(" = ")?.1),
    },
    Mirror {
        code: "crates/domain/src/outcome.rs",
        document: "docs/api.md",
        what: "reason",
        entry: |line| quoted(line.split_once(" = ")?.1),
    },
];

impl Mirror {
    /// The entries that the document does not name, and the case that there is none at all.
    pub(crate) fn violations(&self, code: &str, document: &str) -> Vec<String> {
        let entries: Vec<&str> = code.lines().filter_map(self.entry).collect();
        if entries.is_empty() {
            return vec![format!("{}: holds no {} that could be compared", self.code, self.what)];
        }
        let missing = entries.iter().filter(|entry| !document.contains(&format!("`{entry}`")));
        missing.map(|entry| format!("{}: does not name the {} `{entry}`", self.document, self.what)).collect()
    }
}

/// The text between the quotes with which `text` begins.
fn quoted(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.split_once('"').map(|(inner, _)| inner)
}

/// The links of a document that lead to no file. `path` and what `exists` is asked are relative to the root.
pub(crate) fn dead_links(path: &Path, text: &str, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let folder = path.parent().unwrap_or(Path::new(""));
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.split_once('#').map_or(target, |(file, _)| file))
        .filter(|target| {
            !target.is_empty() && !target.contains("://") && !target.contains(char::is_whitespace)
        })
        .filter(|target| !exists(&plain(&folder.join(target))))
        .map(|target| format!("{}: links to `{target}`, which is not there", path.display()))
        .collect()
}

/// The path without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}
