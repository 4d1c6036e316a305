//! How interpreters take the text of a script, which each does in its own way.

/// A program and its options, as the job names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interpreter(pub(super) Vec<String>);

/// What stands between the interpreter and the arguments of a script that is given as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TakesScript {
    /// The option, unless the job's own list ends with it.
    pub(super) option: Option<&'static str>,
    /// Whether the first word after the text is the script's name rather than its first argument.
    pub(super) names_script: bool,
}

impl Interpreter {
    /// The one that is used when a job names none.
    pub(super) fn standard() -> Self {
        Self(vec!["/bin/sh".to_owned()])
    }

    /// How it takes a script, if that is known.
    pub(super) fn takes_script(&self) -> Option<TakesScript> {
        let program = self.program_name();
        let by_name = match program {
            "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh" | "mksh" | "busybox" => {
                Some(TakesScript { option: Some("-c"), names_script: true })
            }
            "fish" => Some(TakesScript { option: Some("-c"), names_script: false }),
            "perl" | "ruby" | "node" | "nodejs" | "lua" | "bun" => {
                Some(TakesScript { option: Some("-e"), names_script: false })
            }
            "php" => Some(TakesScript { option: Some("-r"), names_script: false }),
            python if python.starts_with("python") || python.starts_with("pypy") => {
                Some(TakesScript { option: Some("-c"), names_script: false })
            }
            _ => None,
        };
        let last = self.0.get(1..).and_then(<[String]>::last).map_or("", String::as_str);
        if matches!(last, "-c" | "-e" | "-r" | "-E" | "--eval" | "eval" | "-Command") {
            let names_script = by_name.is_some_and(|known| known.names_script);
            return Some(TakesScript { option: None, names_script });
        }
        by_name
    }

    /// The file name of the program, behind `env`.
    fn program_name(&self) -> &str {
        let base = |word: &'_ String| word.rsplit('/').next().unwrap_or_default().len();
        let words = self.0.iter();
        let is_env = |word: &&String| word.ends_with("/env") || word.as_str() == "env";
        let word = words.skip_while(is_env).find(|word| !word.starts_with('-') && !word.contains('='));
        word.and_then(|word| word.get(word.len() - base(word)..)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(words: &[&str]) -> Option<(Option<&'static str>, bool)> {
        let interpreter = Interpreter(words.iter().map(|word| (*word).to_owned()).collect());
        interpreter.takes_script().map(|takes| (takes.option, takes.names_script))
    }

    #[test]
    fn known_interpreters_take_a_script_in_their_own_way() {
        assert_eq!(takes(&["/bin/sh"]), Some((Some("-c"), true)));
        assert_eq!(takes(&["bash", "-eu"]), Some((Some("-c"), true)));
        assert_eq!(takes(&["bash", "-c"]), Some((None, true)));
        assert_eq!(takes(&["/usr/bin/env", "python3.12"]), Some((Some("-c"), false)));
        assert_eq!(takes(&["env", "-i", "A=1", "node"]), Some((Some("-e"), false)));
        assert_eq!(takes(&["deno", "eval"]), Some((None, false)));
        assert_eq!(takes(&["rustc"]), None);
        assert_eq!(takes(&["env"]), None);
    }
}
