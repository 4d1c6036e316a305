//! Disks that fail while there is more to do than to create jobs: syncs that fail, and retention and recovery without
//! room.

use crate::disk::{assert_all_there, create_until_refused, large, place_on, problem};
use crate::failing_disk::FailingDisk;
use crate::process::{Place, block_on, run_job, shell, wait_for, wait_for_status};
use crate::small_disk::on_small_disk;
use oneoff_client::ExecutionQuery;

#[test]
fn while_syncs_fail_nothing_is_acknowledged_and_nothing_that_was_is_lost_with_the_power() {
    let Some(disk) = FailingDisk::mount(16) else {
        eprintln!("there is no loop device for this user: nothing was tested");
        return;
    };
    let place = Place::new().with("DB_PATH", disk.path("oneoff.db").display());
    let mut serving = place.serve();
    let client = serving.client();
    let marker = place.directory.path().join("go");
    let script = format!("while [ ! -e {} ]; do sleep 0.05; done; echo done >> {0}", marker.display());
    let long = block_on(client.create_job(&shell(&script))).unwrap();
    wait_for_status(&client, &long.id, "running");
    let mut accepted = vec![block_on(client.create_job(&large())).unwrap().id];
    disk.fail();
    let mut failed = 0;
    for _ in 0..200 {
        match block_on(client.create_job(&large())) {
            // There is room on the device for what was written there before.
            Ok(job) => accepted.push(job.id),
            refused => {
                let (status, code) = problem(refused);
                let codes = ["outcome_unknown", "storage_unavailable"];
                assert!(status == 503 && codes.contains(&code.as_str()), "{status} {code}");
                failed += 1;
            }
        }
    }
    assert!(failed > 0, "every sync succeeded");
    let before = accepted.len();
    std::fs::write(&marker, "").unwrap();
    disk.heal();
    wait_for_status(&client, &long.id, "completed");
    for _ in 0..20 {
        accepted.push(wait_for(|| block_on(client.create_job(&large())).ok()).id);
    }
    serving.signal("KILL");
    serving.wait();
    disk.lose_power();
    let again = place.serve();
    let lost: Vec<usize> = (0..accepted.len())
        .filter(|index| block_on(again.client().job(&accepted[*index])).is_err())
        .collect();
    assert!(
        lost.is_empty(),
        "of {} accepted, {before} of them before, {failed} failed: lost are {lost:?}",
        accepted.len()
    );
    assert_eq!(block_on(again.client().job(&long.id)).unwrap().status, "completed");
    run_job(&again.client(), &shell("true"));
    again.stop();
}

#[test]
fn a_server_that_dies_while_syncs_fail_leaves_nothing_that_the_next_one_loses_with_the_power() {
    let Some(disk) = FailingDisk::mount(16) else {
        eprintln!("there is no loop device for this user: nothing was tested");
        return;
    };
    let place = Place::new().with("DB_PATH", disk.path("oneoff.db").display());
    let mut serving = place.serve();
    let mut accepted = vec![block_on(serving.client().create_job(&large())).unwrap().id];
    disk.fail();
    let mut failed = 0;
    while failed < 20 {
        match block_on(serving.client().create_job(&large())) {
            Ok(job) => accepted.push(job.id),
            Err(_unavailable) => failed += 1,
        }
    }
    serving.signal("KILL");
    serving.wait();
    disk.heal();
    let mut next = place.serve();
    for _ in 0..20 {
        accepted.push(block_on(next.client().create_job(&large())).unwrap().id);
    }
    let missing = |client: &oneoff_client::Client| -> Vec<_> {
        let answers = accepted.iter().map(|id| block_on(client.job(id)));
        answers.enumerate().filter_map(|(index, answer)| Some((index, answer.err()?))).collect()
    };
    let unknown = missing(&next.client());
    assert!(unknown.is_empty(), "before the loss of power, of {} accepted: {unknown:?}", accepted.len());
    next.signal("KILL");
    next.wait();
    disk.lose_power();
    let again = place.serve();
    let lost = missing(&again.client());
    assert!(lost.is_empty(), "of {} accepted, lost are {lost:?}", accepted.len());
    again.stop();
}

#[test]
fn a_server_that_dies_on_a_full_disk_recovers_once_there_is_room() {
    on_small_disk(8, |disk| {
        let place = place_on(disk);
        let mut serving = place.serve();
        let client = serving.client();
        let marker = place.directory.path().join("go");
        let script = format!("while [ ! -e {} ]; do sleep 0.05; done", marker.display());
        let long = block_on(client.create_job(&shell(&script))).unwrap();
        wait_for_status(&client, &long.id, "running");
        disk.fill_but(512 * 1024);
        let accepted = create_until_refused(&client, (507, "storage_full"));
        serving.signal("KILL");
        serving.wait();
        disk.fill_rest();
        place.run(&["serve"]).fails(1, &["the disk is full"]);
        disk.free();
        std::fs::write(&marker, "").unwrap();
        let again = place.serve();
        assert_all_there(&again.client(), &accepted);
        wait_for_status(&again.client(), &long.id, "completed");
        let query = ExecutionQuery { job_id: Some(long.id.clone()), ..ExecutionQuery::default() };
        let executions = block_on(again.client().executions(&query)).unwrap().data;
        assert_eq!(executions.len(), 2, "the attempt that died with the server is recorded");
        again.stop();
    });
}
