//! Source files: a module doc, a bounded length, a name that says something, nothing unfinished.

const LINES_MAX: usize = 400;

/// Files that may be longer, each with its reason.
const LONG_FILES: &[(&str, &str)] = &[];

const EMPTY_NAMES: [&str; 6] = ["utils.rs", "util.rs", "helpers.rs", "helper.rs", "misc.rs", "common.rs"];

/// Marks of unfinished work. Written in parts, so that this file does not find itself.
const MARKERS: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("to", "do!("), concat!("XX", "X:")];

/// Everything that is wrong with one file. `path` is relative to the workspace.
pub(crate) fn violations(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let lines = text.lines().count();
    if lines > LINES_MAX && !LONG_FILES.iter().any(|(long, _)| *long == path) {
        found
            .push(format!("{path}: has {lines} lines, {LINES_MAX} are the limit: split it by what it holds"));
    }
    for (index, line) in text.lines().enumerate() {
        if let Some(marker) = MARKERS.iter().find(|marker| line.contains(**marker)) {
            found.push(format!("{path}:{}: `{marker}` marks unfinished work", index + 1));
        }
    }
    if path.ends_with(".rs") {
        found.extend(rust_violations(path, text));
    }
    found
}

fn rust_violations(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if !text.starts_with("//!") {
        found.push(format!("{path}: does not open with a `//!` doc that says what lives here"));
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    if EMPTY_NAMES.contains(&name) {
        found.push(format!("{path}: is named after nothing that it holds"));
    }
    found
}
