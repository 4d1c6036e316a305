//! What is searched and what is looked for, as text: both are folded in the same way, so that case does not matter.

use crate::{Catalog, Refusal};
use oneoff_domain::limits::{SEARCH_MAX_CHARS, SEARCH_MAX_WORDS};
use oneoff_domain::{FieldError, ValidationErrors};

/// Between the parts of a text. It is a space, which no word that is looked for contains.
const BETWEEN: char = '\n';
/// Characters that the index takes together.
const GRAM_CHARS: usize = 3;
/// Beginnings of ids shorter than this are not looked for: they say hardly more than the year.
const ID_MIN_DIGITS: usize = 12;
const ID_DIGITS: usize = 32;
/// Where the hyphens of a UUID stand among its digits.
const HYPHENS_BEFORE: [usize; 4] = [8, 12, 16, 20];

/// Ways to understand what is looked for that are looked for together. Beyond, words are not looked for in the names of
/// tags.
const ALTERNATIVES_MAX: usize = 16;

/// Text without its case.
pub(super) fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// What of a job is searched.
pub(super) fn searchable(name: &str, external_id: Option<&str>, tags: &[String]) -> String {
    let mut text = fold(name);
    for part in external_id.into_iter().chain(tags.iter().map(String::as_str)) {
        text.push(BETWEEN);
        text.push_str(&fold(part));
    }
    text
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Needle {
    /// Every one of them must occur.
    words: Vec<String>,
    /// The ids of tags that the job must have, in place of words that are in their names.
    tags: Vec<String>,
    /// The beginning of an id, in the form of ids, if that is what was given.
    pub(super) id_beginning: Option<String>,
}

impl Needle {
    /// Reads what somebody typed.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let refuse = |message: String| {
            let hint =
                format!("1 to {SEARCH_MAX_WORDS} words of at most {SEARCH_MAX_CHARS} characters together");
            Refusal::Invalid(ValidationErrors::one(FieldError::new("search", message).with_hint(hint)))
        };
        let chars = text.chars().count();
        if chars > SEARCH_MAX_CHARS {
            return Err(refuse(format!("is too long: {chars} characters")));
        }
        if text.contains('\0') {
            return Err(refuse("must not contain the character NUL".to_owned()));
        }
        let mut words: Vec<String> = text.split_whitespace().map(fold).collect();
        words.sort_unstable();
        words.dedup();
        match words.len() {
            0 => Err(refuse("has no words".to_owned())),
            count if count > SEARCH_MAX_WORDS => Err(refuse(format!("has too many words: {count}"))),
            _ => {
                let id_beginning = match words.as_slice() {
                    [only] => id_beginning(only),
                    _ => None,
                };
                Ok(Self { words, tags: Vec::new(), id_beginning })
            }
        }
    }

    /// All that may be meant, where a word may also be in the name of a tag: any of these.
    pub(super) fn alternatives(self, catalog: &Catalog) -> Vec<Self> {
        let names: Vec<(String, &String)> =
            catalog.tags.values().map(|tag| (fold(&tag.name), &tag.id)).collect();
        let mut all = vec![Self { words: Vec::new(), tags: Vec::new(), id_beginning: None }];
        for word in &self.words {
            let tags: Vec<&String> =
                names.iter().filter(|(name, _)| name.contains(word.as_str())).map(|(_, id)| *id).collect();
            let room = all.len() * (tags.len() + 1) <= ALTERNATIVES_MAX;
            let mut more = Vec::new();
            for needle in &mut all {
                for id in tags.iter().filter(|_| room) {
                    let mut with_tag = needle.clone();
                    with_tag.tags.push((*id).clone());
                    more.push(with_tag);
                }
                needle.words.push(word.clone());
            }
            all.extend(more);
        }
        if let Some(first) = all.first_mut() {
            first.id_beginning = self.id_beginning;
        }
        all
    }

    /// What occurs in the text of definitions: the words, folded, and the ids of tags.
    pub(super) fn words(&self) -> impl Iterator<Item = &String> {
        self.words.iter().chain(&self.tags)
    }

    /// Whether a job with this id, this folded text and these tags is meant.
    pub(super) fn matches(&self, id: &str, text: &str, tags: &str) -> bool {
        (self.words.iter().all(|word| text.contains(word.as_str()))
            && self.tags.iter().all(|tag| tags.contains(tag.as_str())))
            || self.id_beginning.as_ref().is_some_and(|beginning| id.starts_with(beginning))
    }

    /// What the index is asked for: pieces of the words that all of its matches have. None where all words are too
    /// short for it.
    pub(super) fn grams(&self) -> Vec<String> {
        let mut grams = Vec::new();
        for word in self.words() {
            let chars: Vec<char> = word.chars().collect();
            let Some(last) = chars.len().checked_sub(GRAM_CHARS) else { continue };
            for begin in (0..last).step_by(GRAM_CHARS).chain([last]) {
                grams
                    .extend(chars.get(begin..begin + GRAM_CHARS).map(|gram| gram.iter().collect::<String>()));
            }
        }
        grams.sort_unstable();
        grams.dedup();
        grams
    }
}

