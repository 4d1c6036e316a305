//! Pages by offset, as OneOff v1 has them, over pages by cursor.

use oneoff_domain::limits::PAGE_MAX;
use oneoff_storage::{Page, PageRequest};
use std::future::Future;

/// The page that begins `offset` rows after the start. The rows before are walked over, a page at a time.
pub(crate) async fn page_at<S, T, F, Answer, E>(
    offset: u32,
    request: PageRequest<S>,
    read: F,
) -> Result<Page<T>, E>
where
    S: Clone,
    F: Fn(PageRequest<S>) -> Answer,
    Answer: Future<Output = Result<Page<T>, E>>,
{
    let mut cursor = request.cursor.clone();
    let mut left = offset;
    while left > 0 {
        let limit = left.min(PAGE_MAX);
        let skipped = read(PageRequest { limit, cursor, with_total: false, ..request.clone() }).await?;
        // A page may be short although there are more rows.
        left -= u32::try_from(skipped.items.len()).unwrap_or(limit).min(left);
        cursor = skipped.next_cursor;
        if cursor.is_none() {
            return beyond_the_end(request, read).await;
        }
    }
    read(PageRequest { cursor, ..request }).await
}

/// No rows, with the total if it is wanted.
async fn beyond_the_end<S, T, F, Answer, E>(request: PageRequest<S>, read: F) -> Result<Page<T>, E>
where
    F: Fn(PageRequest<S>) -> Answer,
    Answer: Future<Output = Result<Page<T>, E>>,
{
    let first = read(PageRequest { limit: 1, ..request }).await?;
    Ok(Page { items: Vec::new(), next_cursor: None, ..first })
}
