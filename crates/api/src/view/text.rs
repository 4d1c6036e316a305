//! Bytes of output as text: a character whose bytes lie in two pieces is put together again.

use oneoff_domain::{OutputStream, Timestamp};
use oneoff_storage::OutputSlice;

/// A piece of output as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextPiece {
    pub(crate) stream: OutputStream,
    pub(crate) offset: i64,
    pub(crate) at: Timestamp,
    pub(crate) bytes: Vec<u8>,
}

/// The pieces with every character whole, as far as its bytes are here, and the offset of the first byte
/// that is left over: the start of a character at the very end, which the next page completes.
///
/// Bytes move only into the piece that follows at once and is of the same stream.
pub(crate) fn whole_characters(slices: Vec<OutputSlice>) -> (Vec<TextPiece>, Option<i64>) {
    let mut pieces: Vec<TextPiece> = Vec::with_capacity(slices.len());
    let mut carried: Option<TextPiece> = None;
    for slice in slices {
        let mut piece = TextPiece {
            stream: slice.stream,
            offset: slice.offset,
            at: slice.at,
            bytes: slice.bytes.to_vec(),
        };
        match carried.take() {
            Some(start) if follows(&start, &piece) => {
                piece.offset = start.offset;
                piece.bytes.splice(..0, start.bytes);
            }
            Some(start) => pieces.push(start),
            None => {}
        }
        carried = split_off_incomplete(&mut piece);
        if !piece.bytes.is_empty() {
            pieces.push(piece);
        }
    }
    let left_over = carried.as_ref().map(|start| start.offset);
    pieces.extend(carried);
    (pieces, left_over)
}

/// Bytes as text; those that are not UTF-8 are replaced.
pub(crate) fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn follows(start: &TextPiece, piece: &TextPiece) -> bool {
    start.stream == piece.stream && start.offset + length(&start.bytes) == piece.offset
}

fn split_off_incomplete(piece: &mut TextPiece) -> Option<TextPiece> {
    let whole = piece.bytes.len() - incomplete_tail(&piece.bytes);
    let tail = piece.bytes.split_off(whole);
    let offset = piece.offset + length(&piece.bytes);
    (!tail.is_empty()).then_some(TextPiece { stream: piece.stream, offset, at: piece.at, bytes: tail })
}

/// How many bytes at the end begin a character that is not complete (RFC 3629 section 3).
fn incomplete_tail(bytes: &[u8]) -> usize {
    for (back, byte) in bytes.iter().rev().take(3).enumerate() {
        let needed = match byte {
            0x80..=0xBF => continue,
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            _ => return 0,
        };
        return if needed > back + 1 { back + 1 } else { 0 };
    }
    0
}

fn length(bytes: &[u8]) -> i64 {
    i64::try_from(bytes.len()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn slice(stream: OutputStream, offset: i64, bytes: &[u8]) -> OutputSlice {
        OutputSlice { stream, offset, at: Timestamp::EPOCH, bytes: Bytes::copy_from_slice(bytes) }
    }

    fn texts(slices: Vec<OutputSlice>) -> (Vec<(i64, String)>, Option<i64>) {
        let (pieces, left_over) = whole_characters(slices);
        (pieces.into_iter().map(|piece| (piece.offset, lossy(piece.bytes))).collect(), left_over)
    }

    #[test]
    fn a_character_cut_between_pieces_is_whole_again() {
        let euro = "€".as_bytes();
        let pieces = vec![
            slice(OutputStream::Stdout, 0, &[b"a", &euro[..1]].concat()),
            slice(OutputStream::Stdout, 2, &euro[1..2]),
            slice(OutputStream::Stdout, 3, &[&euro[2..], b"b"].concat()),
        ];
        assert_eq!(texts(pieces), (vec![(0, "a".to_owned()), (1, "€b".to_owned())], None));
    }

    #[test]
    fn other_streams_and_gaps_do_not_complete_a_character() {
        let pieces = vec![
            slice(OutputStream::Stdout, 0, b"a\xe2"),
            slice(OutputStream::Stderr, 2, b"\x82\xac"),
            slice(OutputStream::Stdout, 90, b"z"),
        ];
        let (texts, left_over) = texts(pieces);
        assert_eq!(texts.len(), 4);
        assert!(texts.iter().all(|(_, text)| !text.contains('€')));
        assert_eq!(left_over, None);
    }

    #[test]
    fn the_start_of_a_character_at_the_end_is_left_over() {
        let (texts, left_over) = texts(vec![slice(OutputStream::Stdout, 5, b"ab\xf0\x9f\x98")]);
        assert_eq!(left_over, Some(7));
        assert_eq!(texts.len(), 2);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced_and_nothing_waits_for_them() {
        let (texts, left_over) = texts(vec![slice(OutputStream::Stdout, 0, b"\xff\x80\x80")]);
        assert_eq!((texts, left_over), (vec![(0, "\u{fffd}\u{fffd}\u{fffd}".to_owned())], None));
        assert_eq!(incomplete_tail(b""), 0);
        assert_eq!(incomplete_tail("ü".as_bytes()), 0);
        assert_eq!(incomplete_tail(b"\xc3"), 1);
    }
}
