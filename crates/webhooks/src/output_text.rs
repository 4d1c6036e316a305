//! Output of an execution as the text that goes into a payload: its two ends, where it is long.

use oneoff_storage::OutputSlice;
use oneoff_storage::webhooks::OutputEnds;

/// Bytes of output in a payload: of more, the first and the last half of this.
pub(crate) const OUTPUT_MAX_BYTES: usize = 16 * 1024;

/// The output as text, with a line that says what is left out.
pub(crate) fn output_text(ends: &OutputEnds, total_bytes: i64) -> String {
    let head = text(&ends.head);
    if ends.tail.is_empty() {
        return head;
    }
    let kept: usize = ends.head.iter().chain(&ends.tail).map(|slice| slice.bytes.len()).sum();
    let left_out = total_bytes.saturating_sub(i64::try_from(kept).unwrap_or(i64::MAX)).max(0);
    format!("{head}\n[{left_out} bytes are left out here]\n{}", text(&ends.tail))
}

fn text(slices: &[OutputSlice]) -> String {
    let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.bytes.iter().copied()).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use oneoff_domain::{OutputStream, Timestamp};

    fn slice(text: &'static [u8]) -> OutputSlice {
        let bytes = text.to_vec().into();
        OutputSlice { stream: OutputStream::Stdout, offset: 0, at: Timestamp::EPOCH, bytes }
    }

    #[test]
    fn what_is_left_out_is_said() {
        let whole = OutputEnds { head: vec![slice(b"a"), slice(b"b\xff")], tail: Vec::new() };
        assert_eq!(output_text(&whole, 3), "ab\u{fffd}");
        let long = OutputEnds { head: vec![slice(b"first")], tail: vec![slice(b"last")] };
        assert_eq!(output_text(&long, 1009), "first\n[1000 bytes are left out here]\nlast");
        assert_eq!(output_text(&OutputEnds::default(), 0), "");
    }
}
