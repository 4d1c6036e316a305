//! Output: appended while it runs, read by byte offset, gaps skipped, the end known.

crate::conformance::on_both!(
    output_is_read_by_offset,
    an_append_may_be_repeated,
    output_of_an_attempt_that_is_over_is_refused,
    a_gap_is_a_jump_of_the_offset,
    any_cut_of_a_long_output_reads_the_same,
);

pub(crate) mod exercise {
    use crate::fixture::*;
    use bytes::Bytes;
    use oneoff_domain::*;
    use oneoff_storage::*;

    fn chunk(offset: i64, text: &str) -> NewOutputChunk {
        NewOutputChunk {
            stream: OutputStream::Stdout,
            offset,
            at: at(2),
            bytes: Bytes::copy_from_slice(text.as_bytes()),
        }
    }

    async fn running(store: &Store) -> ClaimedJob {
        claim(store, at(1), &create(store, new_job(at(1))).await).await
    }

    fn text(page: &OutputPage) -> String {
        let bytes: Vec<u8> = page.slices.iter().flat_map(|slice| slice.bytes.to_vec()).collect();
        String::from_utf8(bytes).unwrap()
    }

    pub(crate) async fn output_is_read_by_offset(store: &Store) {
        assert_eq!(store.output(execution_id(), 0, 10).await.unwrap(), None);
        let claimed = running(store).await;
        let id = claimed.execution_id;
        let none = store.output(id, 0, 10).await.unwrap().unwrap();
        assert_eq!((none.slices.len(), none.next_offset, none.complete), (0, 0, false));
        store.append_output(id, vec![chunk(0, "hello "), chunk(6, "world")], 11).await.unwrap();
        let page = store.output(id, 3, 5).await.unwrap().unwrap();
        assert_eq!((text(&page).as_str(), page.next_offset), ("lo wo", 8));
        assert_eq!((page.slices[0].offset, page.slices[1].offset), (3, 6));
        assert_eq!((page.total_bytes, page.complete), (11, false));
        let rest = store.output(id, 8, 100).await.unwrap().unwrap();
        assert_eq!((text(&rest).as_str(), rest.next_offset, rest.complete), ("rld", 11, false));
        let mut end = ending(&claimed, AttemptOutcome::success(), at(3));
        (end.output, end.output_bytes) = (vec![chunk(11, "!")], 12);
        store.finish(end).await.unwrap();
        let last = store.output(id, 11, 100).await.unwrap().unwrap();
        assert_eq!((text(&last).as_str(), last.next_offset, last.complete), ("!", 12, true));
        let beyond = store.output(id, 12, 100).await.unwrap().unwrap();
        assert_eq!((beyond.slices.len(), beyond.next_offset, beyond.complete), (0, 12, true));
        let cut = store.output(id, 0, 12).await.unwrap().unwrap();
        assert!(cut.complete, "the limit ends where the output does");
        assert!(!store.output(id, 0, 11).await.unwrap().unwrap().complete);
        assert!(!store.output(id, 0, 0).await.unwrap().unwrap().complete);
    }

    pub(crate) async fn an_append_may_be_repeated(store: &Store) {
        let id = running(store).await.execution_id;
        for _ in 0..2 {
            store.append_output(id, vec![chunk(0, "once")], 4).await.unwrap();
        }
        assert_eq!(text(&store.output(id, 0, 100).await.unwrap().unwrap()), "once");
    }

    pub(crate) async fn output_of_an_attempt_that_is_over_is_refused(store: &Store) {
        let claimed = running(store).await;
        finish(store, &claimed, AttemptOutcome::success(), at(2)).await;
        for id in [claimed.execution_id, execution_id()] {
            let error = store.append_output(id, vec![chunk(0, "late")], 4).await.unwrap_err();
            assert!(matches!(error, StoreError::Refused(Refusal::NotFound { .. })), "{error:?}");
        }
        let page = store.output(claimed.execution_id, 0, 10).await.unwrap().unwrap();
        assert_eq!((page.slices.len(), page.complete), (0, true));
    }

    pub(crate) async fn a_gap_is_a_jump_of_the_offset(store: &Store) {
        let claimed = running(store).await;
        let mut end = ending(&claimed, AttemptOutcome::success(), at(3));
        end.output = vec![chunk(0, "head"), chunk(1_000, "tail")];
        (end.output_bytes, end.output_truncated) = (1_004, true);
        store.finish(end).await.unwrap();
        let page = store.output(claimed.execution_id, 2, 100).await.unwrap().unwrap();
        let offsets: Vec<i64> = page.slices.iter().map(|slice| slice.offset).collect();
        assert_eq!((text(&page).as_str(), offsets), ("adtail", vec![2, 1_000]));
        assert_eq!((page.next_offset, page.complete), (1_004, true));
        let within = store.output(claimed.execution_id, 500, 100).await.unwrap().unwrap();
        assert_eq!((text(&within).as_str(), within.slices[0].offset), ("tail", 1_000));
    }

    pub(crate) async fn any_cut_of_a_long_output_reads_the_same(store: &Store) {
        let claimed = running(store).await;
        let whole: String = (0..200).map(|line| format!("line {line}\n")).collect();
        let mut offset = 0;
        let mut chunks = Vec::new();
        for line in whole.split_inclusive('\n') {
            chunks.push(chunk(offset, line));
            offset += i64::try_from(line.len()).unwrap();
        }
        let mut end = ending(&claimed, AttemptOutcome::success(), at(3));
        (end.output, end.output_bytes) = (chunks, offset);
        store.finish(end).await.unwrap();
        for limit in [1, 7, 100, 1_000, 100_000] {
            let (mut read, mut from) = (String::new(), 0);
            loop {
                let page = store.output(claimed.execution_id, from, limit).await.unwrap().unwrap();
                read.push_str(&text(&page));
                from = page.next_offset;
                if page.complete {
                    break;
                }
            }
            assert_eq!(read, whole, "in pieces of {limit}");
        }
    }
}
