//! What the job of a link is told of the link before it.

use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::rows::chain_execution as rows;
use crate::schema::{attempts, output_chunks};
use diesel::prelude::*;
use oneoff_domain::{
    ChainExecutionId, ExecutionId, LinkExecution, LinkStatus, Origin, OriginKind, OutputStream, PreviousLink,
};

/// Chunks of output that are read at a time.
const CHUNKS_AT_A_TIME: i64 = 4;

/// The last link before this one that was not skipped.
pub(super) fn previous(
    conn: &mut AnyConnection,
    origin: &Origin,
    max_bytes: usize,
) -> Result<Option<PreviousLink>, WriteError> {
    let Origin { kind: OriginKind::Chain, id, index } = origin;
    let Ok(id) = id.parse::<ChainExecutionId>() else { return Ok(None) };
    let Some(chain) = rows::by_id(conn, id)? else { return Ok(None) };
    let is_before = |link: &&LinkExecution| link.index < *index && link.status != LinkStatus::Skipped;
    let Some(link) = chain.links.iter().rfind(is_before) else { return Ok(None) };
    let (output, output_truncated) = match link.execution_id {
        Some(execution) => tail(conn, execution, max_bytes)?,
        None => (String::new(), false),
    };
    Ok(Some(PreviousLink {
        status: link.status,
        job_id: link.job_id,
        execution_id: link.execution_id,
        exit_code: link.exit_code,
        output,
        output_truncated,
    }))
}

/// The end of what an execution wrote to standard output, and whether there was more before it.
fn tail(
    conn: &mut AnyConnection,
    execution: ExecutionId,
    max_bytes: usize,
) -> Result<(String, bool), WriteError> {
    let row = attempts::table.filter(attempts::id.eq(execution.to_string()));
    let row = row.select((attempts::key, attempts::output_truncated)).get_result(conn);
    let found: Option<(i64, bool)> = row.optional()?;
    let Some((key, has_gap)) = found else { return Ok((String::new(), false)) };
    // One byte more tells whether there is more.
    let (mut pieces, mut bytes, mut before) = (Vec::new(), 0, i64::MAX);
    while bytes <= max_bytes {
        let chunks: Vec<(i64, Vec<u8>)> = output_chunks::table
            .filter(output_chunks::execution_key.eq(key))
            .filter(output_chunks::start_offset.lt(before))
            .filter(output_chunks::stream.eq(OutputStream::Stdout.as_str()))
            .order(output_chunks::start_offset.desc())
            .limit(CHUNKS_AT_A_TIME)
            .select((output_chunks::start_offset, output_chunks::bytes))
            .load(conn)?;
        let Some((first, _)) = chunks.last() else { break };
        before = *first;
        for (_, mut chunk) in chunks {
            if pieces.is_empty() {
                chunk.truncate(without_line_breaks(&chunk).len());
            }
            if !chunk.is_empty() {
                bytes += chunk.len();
                pieces.push(chunk);
            }
        }
    }
    pieces.reverse();
    let whole = pieces.concat();
    let (text, is_cut) = last_part(&whole, max_bytes);
    Ok((text, is_cut || has_gap))
}

/// What is before the last line breaks.
fn without_line_breaks(mut bytes: &[u8]) -> &[u8] {
    while let [before @ .., b'\n' | b'\r'] = bytes {
        bytes = before;
    }
    bytes
}

/// The end of a text without its last line breaks, as text without NUL, and whether something is missing before it.
fn last_part(bytes: &[u8], max_bytes: usize) -> (String, bool) {
    let text = String::from_utf8_lossy(without_line_breaks(bytes)).replace('\0', "\u{FFFD}");
    let mut start = text.len().saturating_sub(max_bytes);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    (text.get(start..).unwrap_or_default().to_owned(), start > 0)
}

#[cfg(test)]
mod tests {
    use super::last_part;

    #[test]
    fn the_end_is_kept_and_its_line_breaks_are_not() {
        for (bytes, max, text, is_cut) in [
            (&b"abc\n"[..], 3, "abc", false),
            (b"abc\r\n\n", 2, "bc", true),
            (b"", 4, "", false),
            (b"\n\n", 4, "", false),
            (b"a\0b", 9, "a\u{FFFD}b", false),
            ("aü".as_bytes(), 2, "ü", true),
            ("aü".as_bytes(), 1, "", true),
            (b"x\xffy", 9, "x\u{FFFD}y", false),
            (b"\n", 0, "", false),
        ] {
            assert_eq!(last_part(bytes, max), (text.to_owned(), is_cut), "{bytes:?}");
        }
    }
}
