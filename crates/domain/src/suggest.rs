//! "Did you mean": the nearest known word to one that is not known.

/// What is longer than this is no typo, and comparing it would cost.
const WORD_MAX_BYTES: usize = 64;

/// The word of `known` that `word` was probably meant to be, if any is near enough. Never the word itself.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > WORD_MAX_BYTES {
        return None;
    }
    let lower = word.to_lowercase();
    known
        .into_iter()
        .filter(|candidate| *candidate != word)
        .map(|candidate| (strsim::jaro_winkler(&lower, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_typo_finds_its_word_and_nonsense_finds_none() {
        let known = ["scheduled_at", "priority", "timezone"];
        assert_eq!(nearest("schedule_at", known), Some("scheduled_at"));
        assert_eq!(nearest("Priorty", known), Some("priority"));
        assert_eq!(nearest("qqq", known), None);
        assert_eq!(nearest("priority", ["priority"]), None, "a word is no suggestion for itself");
        assert_eq!(nearest("Priority", ["priority"]), Some("priority"));
        assert_eq!(nearest(&"priority".repeat(100_000), known), None);
    }
}
