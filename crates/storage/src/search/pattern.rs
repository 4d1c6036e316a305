//! What a server is asked for: patterns that every text matches in which a word occurs, and hardly any other.
//!
//! A server folds texts in its own way, which depends on its locale. So a character stands for itself in a pattern only
//! if all characters that it may come from are the same to the server; any other may be anything.

use super::text::Needle;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Characters of a word one after the other, without which an index of pieces does not help.
const PIECE_CHARS: usize = 3;
/// What a server may fold by what stands beside it: the sigma at the end of a word, what has a dot above or an accent.
const BY_NEIGHBOUR: [char; 3] = ['σ', 'į', '\u{307}'];

/// The characters that become another one alone when they are folded, by that one.
static FOLDED_FROM: LazyLock<BTreeMap<char, Vec<char>>> = LazyLock::new(|| {
    let mut from: BTreeMap<char, Vec<char>> = BTreeMap::new();
    for char in '\u{80}'..=char::MAX {
        let mut folded = char.to_lowercase();
        if let (Some(one), None) = (folded.next(), folded.next())
            && one != char
        {
            from.entry(one).or_default().push(char);
        }
    }
    from
});

/// The characters of what is looked for of which the server has to be asked, each with those that it may come from.
pub(super) fn questions(needle: &Needle) -> Vec<Vec<char>> {
    let chars: BTreeSet<char> =
        needle.words().flat_map(|word| word.chars()).filter(|char| !char.is_ascii()).collect();
    let of_char = |char: char| {
        let from = FOLDED_FROM.get(&char).into_iter().flatten().copied();
        std::iter::once(char).chain(from).collect()
    };
    chars.into_iter().filter(|char| !BY_NEIGHBOUR.contains(char)).map(of_char).collect()
}

/// Characters that stand for themselves, as the server folds them.
pub(super) type Certain = BTreeMap<char, String>;

/// What the server answered: for each question the same characters, folded.
pub(super) fn certain(questions: &[Vec<char>], answers: &[Vec<String>]) -> Certain {
    let is_one = |folded: &[String]| folded.windows(2).all(|two| matches!(two, [one, other] if one == other));
    questions
        .iter()
        .zip(answers)
        .filter(|(question, answer)| question.len() == answer.len() && is_one(answer))
        .filter_map(|(question, answer)| Some((*question.first()?, answer.first()?.clone())))
        .collect()
}

/// A pattern for each word that says anything.
pub(super) fn of(needle: &Needle, certain: &Certain) -> Vec<String> {
    needle.words().filter_map(|word| of_word(word, certain)).collect()
}

fn of_word(word: &str, certain: &Certain) -> Option<String> {
    let mut pattern = String::from("%");
    let mut says_something = false;
    for char in word.chars() {
        match char {
            // In tags they are written otherwise.
            '"' | '\\' => pattern.push('%'),
            '%' | '_' => {
                pattern.push('\\');
                pattern.push(char);
            }
            char if char.is_ascii_control() => pattern.push('%'),
            char if char.is_ascii() => pattern.push(char),
            char => pattern.push_str(certain.get(&char).map_or("%", String::as_str)),
        }
        says_something |= !pattern.ends_with('%') || char == '%';
    }
    pattern.push('%');
    says_something.then_some(pattern)
}

/// Whether an index of pieces helps with a pattern.
pub(super) fn has_pieces(pattern: &str) -> bool {
    pattern.split(|c: char| !c.is_alphanumeric()).any(|run| run.chars().count() >= PIECE_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use diesel::pg::PgConnection;
    use diesel::prelude::*;
    use diesel::sql_types::{Array, Text};
    use diesel_migrations::MigrationHarness;

    fn patterns(text: &str) -> Vec<String> {
        let needle = Needle::parse(text).unwrap();
        let questions = questions(&needle);
        // A server that knows of no letters but those of ASCII.
        let answers: Vec<Vec<String>> =
            questions.iter().map(|chars| chars.iter().map(char::to_string).collect()).collect();
        of(&needle, &certain(&questions, &answers))
    }

    #[test]
    fn what_is_not_certain_may_be_anything() {
        assert_eq!(patterns("BACKUP of"), ["%backup%", "%of%"]);
        assert_eq!(patterns("100%_'"), ["%100\\%\\_'%"]);
        assert_eq!(patterns("a\"b\\c"), ["%a%b%c%"]);
        assert_eq!(patterns("mÜller 日本"), ["%m%ller%", "%日本%"]);
        assert_eq!(patterns("ÉÜ \\\"\\"), Vec::<String>::new());
        assert_eq!(patterns("%"), ["%\\%%"]);
    }

    #[test]
    fn pieces_are_three_characters_in_a_row() {
        let have = |text: &str| patterns(text).iter().any(|pattern| has_pieces(pattern));
        assert!(have("abc") && have("a-1bc") && have("日本語") && have("ab cd-efg"));
        assert!(!have("ab") && !have("ab-cd") && !have("été") && !have("日本") && !have("%%%"));
    }

    #[derive(QueryableByName)]
    struct Missed {
        #[diesel(sql_type = Text)]
        text: String,
    }

    /// Whatever letter stands in a text, in any case, the pattern of it as somebody would type it matches.
    #[test]
    fn every_letter_is_found_in_any_case() {
        let database = oneoff_pg_fixture::shared_cluster().unwrap().database().unwrap();
        let mut server = PgConnection::establish(database.url()).unwrap();
        server.run_pending_migrations(crate::migrations::OF_SERVERS).unwrap();
        let conn = &mut crate::connection::AnyConnection::Postgres(server);
        let is_cased = |char: &char| !char.to_lowercase().eq([*char]) || !char.to_uppercase().eq([*char]);
        let (mut texts, mut wanted) = (Vec::new(), Vec::new());
        for char in ('\u{1}'..=char::MAX).filter(is_cased) {
            for text in [format!("x{char}y"), format!("{char} {char}"), format!("a{char}")] {
                for typed in [text.clone(), text.to_lowercase(), text.to_uppercase()] {
                    let Ok(needle) = Needle::parse(&typed) else { continue };
                    if !needle.matches("", &crate::search::text::searchable(&text, None, &[]), "") {
                        continue;
                    }
                    let certain = super::super::server_index::certain(conn, &needle).unwrap();
                    for pattern in of(&needle, &certain) {
                        texts.push(text.clone());
                        wanted.push(pattern);
                    }
                }
            }
        }
        assert!(texts.len() > 10_000, "{}", texts.len());
        let crate::connection::AnyConnection::Postgres(conn) = conn else { unreachable!() };
        let missed = "SELECT text || ' by ' || pattern AS text FROM unnest($1, $2) AS looked (text, pattern)
            WHERE NOT job_search_text(text, NULL, '[]') LIKE pattern";
        let missed: Vec<Missed> = diesel::sql_query(missed)
            .bind::<Array<Text>, _>(&texts)
            .bind::<Array<Text>, _>(&wanted)
            .load(conn)
            .unwrap();
        let missed: Vec<String> = missed.into_iter().map(|missed| missed.text).collect();
        assert_eq!(missed, Vec::<String>::new());
    }
}
