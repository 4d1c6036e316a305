//! The zone behind a time: by name, in parentheses, or as RFC 9557 writes it, with tags in brackets.

use super::cursor::{Cursor, Word};
use super::error::quoted;
use super::expression::Meaning;
use super::instant::{self, OffsetClaim};
use super::zone::{self, Zone};
use super::{TimeError, day};

/// Reads `Europe/Madrid`, `(Europe/Madrid)`, `[Europe/Madrid]` with further tags in brackets, or nothing.
///
/// An offset in brackets becomes what the meaning says about the offset.
pub(super) fn parse(cursor: &mut Cursor<'_>, meaning: &mut Meaning) -> Result<Option<Zone>, TimeError> {
    let mut ahead = *cursor;
    let Some(word) = ahead.take_word() else { return Ok(None) };
    if word.text.starts_with('[') {
        return brackets(cursor, meaning, word);
    }
    if let Some(rest) = word.text.strip_prefix('(') {
        let name = rest.strip_suffix(')').ok_or_else(|| malformed(word))?;
        let zone = named(name, has_claim(meaning)).map_err(|error| error.span(word.span()))?;
        *cursor = ahead;
        return Ok(Some(zone));
    }
    let is_path = matches!(meaning, Meaning::Wall(_)) && word.text.contains('/');
    match Zone::find(word.text) {
        Some(zone) if zone.is_exact() => {
            *cursor = ahead;
            Ok(Some(zone))
        }
        Some(_) => Err(zone::inexact(word.text).span(word.span())),
        None if is_path && day::numeric_date(word.text).is_none() => {
            Err(zone::unknown(word.text).span(word.span()))
        }
        None => Ok(None),
    }
}

/// RFC 9557: a zone first, if any, and then tags such as `[u-ca=gregory]`.
fn brackets(
    cursor: &mut Cursor<'_>,
    meaning: &mut Meaning,
    word: Word<'_>,
) -> Result<Option<Zone>, TimeError> {
    cursor.skip_space();
    let mut zone = None;
    let mut is_first = true;
    while cursor.eat('[') {
        let start = cursor.position() - 1;
        let is_critical = cursor.eat('!');
        let content = cursor.take_while(|c| !c.is_whitespace() && !matches!(c, '[' | ']'));
        if content.is_empty() || !cursor.eat(']') {
            return Err(malformed(word));
        }
        let read = match content.contains('=') {
            true => tag(content, is_critical),
            false if !is_first => Err(late_zone(content)),
            false if content.starts_with(['+', '-']) => offset_zone(content, meaning),
            false => named(content, has_claim(meaning)).map(|found| zone = Some(found)),
        };
        read.map_err(|error| error.span(cursor.span_from(start)))?;
        is_first = false;
    }
    if cursor.at_boundary() { Ok(zone) } else { Err(malformed(word)) }
}

/// A zone by name. One that is also an abbreviation must have an offset or abbreviation beside it that agrees.
fn named(name: &str, is_claimed: bool) -> Result<Zone, TimeError> {
    match Zone::find(name) {
        Some(zone) if is_claimed || zone.is_exact() => Ok(zone),
        Some(_) => Err(zone::inexact(name)),
        None => Err(zone::unknown(name)),
    }
}

fn has_claim(meaning: &Meaning) -> bool {
    matches!(meaning, Meaning::Wall(wall) if wall.claim.is_some())
}

/// A tag that may be ignored is; one that must be heeded (`!`) is refused unless it changes nothing here.
fn tag(tag: &str, is_critical: bool) -> Result<(), TimeError> {
    let is_ours = matches!(tag.to_ascii_lowercase().as_str(), "u-ca=iso8601" | "u-ca=gregory");
    if !is_critical || is_ours {
        return Ok(());
    }
    let message = format!("the tag {} must be heeded, and it is not known here", quoted(&format!("!{tag}")));
    Err(TimeError::new(message).hint("leave it out, or its `!` if it may be ignored"))
}

fn late_zone(content: &str) -> TimeError {
    TimeError::new(format!("{} stands behind other brackets", quoted(content)))
        .hint("give one time zone, before all tags")
}

/// `[+01:00]`: the offset that is meant, which must agree with one that stands before it.
fn offset_zone(content: &str, meaning: &mut Meaning) -> Result<(), TimeError> {
    let Meaning::Wall(wall) = meaning else {
        return Err(TimeError::new(format!("{} is an offset, not a time zone", quoted(content)))
            .hint("write a time zone such as `[Europe/Madrid]`"));
    };
    let mut inside = Cursor::new(content);
    let offset = instant::offset(&mut inside)?;
    match (&wall.claim, offset) {
        (Some(OffsetClaim::Zulu), Some(_)) => Ok(()),
        (None, offset) => {
            wall.claim = offset;
            Ok(())
        }
        (claim, offset) if *claim == offset => Ok(()),
        _ => Err(TimeError::new("the two offsets contradict each other").hint("write one of them")),
    }
}

fn malformed(word: Word<'_>) -> TimeError {
    TimeError::new(format!("{} is not a time zone in brackets", quoted(word.text)))
        .hint("write `[Europe/Madrid]`")
        .span(word.span())
}
