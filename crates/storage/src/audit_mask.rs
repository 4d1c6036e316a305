//! What in a text looks like a secret: the value that stands behind a name which speaks of one, as in the query of a URL,
//! in an argument, in an assignment of a script or in JSON that is kept as text.

use std::borrow::Cow;

/// What stands in the place of a secret.
pub(crate) const MASK: &str = "[redacted]";

/// A name that has one of these in it is that of a secret.
const SECRET_WORDS: [&str; 11] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "authorization",
    "api_key",
    "apikey",
    "access_key",
    "private_key",
    "credential",
];

/// Whether a name is that of a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// The text with the values masked that stand behind such names: up to the quote that closes them; without quotes up to
/// where a value behind `=` or behind `:` ends.
pub(crate) fn in_text(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['=', ':']) {
        let (before, from) = rest.split_at(at);
        let mut behind = from.chars();
        let sign = behind.next().unwrap_or_default();
        let behind = behind.as_str();
        masked.push_str(before);
        masked.push(sign);
        rest = behind;
        if is_secret(name_before(before)) {
            let (kept, value_bytes) = value(behind, sign);
            masked.push_str(kept);
            if value_bytes > 0 {
                masked.push_str(MASK);
            }
            rest = behind.get(kept.len() + value_bytes..).unwrap_or_default();
        }
    }
    masked.push_str(rest);
    masked
}

/// The name at the end of a text, which may be in quotes.
fn name_before(text: &str) -> &str {
    let text = text.trim_end_matches([' ', '"', '\'', '\\']);
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-' || c == '.';
    text.rsplit(|c| !is_part(c)).next().unwrap_or_default()
}

/// What stands between the sign and the value, and how many bytes this has.
fn value(text: &str, sign: char) -> (&str, usize) {
    let trimmed = text.trim_start_matches([' ', '\\']);
    let quote = trimmed.chars().next().filter(|c| matches!(c, '"' | '\''));
    let begin = text.len() - trimmed.len() + usize::from(quote.is_some());
    let (kept, value) = text.split_at_checked(begin).unwrap_or((text, ""));
    let ends: Cow<'_, [char]> = match (quote, sign) {
        (Some(quote), _) => Cow::Owned(vec![quote]),
        // A header, or JSON without quotes.
        (None, ':') => Cow::Borrowed(&['\n', '"', '\'', ',', '}']),
        (None, _) => Cow::Borrowed(&[' ', '\t', '\n', '"', '\'', '&', ';', '#', ')', ',']),
    };
    (kept, value.find(ends.as_ref()).unwrap_or(value.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_the_name_of_a_secret_is_masked() {
        for (text, expected) in [
            ("https://x/?token=hunter2&x=1", "https://x/?token=[redacted]&x=1"),
            ("https://x/?a=1&access_token=hunter2#top", "https://x/?a=1&access_token=[redacted]#top"),
            ("--password=hunter2 -v", "--password=[redacted] -v"),
            ("PGPASSWORD='hunter2 x' psql", "PGPASSWORD='[redacted]' psql"),
            ("API-KEY = hunter2", "API-KEY = [redacted]"),
            ("curl -H \"Authorization: Bearer hunter2\" x", "curl -H \"Authorization: [redacted]\" x"),
            ("{\"password\": \"hunter2\", \"a\": 1}", "{\"password\": \"[redacted]\", \"a\": 1}"),
            ("{\\\"secret\\\":\\\"hunter2\\\"}", "{\\\"secret\\\":\\\"[redacted]\"}"),
            ("my_token: hunter2\nnext: 1", "my_token: [redacted]\nnext: 1"),
            ("token=hunter2 secret=hunter2", "token=[redacted] secret=[redacted]"),
            ("tökén=x token=é", "tökén=x token=[redacted]"),
        ] {
            assert_eq!(in_text(text), expected);
        }
    }

    #[test]
    fn all_else_stays_as_it_is() {
        for text in [
            "",
            "=",
            "::",
            "token",
            "token=",
            "http://localhost:8080/a?x=1&y=2",
            "echo a=b; sleep 1: done",
            "the token is here = there",
            "é=ü:ö",
        ] {
            assert_eq!(in_text(text), text);
        }
    }
}
