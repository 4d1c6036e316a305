//! The files of the repository that people write: found, fingerprinted, watched for change.

use anyhow::{Context as _, Result};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Folders that hold no sources, wherever they are.
const SKIPPED: [&str; 6] = ["target", "node_modules", "dist", "test-results", "playwright-report", ".git"];

/// All files under `folder`, sorted, without generated folders. A folder that is not there has none.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        if !folder.is_dir() {
            continue;
        }
        for entry in folder.read_dir().with_context(|| format!("cannot list {}", folder.display()))? {
            let entry = entry?;
            let skipped = SKIPPED.iter().any(|name| entry.file_name() == *name);
            if entry.file_type()?.is_dir() {
                waiting.extend((!skipped).then(|| entry.path()));
            } else {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The Rust, TypeScript and Vue files, relative to `root`.
pub(crate) fn code(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = rust(root)?;
    found.extend(frontend(root)?);
    Ok(found)
}

/// The Rust files, relative to `root`.
pub(crate) fn rust(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = with_extension(root, "crates", &["rs"])?;
    found.extend(with_extension(root, "bins", &["rs"])?);
    Ok(found)
}

/// The TypeScript and Vue files, relative to `root`.
pub(crate) fn frontend(root: &Path) -> Result<Vec<PathBuf>> {
    with_extension(root, "frontend", &["ts", "vue"])
}

/// The documents, relative to `root`.
pub(crate) fn documents(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = with_extension(root, "docs", &["md"])?;
    found.extend(["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(PathBuf::from));
    Ok(found)
}

fn with_extension(root: &Path, folder: &str, extensions: &[&str]) -> Result<Vec<PathBuf>> {
    let all = files(&root.join(folder))?;
    let wanted = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| extensions.contains(&extension))
    };
    let relative = |path: PathBuf| path.strip_prefix(root).map(Path::to_owned).unwrap_or(path);
    Ok(all.into_iter().filter(wanted).map(relative).collect())
}

/// A number that changes with the name or content of any file under `folder`.
pub(crate) fn fingerprint(folder: &Path) -> Result<u64> {
    let mut hasher = DefaultHasher::new();
    for path in files(folder)? {
        path.strip_prefix(folder).unwrap_or(&path).hash(&mut hasher);
        let content = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        content.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

/// Names, sizes and times of the files under some folders: cheap to take twice a second.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Snapshot(Vec<(PathBuf, u64, Option<SystemTime>)>);

impl Snapshot {
    /// The files as they are now. One that vanishes meanwhile counts as absent.
    pub(crate) fn take(folders: &[PathBuf]) -> Result<Self> {
        let mut entries = Vec::new();
        for folder in folders {
            for path in files(folder)? {
                let Ok(metadata) = path.metadata() else { continue };
                entries.push((path, metadata.len(), metadata.modified().ok()));
            }
        }
        Ok(Self(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::{Snapshot, files, fingerprint};

    #[test]
    fn generated_folders_are_left_out_and_every_change_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("src/node_modules")).unwrap();
        std::fs::write(root.join("src/a.ts"), "1").unwrap();
        std::fs::write(root.join("src/node_modules/b.ts"), "1").unwrap();
        assert_eq!(files(root).unwrap(), [root.join("src/a.ts")]);
        assert!(files(&root.join("absent")).unwrap().is_empty());

        let (hash, snapshot) = (fingerprint(root).unwrap(), Snapshot::take(&[root.to_owned()]).unwrap());
        assert_eq!(hash, fingerprint(root).unwrap());
        std::fs::write(root.join("src/node_modules/b.ts"), "22").unwrap();
        assert_eq!(snapshot, Snapshot::take(&[root.to_owned()]).unwrap());
        std::fs::write(root.join("src/a.ts"), "22").unwrap();
        assert_ne!(hash, fingerprint(root).unwrap());
        assert_ne!(snapshot, Snapshot::take(&[root.to_owned()]).unwrap());

        let hash = fingerprint(root).unwrap();
        std::fs::rename(root.join("src/a.ts"), root.join("src/c.ts")).unwrap();
        assert_ne!(hash, fingerprint(root).unwrap());
    }
}
