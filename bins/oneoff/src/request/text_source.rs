//! What a request takes from this machine: files, stdin, and variables that were asked for by name.

use crate::failure::Failure;
use std::io::Read;

/// Where texts and variables come from. Tests have one of their own.
pub(crate) trait Surroundings {
    /// The text of a file.
    fn file(&self, path: &str) -> std::io::Result<String>;
    /// The text of stdin.
    fn stdin(&self) -> std::io::Result<String>;
    /// The value of an environment variable, if it is set and text.
    fn variable(&self, name: &str) -> Option<String>;
}

/// The machine this runs on.
pub(crate) struct ThisMachine;

impl Surroundings for ThisMachine {
    fn file(&self, path: &str) -> std::io::Result<String> {
        std::fs::read_to_string(path)
    }

    fn stdin(&self) -> std::io::Result<String> {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        Ok(text)
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var_os(name).and_then(|value| value.into_string().ok())
    }
}

/// The text that an argument stands for: `@file` is the file's, `-` that of stdin, anything else itself.
pub(crate) fn read_text(flag: &str, argument: &str, from: &dyn Surroundings) -> Result<String, Failure> {
    if argument == "-" {
        return from.stdin().map_err(|error| Failure::local(format!("{flag}: stdin cannot be read"), &error));
    }
    match argument.strip_prefix('@') {
        Some(path) => from
            .file(path)
            .map_err(|error| Failure::local(format!("{flag}: the file {path} cannot be read"), &error)),
        None => Ok(argument.to_owned()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Surroundings, read_text};
    use std::io;

    /// One file, one variable, and a fixed stdin.
    pub(crate) struct Prepared;

    impl Surroundings for Prepared {
        fn file(&self, path: &str) -> io::Result<String> {
            match path {
                "hello.sh" => Ok("echo hello\n".to_owned()),
                _ => Err(io::ErrorKind::NotFound.into()),
            }
        }

        fn stdin(&self) -> io::Result<String> {
            Ok("from stdin".to_owned())
        }

        fn variable(&self, name: &str) -> Option<String> {
            (name == "LANG").then(|| "de_DE".to_owned())
        }
    }

    #[test]
    fn a_text_is_itself_a_file_or_stdin() {
        for (argument, text) in [("x", "x"), ("@hello.sh", "echo hello\n"), ("-", "from stdin"), ("", "")] {
            assert_eq!(read_text("--script", argument, &Prepared).unwrap(), text);
        }
        let failure = read_text("--script", "@none", &Prepared).unwrap_err();
        assert!(failure.message.contains("--script: the file none"), "{}", failure.message);
    }
}
