//! Reading an expression character by character, with the place of everything that was read.

/// A stretch of the expression without white space.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    start: usize,
}

impl<'a> Word<'a> {
    /// Where it begins and ends, in bytes.
    pub(super) fn span(&self) -> (usize, usize) {
        (self.start, self.start + self.text.len())
    }

    /// The word without a comma at its end, in lower case.
    pub(super) fn lower(&self) -> String {
        self.text.strip_suffix(',').unwrap_or(self.text).to_lowercase()
    }
}

/// A place in the expression. Copied to look ahead.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Whether a word ends here.
    pub(super) fn at_boundary(&self) -> bool {
        self.peek().is_none_or(char::is_whitespace)
    }

    pub(super) fn skip_space(&mut self) {
        self.take_while(char::is_whitespace);
    }

    /// Reads as long as `wanted` holds.
    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.position += end;
        rest.get(..end).unwrap_or_default()
    }

    /// ASCII digits; possibly none.
    pub(super) fn digits(&mut self) -> &'a str {
        self.take_while(|c| c.is_ascii_digit())
    }

    /// Letters of any script; possibly none.
    pub(super) fn letters(&mut self) -> &'a str {
        self.take_while(char::is_alphabetic)
    }

    /// Reads `wanted` (ASCII, in upper or lower case) if it comes next.
    pub(super) fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek().filter(|c| c.eq_ignore_ascii_case(&wanted));
        self.position += found.map_or(0, char::len_utf8);
        found.is_some()
    }

    /// The word that begins at the next character that is no space.
    pub(super) fn peek_word(&self) -> Option<Word<'a>> {
        let mut ahead = *self;
        ahead.take_word()
    }

    /// Reads the next word.
    pub(super) fn take_word(&mut self) -> Option<Word<'a>> {
        self.skip_space();
        let start = self.position;
        let text = self.take_while(|c| !c.is_whitespace());
        (!text.is_empty()).then_some(Word { text, start })
    }

    /// Reads the next word if it is this one, with or without a comma behind it.
    pub(super) fn take_if(&mut self, wanted: &str) -> bool {
        let mut ahead = *self;
        let found = ahead.take_word().is_some_and(|word| word.lower() == wanted);
        if found {
            *self = ahead;
        }
        found
    }

    /// From `start` to here.
    pub(super) fn span_from(&self, start: usize) -> (usize, usize) {
        (start, self.position)
    }

    /// What was read since `start`.
    pub(super) fn text_from(&self, start: usize) -> &'a str {
        self.text.get(start..self.position).unwrap_or_default().trim()
    }
}
