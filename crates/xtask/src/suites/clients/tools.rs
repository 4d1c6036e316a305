//! The generators and Schemathesis, at pinned versions in folders of their own below `target`.

use crate::phase::Work;
use crate::process::run;
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What Debian has for it.
pub(in crate::suites) const PACKAGES: &[&str] = &["python3", "python3-venv"];

/// The oldest Python that the tools run on.
const PYTHON_MIN: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";

/// Files that are copied beside the packages of npm.
const TYPESCRIPT: &[&str] = &["package.json", "package-lock.json", ".npmrc", "tsconfig.json", "journey.ts"];

/// Whether Python can make virtual environments: Debian has that in a package of its own.
pub(in crate::suites) fn has_virtual_environments() -> bool {
    let mut python = Command::new("python3");
    python.args(["-c", PYTHON_MIN]).stdout(Stdio::null()).stderr(Stdio::null());
    python.status().is_ok_and(|status| status.success())
}

/// Where they are.
pub(super) struct Tools {
    /// `clients` in the repository.
    pub(super) sources: PathBuf,
    /// What is installed and generated.
    pub(super) folder: PathBuf,
}

impl Tools {
    pub(super) fn of(workspace: &Workspace) -> Self {
        Self { sources: workspace.root.join("clients"), folder: workspace.clients_folder() }
    }

    /// Installs what is missing or has another version.
    pub(super) fn prepare(&self) -> Result<Work> {
        if !has_virtual_environments() {
            bail!(
                "Python 3.10 or newer with its modules venv and ensurepip is needed: \
                 install it with `apt-get install {}`, or add --install",
                PACKAGES.join(" ")
            );
        }
        fs::create_dir_all(self.typescript())
            .with_context(|| format!("cannot make {}", self.folder.display()))?;
        let (pip, npm) = (self.prepare_python()?, self.prepare_typescript()?);
        Ok(if pip == Work::Done || npm == Work::Done { Work::Done } else { Work::Unchanged })
    }

    fn prepare_python(&self) -> Result<Work> {
        let requirements = self.sources.join("python/requirements.txt");
        let wanted = read(&requirements)?;
        let stamp = self.folder.join("venv/.oneoff-installed.txt");
        if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(Work::Unchanged);
        }
        let mut python = Command::new("python3");
        run(python.args(["-m", "venv", "--clear"]).arg(self.folder.join("venv")))?;
        let mut pip = self.python("python");
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--requirement",
        ]);
        run(pip.arg(&requirements))?;
        fs::write(stamp, wanted)?;
        Ok(Work::Done)
    }

    fn prepare_typescript(&self) -> Result<Work> {
        for name in TYPESCRIPT {
            let from = self.sources.join("typescript").join(name);
            fs::write(self.typescript().join(name), read(&from)?)?;
        }
        let lock = read(&self.typescript().join("package-lock.json"))?;
        let stamp = self.typescript().join("node_modules/.oneoff-installed.json");
        if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
            return Ok(Work::Unchanged);
        }
        let mut npm = Command::new("npm");
        run(npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(self.typescript()))?;
        fs::write(stamp, lock)?;
        Ok(Work::Done)
    }

    /// Where the client in TypeScript is made.
    pub(super) fn typescript(&self) -> PathBuf {
        self.folder.join("typescript")
    }

    /// A program of the virtual environment.
    pub(super) fn python(&self, program: &str) -> Command {
        let mut command = Command::new(self.folder.join("venv/bin").join(program));
        command.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(&self.folder);
        command
    }

    /// A program of npm's packages.
    pub(super) fn npx(&self, program: &str) -> Command {
        let mut command = Command::new(self.typescript().join("node_modules/.bin").join(program));
        command.current_dir(self.typescript());
        command
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{TYPESCRIPT, Tools};
    use crate::workspace::Workspace;

    #[test]
    fn every_version_is_pinned_and_every_file_is_there() {
        let tools = Tools::of(&Workspace::locate().unwrap());
        let requirements = std::fs::read_to_string(tools.sources.join("python/requirements.txt")).unwrap();
        let lines: Vec<&str> = requirements.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.iter().all(|line| line.contains("==")), "{requirements}");
        for tool in ["schemathesis==", "openapi-python-client=="] {
            assert!(lines.iter().any(|line| line.starts_with(tool)), "{tool}");
        }
        for name in TYPESCRIPT {
            assert!(tools.sources.join("typescript").join(name).is_file(), "{name}");
        }
    }
}
