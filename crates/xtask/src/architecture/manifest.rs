//! Manifests: every package takes its lints, its dependencies and its common fields from the workspace.

use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];
const DEPENDENCY_TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// The manifests of all packages, relative to `root`.
pub(crate) fn find(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in ["crates", "bins"] {
        let path = root.join(folder);
        for entry in path.read_dir().with_context(|| format!("cannot list {}", path.display()))? {
            let manifest = Path::new(folder).join(entry?.file_name()).join("Cargo.toml");
            if root.join(&manifest).is_file() {
                found.push(manifest);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Everything that is wrong with one manifest.
pub(crate) fn violations(name: &str, text: &str) -> Vec<String> {
    let manifest = match text.parse::<Table>() {
        Ok(manifest) => manifest,
        Err(error) => return vec![format!("{name}: is not TOML: {error}")],
    };
    let mut found = Vec::new();
    if !inherits(manifest.get("lints")) {
        found.push(format!("{name}: lacks `[lints] workspace = true`"));
    }
    for field in INHERITED {
        let value = manifest.get("package").and_then(|package| package.get(field));
        if !inherits(value) {
            found.push(format!("{name}: lacks `{field}.workspace = true`"));
        }
    }
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let tables = std::iter::once(&manifest).chain(targets.filter_map(Value::as_table));
    for (dependency, value) in tables.flat_map(dependencies) {
        if !inherits(Some(value)) {
            found.push(format!("{name}: `{dependency}` does not come from [workspace.dependencies]"));
        }
    }
    found
}

fn dependencies(table: &Table) -> impl Iterator<Item = (&String, &Value)> {
    DEPENDENCY_TABLES.iter().filter_map(|kind| table.get(*kind)?.as_table()).flat_map(Table::iter)
}

fn inherits(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
}