/// The beginning of an id, with hyphens where ids have them.
fn id_beginning(word: &str) -> Option<String> {
    let digits: String = word.chars().filter(|c| *c != '-').collect();
    let is_id = (ID_MIN_DIGITS..=ID_DIGITS).contains(&digits.len())
        && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !is_id {
        return None;
    }
    let mut beginning = String::with_capacity(word.len() + HYPHENS_BEFORE.len());
    for (index, digit) in digits.chars().enumerate() {
        if HYPHENS_BEFORE.contains(&index) {
            beginning.push('-');
        }
        beginning.push(digit);
    }
    Some(beginning)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(needle: &str, name: &str) -> bool {
        Needle::parse(needle).unwrap().matches(
            "",
            &searchable(name, Some("order-7"), &["Été".to_owned()]),
            "",
        )
    }

    #[test]
    fn every_word_must_occur_anywhere_and_case_does_not_matter() {
        for needle in [
            "backup",
            "ACKU",
            "nightly backup",
            "backup  nightly\t",
            "up 7",
            "été BACK",
            "%",
            "_",
            "'",
            "\"",
            "🌍",
            "a",
        ] {
            assert!(found(needle, "Nightly-Backup 100%_'\"🌍"), "{needle}");
        }
        for needle in ["backups", "nightly weekly", "backup\u{1F30D}x", "pbackup", "upnightly"] {
            assert!(!found(needle, "Nightly-Backup 🌍"), "{needle}");
        }
        assert!(!found("prder", "up"), "words do not reach from one part to the next");
        assert!(found("straße", "STRAßE") && found("σας", "ΣΑς") && found("i̇", "İ"));
    }

    #[test]
    fn what_cannot_be_looked_for_is_refused() {
        let long = "x".repeat(SEARCH_MAX_CHARS);
        assert!(Needle::parse(&long).is_ok());
        let many = "x ".repeat(SEARCH_MAX_WORDS + 1);
        assert!(Needle::parse(&many).is_ok(), "the same word counts once");
        let different: String = (0..=SEARCH_MAX_WORDS).map(|number| format!("{number} ")).collect();
        for text in ["", " ", "\u{3000}\n\t", "a\0b", &format!("{long}x"), &different] {
            let Err(Refusal::Invalid(errors)) = Needle::parse(text) else { panic!("{text:?} was accepted") };
            assert_eq!(errors.0[0].pointer, "search");
        }
    }

    fn tags(names: &[&str]) -> Catalog {
        let tag = |(key, name): (usize, &&str)| oneoff_domain::Tag {
            key: 0,
            id: format!("t{key}"),
            name: (*name).to_owned(),
            color: None,
            is_default: false,
            version: 1,
            created_at: oneoff_domain::Timestamp::MIN,
            updated_at: oneoff_domain::Timestamp::MIN,
        };
        let tags = names.iter().enumerate().map(tag).map(|tag| (tag.id.clone(), tag)).collect();
        Catalog { tags, ..Catalog::default() }
    }

    #[test]
    fn a_word_may_be_in_the_name_of_a_tag() {
        let catalog = tags(&["Backup", "nightly backup", "prod"]);
        let meant = |text: &str, name: &str, has: &str| {
            let needles = Needle::parse(text).unwrap().alternatives(&catalog);
            needles.iter().any(|needle| needle.matches("", &searchable(name, None, &[]), has))
        };
        assert!(meant("backup", "x", "[\"t0\"]") && meant("backup", "x", "[\"t1\"]"));
        assert!(meant("BACKUP", "a backup", "[]"), "or in the job's own");
        assert!(meant("backup prod", "x", "[\"t1\",\"t2\"]") && meant("prod backup", "backup", "[\"t2\"]"));
        assert!(!meant("backup prod", "x", "[\"t1\"]") && !meant("t1", "x", "[\"t1\"]"));
        let many: Vec<String> = (0..40).map(|number| format!("same {number}")).collect();
        let many = tags(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(Needle::parse("same").unwrap().alternatives(&many).len(), 1, "too many ways");
    }

    #[test]
    fn words_are_asked_for_in_pieces() {
        let grams = |text: &str| Needle::parse(text).unwrap().grams();
        assert_eq!(grams("ab"), Vec::<String>::new());
        assert_eq!(grams("abc"), ["abc"]);
        assert_eq!(grams("abcd"), ["abc", "bcd"]);
        assert_eq!(grams("abcdefg ü€🌍 xy"), ["abc", "def", "efg", "ü€🌍"]);
    }

    #[test]
    fn ids_are_found_by_their_beginning_with_and_without_hyphens() {
        let beginning = |text: &str| Needle::parse(text).unwrap().id_beginning;
        assert_eq!(beginning("019AA7A0-0000").as_deref(), Some("019aa7a0-0000"));
        assert_eq!(beginning("019aa7a0000070008").as_deref(), Some("019aa7a0-0000-7000-8"));
        for text in ["019aa7a0-000", "019aa7a0-0000 x", "019aa7a0-000g", &"0".repeat(33)] {
            assert_eq!(beginning(text), None, "{text}");
        }
        let needle = Needle::parse("019aa7a0-0000-7").unwrap();
        assert!(needle.matches("019aa7a0-0000-7000-8000-000000000001", "a name", "[]"));
        assert!(!needle.matches("019aa7a0-0001-7000-8000-000000000001", "a name", "[]"));
    }

    proptest! {
        #[test]
        fn what_is_in_a_text_is_found_by_all_its_grams(text in "\\PC{3,60}", begin in 0usize..57, length in 3usize..20) {
            let word: String = text.chars().skip(begin).take(length).collect();
            let Ok(needle) = Needle::parse(&word) else { return Ok(()) };
            let folded = searchable(&text, None, &[]);
            prop_assert!(needle.matches("", &folded, "[]"));
            for gram in needle.grams() {
                prop_assert!(folded.contains(&gram), "{gram:?}");
                prop_assert_eq!(gram.chars().count(), GRAM_CHARS);
            }
        }
    }
}
