//! Command lines: run word by word, shown as a shell reads them.

use crate::output::is_harmful;
use oneoff_domain::limits::NAME_MAX_CHARS;
use serde_json::{Map, Value, json};

/// The script that runs its arguments exactly as they are.
pub(crate) const EXEC_SCRIPT: &str = "exec \"$@\"";

/// The config that runs a command, and the name it gives the job.
///
/// One word is for the shell to read, as users of `at` expect; of several, each is one argument.
pub(crate) fn shell_config(command: &[String]) -> (Map<String, Value>, String) {
    let config = match command {
        [script] => json!({ "script": script }),
        words => json!({ "script": EXEC_SCRIPT, "args": words }),
    };
    let config = match config {
        Value::Object(config) => config,
        _ => Map::new(),
    };
    let name = match command {
        [script] => script.clone(),
        words => quoted(words),
    };
    (config, short_name(&name))
}

/// Words as a shell reads them, harmless for a terminal.
pub(crate) fn quoted<S: AsRef<str>>(words: &[S]) -> String {
    words.iter().map(|word| quoted_word(word.as_ref())).collect::<Vec<_>>().join(" ")
}

/// A word as a shell reads it. Of a flag with a value, only the value is quoted.
fn quoted_word(word: &str) -> String {
    let is_flag =
        |name: &str| name.starts_with("--") && name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    if let Some((flag, value)) = word.split_once('=').filter(|(flag, _)| is_flag(flag)) {
        return format!("{flag}={}", quoted_word(value));
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    if word.chars().any(is_to_escape) {
        return escaped(word);
    }
    // Only a NUL cannot be quoted, and it is escaped.
    shlex::try_quote(word).map_or_else(|_has_nul| word.to_owned(), |quoted| quoted.into_owned())
}

/// Line ends and tabs are harmless within quotes, and every shell reads them.
fn is_to_escape(c: char) -> bool {
    is_harmful(c) && !matches!(c, '\n' | '\t')
}

/// A word in the `$'...'` of bash, zsh, ksh and POSIX.1-2024, byte by byte where it is not to be shown.
fn escaped(word: &str) -> String {
    let mut text = String::from("$'");
    for c in word.chars() {
        match c {
            '\\' | '\'' => text.extend(['\\', c]),
            c if is_to_escape(c) => {
                let mut bytes = [0; 4];
                text.extend(c.encode_utf8(&mut bytes).bytes().map(|byte| format!("\\x{byte:02x}")));
            }
            c => text.push(c),
        }
    }
    text.push('\'');
    text
}

/// A text as the name of a job: one line, no longer than a name may be.
fn short_name(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().filter(|c| !c.is_control()).collect();
    if line.chars().count() <= NAME_MAX_CHARS {
        return line;
    }
    line.chars().take(NAME_MAX_CHARS - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::{quoted, shell_config};

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn one_word_is_a_script_and_several_are_exact_arguments() {
        let (config, name) = shell_config(&words(&["echo $HOME | wc -c"]));
        assert_eq!(serde_json::to_string(&config).unwrap(), r#"{"script":"echo $HOME | wc -c"}"#);
        assert_eq!(name, "echo $HOME | wc -c");

        let (config, name) = shell_config(&words(&["printf", "%s\n", "a b", "", "it's $HOME"]));
        assert_eq!(config["script"], "exec \"$@\"");
        assert_eq!(config["args"], serde_json::json!(["printf", "%s\n", "a b", "", "it's $HOME"]));
        assert!(name.starts_with("printf "), "{name}");
    }

    #[test]
    fn a_long_or_many_lined_command_has_a_short_name() {
        let (_, name) = shell_config(&words(&[&format!("echo\n{}", "ä".repeat(400))]));
        assert_eq!(name.chars().count(), 256);
        assert!(name.starts_with("echo ää") && name.ends_with('…'));
    }

    #[test]
    fn characters_that_a_terminal_obeys_are_escaped_and_a_shell_reads_them_back() {
        let line = [
            "--name=\u{1b}]0;pwn\u{7}\u{1b}[2J",
            "\u{1b}it's a \\ \u{9b}31m\u{202e}ü$x`y`",
            "\u{7f}\nb\u{2066}",
            "\u{1}a1",
        ];
        let text = quoted(&line);
        assert!(text.starts_with(r"--name=$'\x1b]0;pwn\x07\x1b[2J' $'\x1bit\'s"), "{text}");
        assert!(!text.chars().any(|c| crate::output::is_harmful(c) && c != '\n'), "{text}");
        let script = format!("printf '%s\\0' {text}");
        let output = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
        let words: Vec<&[u8]> = output.stdout.split(|byte| *byte == 0).collect();
        let expected: Vec<&[u8]> = line.iter().map(|word| word.as_bytes()).chain([&b""[..]]).collect();
        assert_eq!(words, expected);
    }

    #[test]
    fn a_shell_reads_the_words_back() {
        let line = words(&[
            "a b", "it's", "$x", "", "\n", "ü", "*", "--at=1:2", "--a=b c", "--=", "--x==y", "~", "#a",
        ]);
        assert_eq!(shlex::split(&quoted(&line)).unwrap(), line);
        assert_eq!(
            quoted(&["--at=2031-01-15T09:00:00Z", "--name=a b"]),
            "--at=2031-01-15T09:00:00Z --name='a b'"
        );
    }
}
