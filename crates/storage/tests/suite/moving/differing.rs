//! Rows that cannot be moved are named, and so are those that differ in the end.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn damaged_rows_are_named_and_repaired_ones_are_moved() {
    let (file, database) = (filled().await, empty());
    alter(
        &file.path(),
        "UPDATE attempts SET exit_code = 'many' WHERE key = 2; UPDATE attempts SET lateness_us = 1.5 WHERE key = 3;",
    );
    let refused = move_quietly(&file.options(&database)).unwrap_err();
    let text = refused.to_string();
    assert!(text.contains("attempts key 2: exit_code holds text"), "{text}");
    assert!(text.contains("attempts key 3: lateness_us holds a fraction"), "{text}");
    alter(&file.path(), "UPDATE attempts SET exit_code = NULL, lateness_us = 1 WHERE key IN (2, 3)");
    moved(&file.options(&database));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_row_that_the_server_refuses_is_named() {
    let (file, database) = (filled().await, empty());
    alter(
        &file.path(),
        "INSERT INTO idempotency_records (key_hash, actor, idempotency_key, fingerprint, subjects, written_at)
            SELECT key_hash, actor, idempotency_key, fingerprint, subjects, written_at FROM idempotency_records",
    );
    let refused = move_quietly(&file.options(&database)).unwrap_err();
    assert!(matches!(refused, MoveError::Write { table: "idempotency_records", .. }), "{refused:?}");
    assert!(refused.to_string().contains("once"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_difference_is_named() {
    let (file, database) = (filled().await, empty());
    moved(&file.options(&database));
    let verify = MoveOptions { verify_only: true, ..file.options(&database) };
    let waits = file.waiting[3].key.0;
    for (change, back, named) in [
        (
            format!("UPDATE arrivals SET due_at = due_at + 1 WHERE job_key = {waits}"),
            format!("UPDATE arrivals SET due_at = due_at - 1 WHERE job_key = {waits}"),
            format!("arrivals has 10 rows in the file and 10 on the server (job_key {waits} differs)"),
        ),
        (
            "UPDATE output_chunks SET bytes = '\\x01' WHERE execution_key = 700".to_owned(),
            "UPDATE output_chunks SET bytes = '\\x00' WHERE execution_key = 700".to_owned(),
            "differs".to_owned(),
        ),
        (
            "UPDATE output_chunks SET bytes = '\\x0000' WHERE execution_key = 700".to_owned(),
            "UPDATE output_chunks SET bytes = '\\x00' WHERE execution_key = 700".to_owned(),
            "22 bytes of output, the server 23".to_owned(),
        ),
        (
            "INSERT INTO removed_output VALUES (9)".to_owned(),
            "DELETE FROM removed_output WHERE execution_key = 9".to_owned(),
            "removed_output has 2 rows in the file and 3 on the server (1 rows are not of the file)"
                .to_owned(),
        ),
        (
            "UPDATE ended_jobs SET status = 'failed' WHERE status = 'completed'".to_owned(),
            String::new(),
            "the file has the jobs cancelled 1, completed 1, failed 1".to_owned(),
        ),
        (
            "DELETE FROM api_keys".to_owned(),
            String::new(),
            "api_keys has 1 rows in the file and 0 on the server (key 1 is missing)".to_owned(),
        ),
    ] {
        database.query(&change).unwrap();
        let refused = move_quietly(&verify).unwrap_err();
        assert!(matches!(refused, MoveError::Different { .. }), "{change}: {refused:?}");
        assert!(refused.to_string().contains(&named), "{change}: {refused}");
        if !back.is_empty() {
            database.query(&back).unwrap();
            moved(&verify);
        }
    }
}
