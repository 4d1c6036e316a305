//! Output of executions: chunks that are addressed by their byte offset in the original stream.

use crate::Refusal;
use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::rows::{attempt, instant, word};
use crate::schema::{attempts, output_chunks};
use crate::statement;
use crate::writer::tx::Tx;
use bytes::Bytes;
use diesel::prelude::*;
use oneoff_domain::{ExecutionId, ExecutionStatus, OutputStream, Timestamp};

/// A piece of output to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOutputChunk {
    /// Where it came from.
    pub stream: OutputStream,
    /// The offset of its first byte among all that the execution wrote, over both streams.
    pub offset: i64,
    /// When it was written.
    pub at: Timestamp,
    /// The bytes.
    pub bytes: Bytes,
}

/// A stored piece, or the part of it that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputSlice {
    /// Where it came from.
    pub stream: OutputStream,
    /// The offset of its first byte.
    pub offset: i64,
    /// When it was written.
    pub at: Timestamp,
    /// The bytes.
    pub bytes: Bytes,
}

/// A part of an execution's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputPage {
    /// Consecutive pieces; where the offset jumps, what lay between was not kept.
    pub slices: Vec<OutputSlice>,
    /// Where to go on reading.
    pub next_offset: i64,
    /// Bytes of output so far, kept or not.
    pub total_bytes: i64,
    /// Whether everything there will ever be has been returned: the execution is over and this is its end.
    pub complete: bool,
}

/// Chunks that are read at a time while a page is filled.
const CHUNKS_AT_A_TIME: i64 = 16;

statement::statement!(
    InsertChunk,
    "INSERT INTO output_chunks (execution_key, start_offset, stream, written_at, bytes) VALUES (?, ?, ?, ?, ?) \
     ON CONFLICT DO NOTHING"
);

/// Stores chunks. One that is stored already is left as it is, so that an append may be repeated.
pub(crate) fn insert_chunks(
    tx: &mut Tx<'_>,
    execution_key: i64,
    chunks: &[NewOutputChunk],
) -> Result<(), WriteError> {
    let mut added_bytes = 0;
    for chunk in chunks.iter().filter(|chunk| !chunk.bytes.is_empty()) {
        let values = [
            execution_key.into(),
            chunk.offset.into(),
            chunk.stream.as_str().into(),
            chunk.at.as_micros().into(),
            chunk.bytes.as_ref().into(),
        ];
        // Not gathered with those of others: it has to be known whether it was there, or it would be counted twice.
        let inserted = statement::run::<InsertChunk>(tx.conn, &values)?;
        if inserted > 0 {
            added_bytes += i64::try_from(chunk.bytes.len()).unwrap_or(0);
        }
    }
    tx.effects.output_bytes += added_bytes;
    Ok(())
}

statement::statement!(AddToTotal, "UPDATE output_totals SET bytes = bytes + ? WHERE key = 1");

/// Adds to the bytes that are kept in all, in a file.
pub(crate) fn add_to_total(conn: &mut AnyConnection, bytes: i64) -> QueryResult<()> {
    if bytes != 0 {
        statement::run::<AddToTotal>(conn, &[bytes.into()])?;
    }
    Ok(())
}

/// Appends output of an attempt that runs.
pub(crate) fn append(
    tx: &mut Tx<'_>,
    execution: ExecutionId,
    chunks: &[NewOutputChunk],
    output_bytes: i64,
) -> Result<(), WriteError> {
    let running: Option<i64> = attempts::table
        .filter(attempts::id.eq(execution.to_string()))
        .filter(attempts::status.eq(ExecutionStatus::Running.as_str()))
        .select(attempts::key)
        .get_result(tx.conn)
        .optional()?;
    let Some(key) = running else {
        return Err(Refusal::NotFound { kind: "running execution", id: execution.to_string() }.into());
    };
    insert_chunks(tx, key, chunks)?;
    attempt::set_output_bytes(tx.conn, key, output_bytes)?;
    tx.effects.operations.add("output");
    Ok(())
}

type ChunkRow = (i64, String, i64, Vec<u8>);

/// Output of an execution from `offset` on; `None` if there is no such execution.
pub(crate) fn read(
    conn: &mut AnyConnection,
    execution: ExecutionId,
    offset: i64,
    limit_bytes: usize,
) -> Result<Option<OutputPage>, WriteError> {
    let found: Option<(i64, String, i64)> = attempts::table
        .filter(attempts::id.eq(execution.to_string()))
        .select((attempts::key, attempts::status, attempts::output_bytes))
        .get_result(conn)
        .optional()?;
    let Some((key, status, stored_bytes)) = found else { return Ok(None) };
    let mut page = PageInProgress { slices: Vec::new(), next: offset.max(0), room: limit_bytes };
    let mut from = first_chunk(conn, key, page.next)?;
    let reached_end = loop {
        let chunks: Vec<ChunkRow> = output_chunks::table
            .filter(output_chunks::execution_key.eq(key).and(output_chunks::start_offset.ge(from)))
            .order(output_chunks::start_offset)
            .limit(CHUNKS_AT_A_TIME)
            .select((
                output_chunks::start_offset,
                output_chunks::stream,
                output_chunks::written_at,
                output_chunks::bytes,
            ))
            .load(conn)?;
        let Some(last) = chunks.last().map(|chunk| chunk.0) else { break true };
        let mut all_taken = true;
        for chunk in chunks {
            all_taken = page.take(chunk)?;
            if !all_taken {
                break;
            }
        }
        if !all_taken {
            break false;
        }
        from = last + 1;
    };
    let over = status != ExecutionStatus::Running.as_str();
    let complete = over && reached_end;
    let total_bytes = stored_bytes.max(page.next.min(page.end()));
    let next_offset = if complete { page.next.max(total_bytes) } else { page.next };
    Ok(Some(OutputPage { slices: page.slices, next_offset, total_bytes, complete }))
}

/// Where the chunk begins that holds `offset`, or `offset` itself.
fn first_chunk(conn: &mut AnyConnection, key: i64, offset: i64) -> QueryResult<i64> {
    let before: Option<i64> = output_chunks::table
        .filter(output_chunks::execution_key.eq(key).and(output_chunks::start_offset.le(offset)))
        .order(output_chunks::start_offset.desc())
        .select(output_chunks::start_offset)
        .get_result(conn)
        .optional()?;
    Ok(before.unwrap_or(offset))
}

struct PageInProgress {
    slices: Vec<OutputSlice>,
    next: i64,
    room: usize,
}

impl PageInProgress {
    /// The end of the last piece; 0 if there is none.
    fn end(&self) -> i64 {
        if self.slices.is_empty() { 0 } else { self.next }
    }

    /// Takes what of a chunk lies at or after `next` and has room; `false` if some of it was left.
    fn take(&mut self, (start, stream, written_at, bytes): ChunkRow) -> Result<bool, WriteError> {
        let skipped = usize::try_from(self.next - start).unwrap_or(0);
        let mut bytes = Bytes::from(bytes);
        if skipped >= bytes.len() {
            return Ok(true);
        }
        let wanted = bytes.split_off(skipped);
        let taken = wanted.slice(..wanted.len().min(self.room));
        if !taken.is_empty() {
            let offset = start.max(self.next);
            self.room -= taken.len();
            self.next = offset.saturating_add(i64::try_from(taken.len()).unwrap_or(i64::MAX));
            let stream = word("output_chunks.stream", &stream)?;
            self.slices.push(OutputSlice { stream, offset, at: instant(written_at), bytes: taken.clone() });
        }
        Ok(taken.len() == wanted.len())
    }
}
