//! Output on the wire: as pieces, and as one text.

use crate::view::text::{lossy, whole_characters};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oneoff_api_types::{OutputChunkView, OutputView};
use oneoff_storage::{OutputPage, OutputSlice};

/// A page of output. The start of a character at its end is left for the next page, unless it is the end
/// of everything or all that there is.
pub(crate) fn page(page: OutputPage) -> OutputView {
    let (mut pieces, left_over) = whole_characters(page.slices);
    let mut next_offset = page.next_offset;
    if let Some(offset) = left_over.filter(|_| !page.complete && pieces.len() > 1) {
        pieces.pop();
        next_offset = offset;
    }
    let chunks = pieces.into_iter().map(|piece| OutputChunkView {
        stream: piece.stream.to_string(),
        offset: piece.offset,
        at: piece.at.to_string(),
        base64: std::str::from_utf8(&piece.bytes).is_err().then(|| STANDARD.encode(&piece.bytes)),
        text: lossy(piece.bytes),
    });
    OutputView {
        chunks: chunks.collect(),
        next_offset,
        total_bytes: page.total_bytes,
        complete: page.complete,
    }
}

/// Slices as one text. Where their offsets jump, a line says how much is not here.
pub(crate) fn text(slices: Vec<OutputSlice>) -> String {
    let mut text = String::new();
    let mut expected = 0;
    for piece in whole_characters(slices).0 {
        if piece.offset > expected {
            text.push_str(&format!("\n[... {} bytes are not shown ...]\n", piece.offset - expected));
        }
        expected = piece.offset + i64::try_from(piece.bytes.len()).unwrap_or(i64::MAX);
        text.push_str(&lossy(piece.bytes));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use oneoff_domain::{OutputStream, Timestamp};

    fn slice(offset: i64, bytes: &'static [u8]) -> OutputSlice {
        OutputSlice {
            stream: OutputStream::Stdout,
            offset,
            at: Timestamp::EPOCH,
            bytes: Bytes::from_static(bytes),
        }
    }

    #[test]
    fn a_page_ends_before_a_character_that_is_not_complete() {
        let part = |complete| OutputPage {
            slices: vec![slice(0, b"ab\xc3")],
            next_offset: 3,
            total_bytes: 3,
            complete,
        };
        let running = page(part(false));
        assert_eq!((running.chunks.len(), running.next_offset), (1, 2));
        assert_eq!(running.chunks[0].text, "ab");
        let over = page(part(true));
        assert_eq!((over.chunks.len(), over.next_offset), (2, 3));
    }

    #[test]
    fn a_page_of_nothing_but_half_a_character_still_moves_on() {
        let half =
            OutputPage { slices: vec![slice(0, b"\xc3")], next_offset: 1, total_bytes: 1, complete: false };
        let half = page(half);
        assert_eq!((half.chunks.len(), half.next_offset), (1, 1));
    }

    #[test]
    fn bytes_that_are_not_text_are_given_exactly_and_only_they() {
        let both = OutputPage {
            slices: vec![slice(0, b"a\xffb"), slice(3, "\u{e4}".as_bytes())],
            next_offset: 5,
            total_bytes: 5,
            complete: true,
        };
        let both = page(both);
        assert_eq!(both.chunks[0].text, "a\u{fffd}b");
        assert_eq!(both.chunks[0].base64.as_deref(), Some("Yf9i"));
        assert_eq!((both.chunks[1].text.as_str(), &both.chunks[1].base64), ("\u{e4}", &None));
    }

    #[test]
    fn gaps_are_told_in_the_text() {
        assert_eq!(text(vec![slice(0, b"ab"), slice(2, b"cd")]), "abcd");
        assert_eq!(text(vec![slice(0, b"ab"), slice(12, b"yz")]), "ab\n[... 10 bytes are not shown ...]\nyz");
        assert_eq!(text(Vec::new()), "");
    }
}
