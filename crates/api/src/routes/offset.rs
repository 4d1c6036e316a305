//! Pages by offset, as OneOff v1 has them, over pages by cursor.

use oneoff_domain::limits::PAGE_MAX;
use oneoff_storage::{Page, PageRequest};
use std::future::Future;
use std::time::{Duration, Instant};

/// For how long a page is filled.
const FILL_TIME: Duration = Duration::from_secs(1);

/// The page that begins `offset` rows after the start. The rows before are walked over, a page at a time.
///
/// A page of the store may be short although there are more rows. Who asks by cursor goes on from there; who does not
/// may know limits and offsets only, and gets a page that is filled.
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
    if request.cursor.is_some() {
        return read(request).await;
    }
    let mut cursor = None;
    let mut left = offset;
    while left > 0 {
        let limit = left.min(PAGE_MAX);
        let skipped = read(PageRequest { limit, cursor, with_total: false, ..request.clone() }).await?;
        left -= u32::try_from(skipped.items.len()).unwrap_or(limit).min(left);
        cursor = skipped.next_cursor;
        if cursor.is_none() {
            return beyond_the_end(request, read).await;
        }
    }
    let page = read(PageRequest { cursor, ..request.clone() }).await?;
    filled(page, request, read).await
}

/// With as many rows as were asked for, if there are.
async fn filled<S, T, F, Answer, E>(mut page: Page<T>, request: PageRequest<S>, read: F) -> Result<Page<T>, E>
where
    S: Clone,
    F: Fn(PageRequest<S>) -> Answer,
    Answer: Future<Output = Result<Page<T>, E>>,
{
    let began = Instant::now();
    while !page.is_full && page.next_cursor.is_some() && began.elapsed() < FILL_TIME {
        let found = u32::try_from(page.items.len()).unwrap_or(request.limit);
        let Some(limit) = request.limit.checked_sub(found).filter(|room| *room > 0) else { break };
        let cursor = page.next_cursor.take();
        let more = read(PageRequest { limit, cursor, with_total: false, ..request.clone() }).await?;
        page.items.extend(more.items);
        page =
            Page { items: page.items, total: page.total, total_is_estimate: page.total_is_estimate, ..more };
    }
    Ok(page)
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

#[cfg(test)]
mod tests {
    use super::*;
    use oneoff_storage::SortOrder;
    use std::convert::Infallible;
    use std::future::{Ready, ready};

    const ROWS: u32 = 1_000;
    const LOOKED_THROUGH: u32 = 10;

    /// Of a thousand rows those whose numbers end with 7; each page looks at ten.
    fn sevens(request: PageRequest<()>) -> Ready<Result<Page<u32>, Infallible>> {
        let begin: u32 = request.cursor.map_or(0, |text| text.parse().unwrap());
        let limit = usize::try_from(request.limit).unwrap();
        let items: Vec<u32> =
            (begin..begin + LOOKED_THROUGH).filter(|row| row % 10 == 7).take(limit).collect();
        let end = begin + LOOKED_THROUGH;
        ready(Ok(Page {
            items,
            next_cursor: (end < ROWS).then(|| end.to_string()),
            total: request.with_total.then_some(100),
            total_is_estimate: false,
            is_full: begin >= 500,
        }))
    }

    fn page_of(offset: u32, cursor: Option<&str>) -> Page<u32> {
        let request = PageRequest {
            sort: (),
            order: SortOrder::Ascending,
            limit: 5,
            cursor: cursor.map(str::to_owned),
            with_total: true,
        };
        let system = actix_web::rt::System::new();
        system.block_on(page_at(offset, request, sevens)).unwrap_or_else(|never| match never {})
    }

    #[test]
    fn a_page_of_rare_rows_is_filled_and_goes_on_behind_its_last() {
        let first = page_of(0, None);
        assert_eq!(first.items, [7, 17, 27, 37, 47]);
        assert_eq!((first.next_cursor.as_deref(), first.total), (Some("50"), Some(100)));
        assert_eq!(page_of(3, None).items, [37, 47, 57, 67, 77]);
        assert_eq!(page_of(98, None).items, [987], "one that is full is not filled");
    }

    #[test]
    fn who_asks_by_cursor_gets_what_one_look_finds() {
        assert_eq!(page_of(0, Some("50")).items, [57]);
    }

    #[test]
    fn behind_the_end_there_is_nothing_but_the_total() {
        let beyond = page_of(100, None);
        assert_eq!((beyond.items.len(), beyond.next_cursor, beyond.total), (0, None, Some(100)));
    }
}
