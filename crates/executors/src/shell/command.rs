//! The command line of an attempt, and what to say when it cannot be started.

use super::config::{ShellConfig, Source};
use super::interpreter::Interpreter;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// `$0` of a script that is given as text.
const SCRIPT_NAME: &str = "oneoff";

type Environment = BTreeMap<OsString, OsString>;

/// A command that is ready to be started.
#[derive(Debug)]
pub(super) struct Prepared {
    program: OsString,
    arguments: Vec<OsString>,
    file: Option<PathBuf>,
    workdir: Option<PathBuf>,
    environment: Environment,
}

impl Prepared {
    /// The command of a config in an environment.
    pub(super) fn new(config: &ShellConfig, environment: Environment) -> Self {
        let workdir = config.workdir.as_deref().map(|path| expand(path, &environment));
        let mut words: Vec<OsString> = Vec::new();
        let mut file_to_run = None;
        match &config.source {
            Source::Script(script) => {
                let interpreter = config.interpreter.clone().unwrap_or_else(Interpreter::standard);
                let takes = interpreter.takes_script();
                words.extend(interpreter.0.into_iter().map(OsString::from));
                words.extend(takes.and_then(|takes| takes.option).map(OsString::from));
                words.push(script.into());
                words.extend(takes.filter(|takes| takes.names_script).map(|_| SCRIPT_NAME.into()));
            }
            Source::File(file) => {
                let file = absolute(expand(file, &environment), workdir.as_deref());
                match &config.interpreter {
                    Some(interpreter) => words.extend(interpreter.0.iter().map(OsString::from)),
                    None if !is_executable(&file) => words.push("/bin/sh".into()),
                    None => {}
                }
                words.push(file.clone().into());
                file_to_run = Some(file);
            }
        }
        words.extend(config.args.iter().map(OsString::from));
        let mut words = words.into_iter();
        let program = in_path(words.next().unwrap_or_default(), &environment);
        Self { program, arguments: words.collect(), file: file_to_run, workdir, environment }
    }

    /// The command for the system, in a process group of its own.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear().envs(&self.environment).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(workdir) = &self.workdir {
            command.current_dir(workdir);
        }
        command
    }

    /// The same file through `/bin/sh`, when it is executable but the system does not know what it is: a
    /// script without its first line `#!`.
    pub(super) fn through_shell(mut self) -> Self {
        self.arguments.insert(0, std::mem::replace(&mut self.program, "/bin/sh".into()));
        self
    }

    /// A file that is run must be there before anything is started, or the interpreter would report it.
    pub(super) fn missing_file(&self) -> Option<String> {
        let file = self.file.as_deref()?;
        let error = std::fs::metadata(file).err();
        match error {
            Some(error) => Some(format!("cannot run the file {}: {error}", file.display())),
            None if file.is_dir() => Some(format!("cannot run {}: it is a directory", file.display())),
            None => None,
        }
    }

    /// Why starting it failed, in words that name the part that is missing.
    pub(super) fn explain(&self, error: &io::Error) -> String {
        if let Some(workdir) = self.workdir.as_deref() {
            match std::fs::metadata(workdir) {
                Err(error) => return format!("cannot enter the workdir {}: {error}", workdir.display()),
                Ok(found) if !found.is_dir() => {
                    return format!("cannot enter the workdir {}: it is not a directory", workdir.display());
                }
                Ok(_) => {}
            }
        }
        let program = self.program.display();
        if error.kind() != io::ErrorKind::NotFound {
            return format!("cannot start {program}: {error}");
        }
        if !self.program.as_encoded_bytes().contains(&b'/') {
            let path = self.environment.get(OsStr::new("PATH")).map(|path| path.display().to_string());
            return format!("cannot start {program}: no such program in PATH ({})", path.unwrap_or_default());
        }
        if self.file.as_deref().is_some_and(|file| file.as_os_str() == self.program) {
            return format!(
                "cannot start {program}: the interpreter that its first line names does not exist"
            );
        }
        format!("cannot start {program}: {error}")
    }
}

fn is_executable(file: &Path) -> bool {
    rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok()
}

/// The place of a program in the job's own PATH. Looking here rather than in the child keeps the start cheap.
fn in_path(program: OsString, environment: &Environment) -> OsString {
    if program.as_encoded_bytes().contains(&b'/') {
        return program;
    }
    let path = environment.get(OsStr::new("PATH")).map(OsString::as_os_str).unwrap_or_default();
    let mut places = std::env::split_paths(path).map(|directory| directory.join(&program));
    places.find(|place| place.is_file() && is_executable(place)).map_or(program, PathBuf::into_os_string)
}

/// Replaces `~` at the start and `$NAME` or `${NAME}` anywhere, as OneOff 1 does with paths.
fn expand(path: &str, environment: &Environment) -> PathBuf {
    let value = |name: &str| environment.get(OsStr::new(name)).map(OsString::as_os_str).unwrap_or_default();
    let mut expanded = OsString::new();
    let mut rest = path;
    if let Some(below_home) = rest.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/')) {
        expanded.push(value("HOME"));
        rest = below_home;
    }
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push(before);
        let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let (name, remainder) = braced.unwrap_or_else(|| {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            after.split_at(end)
        });
        expanded.push(if name.is_empty() { OsStr::new("$") } else { value(name) });
        rest = remainder;
    }
    expanded.push(rest);
    expanded.into()
}

fn absolute(file: PathBuf, workdir: Option<&Path>) -> PathBuf {
    let file = workdir.map(|workdir| workdir.join(&file)).unwrap_or(file);
    std::path::absolute(&file).unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_expanded_as_version_one_did() {
        let environment = Environment::from([("HOME".into(), "/h".into()), ("A".into(), "x".into())]);
        for (path, expected) in [
            ("/a/b", "/a/b"),
            ("~", "/h"),
            ("~/b", "/h/b"),
            ("~other/b", "~other/b"),
            ("/a~b", "/a~b"),
            ("$A/b", "x/b"),
            ("/${A}y/$A", "/xy/x"),
            ("/$NONE/b", "//b"),
            ("/a$", "/a$"),
            ("/ü/$Aü", "/ü/xü"),
        ] {
            assert_eq!(expand(path, &environment), PathBuf::from(expected), "{path}");
        }
    }
}
