//! Migrations: the same names for every database, and each can be undone.

use anyhow::{Context as _, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The migration folders of each database, and the files in each of them.
pub(crate) type Migrations = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Reads `migrations/DATABASE/NAME/FILE`.
pub(crate) fn load(folder: &Path) -> Result<Migrations> {
    let mut migrations = Migrations::new();
    for database in folders(folder)? {
        let mut steps = BTreeMap::new();
        for step in folders(&folder.join(&database))? {
            let files = names(&folder.join(&database).join(&step))?;
            steps.insert(step, files.into_iter().collect());
        }
        migrations.insert(database, steps);
    }
    Ok(migrations)
}

/// Everything that is wrong with them.
pub(crate) fn violations(migrations: &Migrations) -> Vec<String> {
    let mut found = Vec::new();
    if migrations.values().all(BTreeMap::is_empty) {
        found.push("migrations/ holds no migration".to_owned());
    }
    let all: BTreeSet<&String> = migrations.values().flat_map(BTreeMap::keys).collect();
    for (database, steps) in migrations {
        for name in all.iter().filter(|name| !steps.contains_key(**name)) {
            found.push(format!("migrations/{database}: lacks {name}, which another database has"));
        }
        for (name, files) in steps {
            for file in ["up.sql", "down.sql"].into_iter().filter(|file| !files.contains(*file)) {
                found.push(format!("migrations/{database}/{name}: lacks {file}"));
            }
        }
    }
    found
}

fn folders(path: &Path) -> Result<Vec<String>> {
    Ok(names(path)?.into_iter().filter(|name| path.join(name).is_dir()).collect())
}

fn names(path: &Path) -> Result<Vec<String>> {
    let entries = path.read_dir().with_context(|| format!("cannot list {}", path.display()))?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.collect::<Result<_>>()
}
