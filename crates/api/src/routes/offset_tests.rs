//! Pages by offset: what fills them, what ends them, and that they keep nobody else waiting.

use super::*;
use oneoff_storage::SortOrder;
use std::cell::Cell;
use tokio::task::yield_now;

const ROWS: u32 = 1_000;
const LOOKED_THROUGH: u32 = 10;
const MIB: usize = 1024 * 1024;

type Looked = Result<Page<u32>, ApiError>;

fn request(limit: u32, cursor: Option<&str>) -> PageRequest<()> {
    PageRequest {
        sort: (),
        order: SortOrder::Ascending,
        limit,
        cursor: cursor.map(str::to_owned),
        with_total: true,
    }
}

fn begin_of(request: &PageRequest<()>) -> u32 {
    request.cursor.as_ref().map_or(0, |text| text.parse().unwrap())
}

fn looked(items: Vec<u32>, next: Option<u32>, bytes: usize) -> Page<u32> {
    let next_cursor = next.map(|next| next.to_string());
    Page { items, next_cursor, total: None, total_is_estimate: false, bytes }
}

/// Of a thousand rows those whose numbers end with 7; each page looks at ten. From 500 on they are large.
async fn sevens(request: PageRequest<()>) -> Looked {
    let begin = begin_of(&request);
    let end = begin + LOOKED_THROUGH;
    let limit = usize::try_from(request.limit).unwrap();
    let items = (begin..end).filter(|row| row % 10 == 7).take(limit).collect();
    let page = looked(items, Some(end).filter(|end| *end < ROWS), if begin >= 500 { PAGE_BYTES } else { 0 });
    Ok(Page { total: request.with_total.then_some(100), ..page })
}

/// Every row there is, each as large as this; the store ends a page as it does.
async fn all_of(request: PageRequest<()>, bytes_of: impl Fn(u32) -> usize, looks_at: u32) -> Looked {
    let begin = begin_of(&request);
    let (mut items, mut bytes) = (Vec::new(), 0);
    for row in (begin..ROWS).take(usize::try_from(request.limit.min(looks_at)).unwrap()) {
        if bytes >= PAGE_BYTES {
            break;
        }
        bytes += bytes_of(row);
        items.push(row);
    }
    let next = items.last().map(|last| last + 1).filter(|next| *next < ROWS);
    Ok(looked(items, next, bytes))
}

async fn page_of(offset: u32, cursor: Option<&str>) -> Page<u32> {
    page_at(&PageTurns::usual(), offset, request(5, cursor), |row| *row, sevens).await.unwrap()
}

#[actix_web::test]
async fn a_page_of_rare_rows_is_filled_and_goes_on_behind_its_last() {
    let first = page_of(0, None).await;
    assert_eq!(first.items, [7, 17, 27, 37, 47]);
    assert_eq!((first.next_cursor.as_deref(), first.total), (Some("50"), Some(100)));
    assert_eq!(page_of(3, None).await.items, [37, 47, 57, 67, 77]);
    assert_eq!(page_of(98, None).await.items, [987], "one that is full is not filled");
}

#[actix_web::test]
async fn who_asks_by_cursor_gets_what_one_look_finds() {
    assert_eq!(page_of(0, Some("50")).await.items, [57]);
}

#[actix_web::test]
async fn behind_the_end_there_is_nothing_but_the_total() {
    let beyond = page_of(100, None).await;
    assert_eq!((beyond.items.len(), beyond.next_cursor, beyond.total), (0, None, Some(100)));
}

#[actix_web::test]
async fn a_page_of_large_rows_ends_by_what_all_its_looks_found() {
    let page = async |bytes_of: fn(u32) -> usize, looks_at| {
        let read = |request| all_of(request, bytes_of, looks_at);
        page_at(&PageTurns::usual(), 0, request(50, None), |row| *row, read).await.unwrap()
    };
    let few_in_a_look = page(|_| MIB / 4, 10).await;
    assert_eq!((few_in_a_look.items.len(), few_in_a_look.bytes), (16, PAGE_BYTES));
    assert_eq!(few_in_a_look.next_cursor.as_deref(), Some("16"), "the next one goes on behind them");
    let one_look = page(|_| MIB, 50).await;
    assert_eq!((one_look.items.len(), one_look.bytes), (4, PAGE_BYTES));
    let nearly_full = page(|_| 300 * 1024, 13).await;
    assert_eq!(nearly_full.items.len(), 14, "a look at the rest reads no more than there is room for");
    assert_eq!(page(|_| 100, 10).await.items.len(), 50);
}

#[actix_web::test]
async fn a_row_that_moves_behind_the_cursor_between_two_looks_comes_once() {
    let read = async |request| -> Looked {
        Ok(match begin_of(&request) {
            0 => looked(vec![1, 2], Some(2), 0),
            2 => looked(vec![3, 1], Some(4), 0),
            _ => looked(vec![2, 4], None, 0),
        })
    };
    let page = page_at(&PageTurns::usual(), 0, request(10, None), |row| *row, read).await.unwrap();
    assert_eq!(page.items, [1, 2, 3, 4]);
}

/// After how many looks somebody else has the only turn, while a page of five rows is filled that are so large. They
/// ask for it during the first look.
async fn looks_before_another_has_the_turn(bytes: usize) -> u32 {
    let turns = PageTurns::of(1);
    let looks = Cell::new(0);
    let read = async |request| {
        looks.set(looks.get() + 1);
        for _ in 0..3 {
            yield_now().await;
        }
        all_of(request, |_| bytes, 1).await
    };
    let other = async {
        while looks.get() == 0 {
            yield_now().await;
        }
        let _turn = turns.take().await.unwrap();
        looks.get()
    };
    let page = page_at(&turns, 0, request(5, None), |row| *row, read);
    let (page, looks_then) = futures_util::join!(page, other);
    assert_eq!(page.unwrap().items.len(), 5);
    looks_then
}

#[actix_web::test]
async fn a_page_keeps_nobody_waiting_for_longer_than_a_look() {
    assert_eq!(looks_before_another_has_the_turn(100).await, 1);
}

#[actix_web::test]
async fn a_page_that_has_large_rows_does_not_wait_with_them_for_another_turn() {
    assert_eq!(looks_before_another_has_the_turn(WAITING_BYTES).await, 5);
}

#[actix_web::test]
async fn a_page_that_gets_no_further_turn_is_answered_as_far_as_it_is() {
    let turns = PageTurns::of(1);
    let held = Cell::new(None);
    let looked_at_once = Cell::new(false);
    let read = async |request| {
        looked_at_once.set(true);
        yield_now().await;
        sevens(request).await
    };
    let other = async {
        while !looked_at_once.get() {
            yield_now().await;
        }
        held.set(Some(turns.take().await.unwrap()));
    };
    let page = page_at(&turns, 0, request(5, None), |row| *row, read);
    let (page, ()) = futures_util::join!(page, other);
    let page = page.unwrap();
    assert_eq!((page.items, page.next_cursor.as_deref()), (vec![7], Some("10")));
}
