//! Masking secret values in text, also where they stand encoded: in base64 and in URLs.

use crate::secret::SecretString;
use aho_corasick::{AhoCorasick, BuildError, MatchKind};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use std::borrow::Cow;
use std::fmt;

/// What stands in the place of a secret.
pub const MASK: &str = "[redacted]";
/// A value shorter than this is not masked: it would blank out half of every text and protect nothing.
pub const VALUE_MIN_BYTES: usize = 4;
/// The bytes that RFC 3986 leaves as they are in a URL.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Masks a fixed set of values wherever they occur.
///
/// A value is found as it is, each of its lines is found, and so are its base64 (both alphabets, also inside of a
/// longer text that was encoded, such as `user:password`) and its URL-encoded form. What is split over two
/// calls is not found.
#[derive(Clone)]
pub struct Redactor {
    patterns: Option<AhoCorasick>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns = self.patterns.as_ref().map_or(0, AhoCorasick::patterns_len);
        f.debug_struct("Redactor").field("patterns", &patterns).finish()
    }
}

/// The values are too many or too long to be searched for.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the secret values are too many or too long to be masked")]
pub struct TooManyValues(#[from] BuildError);

impl Redactor {
    /// A redactor of these values.
    ///
    /// # Errors
    /// [`TooManyValues`], when all of them together are larger than a search can be built for.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a SecretString>) -> Result<Self, TooManyValues> {
        let mut forms: Vec<Vec<u8>> = values.into_iter().flat_map(|value| forms(value.expose())).collect();
        forms.sort_unstable();
        forms.dedup();
        if forms.is_empty() {
            return Ok(Self { patterns: None });
        }
        let patterns = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(forms)?;
        Ok(Self { patterns: Some(patterns) })
    }

    /// The text with every value masked; the text itself where there is none in it.
    #[must_use]
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match &self.patterns {
            Some(patterns) if patterns.is_match(text) => {
                let mut masked = String::with_capacity(text.len());
                patterns.replace_all_with(text, &mut masked, |_, _, masked| {
                    masked.push_str(MASK);
                    true
                });
                Cow::Owned(masked)
            }
            _ => Cow::Borrowed(text),
        }
    }

    /// The bytes, which need not be text, with every value masked.
    #[must_use]
    pub fn mask_bytes<'b>(&self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        match &self.patterns {
            Some(patterns) if patterns.is_match(bytes) => {
                let mut masked = Vec::with_capacity(bytes.len());
                patterns.replace_all_with_bytes(bytes, &mut masked, |_, _, masked| {
                    masked.extend_from_slice(MASK.as_bytes());
                    true
                });
                Cow::Owned(masked)
            }
            _ => Cow::Borrowed(bytes),
        }
    }
}

/// Everything to search for on behalf of a value.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let lines = value.lines().map(str::trim);
    let values = std::iter::once(value).chain(lines).filter(|value| value.len() >= VALUE_MIN_BYTES);
    values.flat_map(forms_of_line).filter(|form| form.len() >= VALUE_MIN_BYTES).collect()
}

fn forms_of_line(value: &str) -> Vec<Vec<u8>> {
    let bytes = value.as_bytes();
    let pieces = || percent_encode(bytes, RESERVED);
    let upper: String = pieces().collect();
    // An escape is a piece of its own, and nothing else begins with its sign.
    let lower: String = pieces()
        .map(|piece| if piece.starts_with('%') { piece.to_lowercase() } else { piece.to_owned() })
        .collect();
    let mut forms =
        vec![value.to_owned(), upper.replace("%20", "+"), lower.replace("%20", "+"), upper, lower];
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        forms.push(engine.encode(bytes));
        forms.extend(inside_base64(bytes, engine));
    }
    forms.into_iter().map(String::into_bytes).collect()
}

/// What a value looks like in the base64 of a longer text: three bytes become four characters, so there are three
/// ways; of each, only the characters that do not also depend on what stands beside the value.
fn inside_base64(bytes: &[u8], engine: &impl Engine) -> Vec<String> {
    let at = |(bytes_before, first_own): (usize, usize)| {
        let mut longer = vec![0; bytes_before];
        longer.extend_from_slice(bytes);
        let end_of_own = longer.len() * 4 / 3;
        engine.encode(longer).get(first_own..end_of_own).map(str::to_owned)
    };
    [(0, 0), (1, 2), (2, 3)].into_iter().filter_map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;

    fn redactor(values: &[&str]) -> Redactor {
        let values: Vec<SecretString> = values.iter().map(|value| SecretString::new(*value)).collect();
        Redactor::new(&values).unwrap()
    }

    #[test]
    fn values_are_masked_as_they_are_and_encoded() {
        let redactor = redactor(&["hunter2/+ é", "tok-123"]);
        for (text, expected) in [
            ("password hunter2/+ é!", "password [redacted]!"),
            ("tok-123tok-123 tok-124", "[redacted][redacted] tok-124"),
            ("?q=hunter2%2F%2B%20%C3%A9&x=1", "?q=[redacted]&x=1"),
            ("?q=hunter2%2f%2b+%c3%a9&x=1", "?q=[redacted]&x=1"),
            ("nothing here", "nothing here"),
        ] {
            assert_eq!(redactor.mask(text), expected);
            assert_eq!(redactor.mask_bytes(text.as_bytes()), expected.as_bytes());
        }
        let basic = format!("Basic {}", STANDARD.encode("user:hunter2/+ é"));
        assert!(redactor.mask(&basic).contains(MASK), "{basic}");
        assert_eq!(redactor.mask_bytes(b"\xfftok-123\xfe").as_ref(), b"\xff[redacted]\xfe");
    }

    #[test]
    fn the_longer_of_two_values_is_masked_whole() {
        assert_eq!(redactor(&["abcd", "abcdefgh"]).mask("abcdefgh abcdx"), "[redacted] [redacted]x");
    }

    #[test]
    fn each_line_of_a_value_is_masked() {
        let key = "-----BEGIN-----\nMIIEvQIBADANBg\n  kqhkiG9w0BAQ\n-----END-----";
        assert_eq!(redactor(&[key]).mask("it was kqhkiG9w0BAQ then"), "it was [redacted] then");
    }

    #[test]
    fn short_values_and_none_mask_nothing() {
        assert_eq!(redactor(&["", "a", "abc"]).mask("a cab of abc"), "a cab of abc");
        assert_eq!(redactor(&[]).mask("text"), "text");
        assert!(!format!("{:?}", redactor(&["hunter2"])).contains("hunter2"));
    }

    proptest! {
        #[test]
        fn a_value_is_found_wherever_it_is_encoded(
            value in "[ -~]{6,40}", before in "[ -~]{0,7}", after in "[ -~]{0,7}",
        ) {
            prop_assume!(value.trim().len() >= 6);
            let redactor = redactor(&[&value]);
            let text = format!("{before}{value}{after}");
            prop_assert!(!redactor.mask(&text).contains(&value) || MASK.contains(&value));
            for encoded in [STANDARD.encode(&text), URL_SAFE.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                prop_assert!(redactor.mask(&encoded).contains(MASK), "{encoded}");
            }
            let url = percent_encode(text.as_bytes(), RESERVED).to_string();
            prop_assert!(redactor.mask(&url).contains(MASK), "{url}");
        }
    }
}
