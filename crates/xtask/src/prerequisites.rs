//! The programs that must be on the machine, what each is for, and where to get the missing ones.

use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program that a task needs.
pub(crate) struct Prerequisite {
    /// Any of these will do.
    pub(crate) programs: &'static [&'static str],
    /// What it is needed for.
    pub(crate) purpose: &'static str,
    /// The Debian packages that bring it.
    pub(crate) packages: &'static [&'static str],
}

pub(crate) const C_COMPILER: Prerequisite = Prerequisite {
    programs: &["cc", "gcc", "clang"],
    purpose: "compiles the bundled SQLite, libpq and OpenSSL",
    packages: &["build-essential"],
};
pub(crate) const MAKE: Prerequisite = Prerequisite {
    programs: &["make"],
    purpose: "builds bundled C libraries",
    packages: &["build-essential"],
};
pub(crate) const PERL: Prerequisite =
    Prerequisite { programs: &["perl"], purpose: "builds bundled C libraries", packages: &["perl"] };
pub(crate) const NODE: Prerequisite =
    Prerequisite { programs: &["node"], purpose: "builds the web UI", packages: &["nodejs"] };
pub(crate) const NPM: Prerequisite =
    Prerequisite { programs: &["npm"], purpose: "installs the web UI's packages", packages: &["npm"] };
pub(crate) const CHROMIUM: Prerequisite = Prerequisite {
    programs: &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
    purpose: "runs the browser tests",
    packages: &["chromium"],
};
pub(crate) const POSTGRESQL: Prerequisite = Prerequisite {
    programs: &["initdb"],
    purpose: "is the other database, of which the tests start servers of their own",
    packages: &["postgresql", "postgresql-contrib"],
};
pub(crate) const PROMTOOL: Prerequisite = Prerequisite {
    programs: &["promtool"],
    purpose: "checks the format of the metrics",
    packages: &["prometheus"],
};

/// What the Rust crates need.
pub(crate) const FOR_RUST: &[Prerequisite] = &[C_COMPILER, MAKE, PERL];
/// What the tests of the Rust crates need.
pub(crate) const FOR_RUST_TESTS: &[Prerequisite] = &[C_COMPILER, MAKE, PERL, POSTGRESQL, PROMTOOL];
/// What the web UI needs.
pub(crate) const FOR_UI: &[Prerequisite] = &[NODE, NPM];

/// Where Debian has PostgreSQL.
const DEBIAN_POSTGRESQL: &str = "/usr/lib/postgresql";

/// The oldest Node that the UI's tools run on.
const NODE_MIN: (u32, u32) = (20, 19);

impl Prerequisite {
    /// Where it is, if it is there.
    pub(crate) fn find(&self) -> Option<PathBuf> {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path)
            .chain(of_versions(Path::new(DEBIAN_POSTGRESQL)))
            .flat_map(|folder| self.programs.iter().map(move |name| folder.join(name)))
            .find(|candidate| is_executable(candidate))
    }

    fn name(&self) -> String {
        self.programs.first().copied().unwrap_or_default().to_owned()
    }
}

/// Debian has PostgreSQL's programs by version, in no folder of `PATH`.
fn of_versions(root: &Path) -> Vec<PathBuf> {
    let versions = root.read_dir().into_iter().flatten().flatten();
    versions.map(|version| version.path().join("bin")).collect()
}

/// Fails with the list of all that is missing.
pub(crate) fn require(wanted: &[Prerequisite]) -> Result<()> {
    let missing: Vec<_> = wanted.iter().filter(|one| one.find().is_none()).collect();
    if !missing.is_empty() {
        let list = missing.iter().map(|one| format!("  {} ({})", one.name(), one.purpose));
        let mut packages: Vec<_> = missing.iter().flat_map(|one| one.packages).copied().collect();
        packages.dedup();
        bail!(
            "these programs are missing:\n{}\non Debian or Ubuntu: apt-get install {}",
            list.collect::<Vec<_>>().join("\n"),
            packages.join(" "),
        );
    }
    if wanted.iter().any(|one| one.programs == NODE.programs) {
        require_node_version(&Command::new("node").arg("--version").output()?.stdout)?;
    }
    Ok(())
}

fn require_node_version(printed: &[u8]) -> Result<()> {
    let text = String::from_utf8_lossy(printed);
    let mut parts = text.trim().trim_start_matches('v').split('.').map(str::parse::<u32>);
    let version = match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor),
        _ => bail!("cannot read the version of Node from `{}`", text.trim()),
    };
    if version < NODE_MIN {
        bail!(
            "Node {} is too old for the web UI: {}.{} or newer is needed, see https://nodejs.org/en/download",
            text.trim(),
            NODE_MIN.0,
            NODE_MIN.1,
        );
    }
    Ok(())
}

fn is_executable(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok() && path.is_file()
}

#[cfg(test)]
mod tests {
    use super::{Prerequisite, of_versions, require, require_node_version};

    #[test]
    fn all_that_is_missing_is_named_with_its_purpose_and_package() {
        let absent = |programs, packages| Prerequisite { programs, purpose: "does something", packages };
        let wanted =
            [absent(&["no-such-a"], &["a-dev"]), absent(&["no-such-b"], &["b-dev"]), absent(&["sh"], &[])];
        let message = require(&wanted).unwrap_err().to_string();
        for part in ["no-such-a (does something)", "no-such-b", "apt-get install a-dev b-dev"] {
            assert!(message.contains(part), "{message}");
        }
        assert!(!message.contains("sh ("), "{message}");
    }

    #[test]
    fn programs_of_every_version_are_found() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("17/bin")).unwrap();
        assert_eq!(of_versions(root.path()), [root.path().join("17/bin")]);
        assert!(of_versions(&root.path().join("absent")).is_empty());
    }

    #[test]
    fn an_old_node_is_refused() {
        require_node_version(b"v20.19.0\n").unwrap();
        require_node_version(b"v24.1.0\n").unwrap();
        assert!(require_node_version(b"v18.19.0\n").unwrap_err().to_string().contains("20.19"));
        assert!(require_node_version(b"v20.9.0\n").is_err());
        assert!(require_node_version(b"nonsense").is_err());
    }
}
