//! The web UI: its packages are installed and it is built, each only when something changed.

use crate::phase::Work;
use crate::process::run;
use crate::sources::fingerprint;
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, bail};
use std::path::PathBuf;

impl Workspace {
    /// `npm ci`, unless the packages that are installed are those of the lock file.
    pub(crate) fn install_packages(&self) -> Result<Work> {
        let lock_file = self.frontend().join("package-lock.json");
        let lock =
            std::fs::read(&lock_file).with_context(|| format!("cannot read {}", lock_file.display()))?;
        if std::fs::read(self.packages_stamp()).is_ok_and(|installed| installed == lock) {
            return Ok(Work::Unchanged);
        }
        run(&mut self.npm(&["ci", "--no-audit", "--no-fund"]))?;
        std::fs::write(self.packages_stamp(), lock)?;
        Ok(Work::Done)
    }

    /// `npm run build`, unless what is built was made of these sources.
    pub(crate) fn build_ui(&self) -> Result<Work> {
        let sources = fingerprint(&self.frontend())?.to_string();
        let page = self.frontend().join("dist/index.html");
        if page.is_file() && std::fs::read_to_string(self.build_stamp()).is_ok_and(|built| built == sources) {
            return Ok(Work::Unchanged);
        }
        run(&mut self.npm(&["run", "build"]))?;
        if !page.is_file() {
            bail!("the build of the web UI made no {}", page.display());
        }
        std::fs::write(self.build_stamp(), sources)?;
        Ok(Work::Done)
    }

    /// Removes everything that was built or installed.
    pub(crate) fn clean(&self) -> Result<()> {
        for folder in ["dist", "node_modules"] {
            let folder = self.frontend().join(folder);
            if folder.is_dir() {
                std::fs::remove_dir_all(&folder)
                    .with_context(|| format!("cannot remove {}", folder.display()))?;
            }
        }
        run(&mut self.cargo(&["clean"]))
    }

    /// A copy of the lock file whose packages are installed. `npm ci` removes it with everything else.
    fn packages_stamp(&self) -> PathBuf {
        self.frontend().join("node_modules/.oneoff-installed.json")
    }

    /// The fingerprint of the sources that were built last.
    fn build_stamp(&self) -> PathBuf {
        self.frontend().join("node_modules/.oneoff-built")
    }
}
