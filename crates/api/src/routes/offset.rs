//! Pages by offset, as OneOff v1 has them, over pages by cursor.

use crate::page_turns::{PageTurn, PageTurns};
use crate::problem::ApiError;
use oneoff_domain::limits::PAGE_MAX;
use oneoff_storage::{PAGE_BYTES, Page, PageRequest};
use std::collections::HashSet;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// For how long a page is filled.
const FILL_TIME: Duration = Duration::from_millis(300);
/// A page whose rows are larger than this together keeps its turn while it is filled: of those that wait for one with
/// what they have so far there may be many.
const WAITING_BYTES: usize = 64 * 1024;

/// The page that begins `offset` rows after the start. The rows before are walked over, a page at a time.
///
/// A page of the store may be short although there are more rows. Who asks by cursor goes on from there; who does not
/// may know limits and offsets only, and gets a page that is filled.
///
/// Each look takes a turn of its own, so that a page that takes many of them keeps nobody else waiting. The walk over
/// the rows before has no limit of time: a page that began elsewhere would be a wrong one.
pub(crate) async fn page_at<S, T, I, E>(
    turns: &PageTurns,
    offset: u32,
    request: PageRequest<S>,
    id: impl Fn(&T) -> I,
    read: impl AsyncFn(PageRequest<S>) -> Result<Page<T>, E>,
) -> Result<Page<T>, ApiError>
where
    S: Clone,
    I: Eq + Hash,
    ApiError: From<E>,
{
    let mut cursor = request.cursor.clone();
    let is_by_cursor = cursor.is_some();
    let mut left = if is_by_cursor { 0 } else { offset };
    while left > 0 {
        let _turn = turns.take().await?;
        let limit = left.min(PAGE_MAX);
        let skipped = read(PageRequest { limit, cursor, with_total: false, ..request.clone() }).await?;
        left -= u32::try_from(skipped.items.len()).unwrap_or(limit).min(left);
        cursor = skipped.next_cursor;
        if cursor.is_none() {
            // No rows, with the total if it is wanted.
            let first = read(PageRequest { limit: 1, ..request }).await?;
            return Ok(Page { items: Vec::new(), next_cursor: None, ..first });
        }
    }
    let turn = turns.take().await?;
    let page = read(PageRequest { cursor, ..request.clone() }).await?;
    if is_by_cursor {
        return Ok(page);
    }
    let filling = Filling { ids: page.items.iter().map(&id).collect(), id, page, request };
    filling.filled(turns, turn, read).await
}

/// A page that gets as many rows as were asked for, if there are, and if they are not too large.
struct Filling<S, T, I, F> {
    page: Page<T>,
    ids: HashSet<I>,
    id: F,
    request: PageRequest<S>,
}

impl<S: Clone, T, I: Eq + Hash, F: Fn(&T) -> I> Filling<S, T, I, F> {
    async fn filled<E>(
        mut self,
        turns: &PageTurns,
        turn: PageTurn<'_>,
        read: impl AsyncFn(PageRequest<S>) -> Result<Page<T>, E>,
    ) -> Result<Page<T>, ApiError>
    where
        ApiError: From<E>,
    {
        let began = Instant::now();
        let mut turn = Some(turn);
        while let Some(limit) = self.room().filter(|_| self.page.next_cursor.is_some()) {
            if self.page.bytes < WAITING_BYTES {
                turn = None;
            }
            let Some(time) = FILL_TIME.checked_sub(began.elapsed()) else { break };
            if turn.is_none() {
                turn = turns.take_within(time).await;
            }
            if turn.is_none() {
                break;
            }
            let cursor = self.page.next_cursor.take();
            self.add(read(PageRequest { limit, cursor, with_total: false, ..self.request.clone() }).await?);
        }
        Ok(self.page)
    }

    /// How many rows there is room for: of large ones as many as there are bytes for, if they are like those before.
    fn room(&self) -> Option<u32> {
        let Page { items, bytes, .. } = &self.page;
        let left = PAGE_BYTES.checked_sub(*bytes).filter(|left| *left > 0)?;
        let each = (bytes / items.len().max(1)).max(1);
        let found = u32::try_from(items.len()).ok()?;
        let rows = self.request.limit.checked_sub(found).filter(|rows| *rows > 0)?;
        Some(u32::try_from(left / each).map_or(rows, |fitting| rows.min(fitting.max(1))))
    }

    /// A row that moved behind the cursor between two looks is in both: it stays where it was first.
    fn add(&mut self, more: Page<T>) {
        let (ids, id) = (&mut self.ids, &self.id);
        self.page.items.extend(more.items.into_iter().filter(|row| ids.insert(id(row))));
        self.page.bytes += more.bytes;
        self.page.next_cursor = more.next_cursor;
    }
}

#[cfg(test)]
#[path = "offset_tests.rs"]
mod tests;
