//! The architecture test: who may use whom, and the rules of the house that no compiler knows.

mod arrows;
mod documents;
mod graph;
mod manifest;
mod metadata;
mod migrations;
mod source;
#[cfg(test)]
mod tests;

use crate::sources;
use anyhow::{Context as _, Result};
use std::path::Path;

/// What the check found.
pub(crate) struct Findings {
    /// How many edges, manifests, migrations and files were looked at.
    pub(crate) checked: usize,
    /// Everything that is not allowed, a sentence each.
    pub(crate) violations: Vec<String>,
}

/// Checks the workspace at `root`.
pub(crate) fn check(root: &Path) -> Result<Findings> {
    let graph = metadata::load(root)?;
    let mut findings = Findings { checked: graph.size(), violations: graph.violations() };

    for path in manifest::find(root)? {
        findings.add(manifest::violations(&path.display().to_string(), &read(root, &path)?));
    }
    let migrations = migrations::load(&root.join("migrations"))?;
    findings.checked += migrations.values().map(|steps| steps.len()).sum::<usize>();
    findings.violations.extend(migrations::violations(&migrations));

    for path in sources::code(root)? {
        findings.add(source::violations(&path.display().to_string(), &read(root, &path)?));
    }
    for mirror in documents::MIRRORS {
        let code = read(root, Path::new(mirror.code))?;
        findings.add(mirror.violations(&code, &read(root, Path::new(mirror.document))?));
    }
    for path in sources::documents(root)? {
        findings.add(documents::dead_links(&path, &read(root, &path)?, |target| root.join(target).exists()));
    }
    Ok(findings)
}

/// How many packages the workspace at `root` has.
pub(crate) fn packages(root: &Path) -> Result<usize> {
    manifest::find(root).map(|manifests| manifests.len())
}

impl Findings {
    fn add(&mut self, violations: Vec<String>) {
        self.checked += 1;
        self.violations.extend(violations);
    }
}

fn read(root: &Path, path: &Path) -> Result<String> {
    let path = root.join(path);
    std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}
