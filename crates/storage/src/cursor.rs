//! Cursors of lists: where a page ended, as opaque text.

use crate::Refusal;
use oneoff_domain::{FieldError, ValidationErrors};

/// A place in a list: the sort value of the last row, if the list is sorted by one, and its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// What the list is sorted by; `None` among the rows that have no such value.
    pub(crate) at: Option<i64>,
    /// The key.
    pub(crate) key: i64,
}

/// Writes a place in the list that `sort` names.
pub(crate) fn encode(sort: char, position: Position) -> String {
    match position.at {
        Some(at) => format!("{sort}{at:016x}{:016x}", position.key),
        None => format!("{sort}{:016x}", position.key),
    }
}

/// Reads what [`encode`] wrote for the same list.
pub(crate) fn decode(sort: char, text: &str) -> Result<Position, Refusal> {
    read(sort, text).ok_or_else(|| {
        let error = FieldError::new("cursor", "is not a cursor of this list")
            .with_hint("pass the `next_cursor` of the page before unchanged, with the same sorting");
        Refusal::Invalid(ValidationErrors::one(error))
    })
}

fn read(sort: char, text: &str) -> Option<Position> {
    let digits = text.strip_prefix(sort)?;
    if !digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let number = |digits: &str| u64::from_str_radix(digits, 16).ok().map(u64::cast_signed);
    match digits.len() {
        16 => Some(Position { at: None, key: number(digits)? }),
        32 => {
            let (at, key) = digits.split_at(16);
            Some(Position { at: Some(number(at)?), key: number(key)? })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_is_read_as_it_was_written(at: Option<i64>, key: i64) {
            let position = Position { at, key };
            prop_assert_eq!(decode('s', &encode('s', position)), Ok(position));
            prop_assert!(decode('c', &encode('s', position)).is_err(), "a cursor of another list");
        }

        #[test]
        fn no_text_breaks_the_reader(text in ".{0,80}") {
            drop(decode('s', &text));
        }
    }

    #[test]
    fn a_bad_cursor_is_an_error_of_the_field() {
        for text in ["", "s", "s12", "s000000000000000g", "s+00000000000000f", "snull"] {
            let Err(Refusal::Invalid(errors)) = decode('s', text) else { panic!("{text} was accepted") };
            assert_eq!(errors.0[0].pointer, "cursor");
        }
    }
}
