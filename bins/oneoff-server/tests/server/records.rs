//! Paused projects and settings of a server that is killed or goes on running.

use crate::process::{Place, block_on, shell, wait_for};
use oneoff_api_types::{CreateJob, CreateProject, UpdateRecord};
use serde_json::json;

#[test]
fn a_pause_survives_a_kill_and_what_runs_goes_on() {
    let place = Place::new().with("SHUTDOWN_GRACE_SECONDS", "0");
    let serving = place.serve();
    let client = serving.client();
    let named = CreateProject { name: "p".to_owned(), ..CreateProject::default() };
    let project = block_on(client.create_project(&named)).unwrap();
    let of_project = |script: &str| CreateJob { project_id: Some(project.id.clone()), ..shell(script) };
    let out = place.directory.path().join("out");
    let go = place.directory.path().join("go");
    // It runs until there is a file, fails then, and would be tried again at once.
    let script =
        format!("while [ ! -e {} ]; do sleep 0.05; done; echo x >> {}; exit 1", go.display(), out.display());
    let retried = CreateJob { max_retries: Some(1), retry_delay_seconds: Some(0), ..of_project(&script) };
    let retried = block_on(client.create_job(&retried)).unwrap();
    wait_for(|| (block_on(client.job(&retried.id)).unwrap().status == "running").then_some(()));
    assert!(block_on(client.pause_project(&project.id)).unwrap().is_paused);
    let waiting = block_on(client.create_job(&of_project("true"))).unwrap();
    std::fs::write(&go, "").unwrap();
    let job = wait_for(|| {
        let job = block_on(client.job(&retried.id)).unwrap();
        (job.attempt == 1).then_some(job)
    });
    assert_eq!(job.status, "scheduled", "the retry does not start");
    drop(serving);

    let serving = place.serve();
    let client = serving.client();
    assert!(block_on(client.project(&project.id)).unwrap().is_paused);
    // What comes later and belongs to nobody else has run.
    let other = block_on(client.create_job(&shell("true"))).unwrap();
    wait_for(|| (block_on(client.job(&other.id)).unwrap().status == "completed").then_some(()));
    for id in [&retried.id, &waiting.id] {
        assert_eq!(block_on(client.job(id)).unwrap().status, "scheduled");
    }
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "x\n");
    block_on(client.resume_project(&project.id)).unwrap();
    wait_for(|| (block_on(client.job(&retried.id)).unwrap().status == "failed").then_some(()));
    wait_for(|| (block_on(client.job(&waiting.id)).unwrap().status == "completed").then_some(()));
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "x\nx\n");
    let patch = UpdateRecord(json!({"name": "q"}).as_object().unwrap().clone());
    assert_eq!(block_on(client.update_project(&project.id, &patch)).unwrap().name, "q");
    serving.stop();
}

#[test]
fn a_setting_takes_effect_while_the_server_runs_and_stays() {
    let place = Place::new().with("WORKERS_COUNT", "1").with("SHUTDOWN_GRACE_SECONDS", "0");
    let serving = place.serve();
    let client = serving.client();
    for _ in 0..3 {
        block_on(client.create_job(&shell("sleep 60"))).unwrap();
    }
    let active = || block_on(client.worker_status()).unwrap().active_workers;
    wait_for(|| (active() == 1).then_some(()));
    let settings = block_on(client.live_settings()).unwrap();
    let workers = settings.iter().find(|setting| setting.key == "workers_count").unwrap();
    assert_eq!((workers.value.as_str(), workers.source.as_str()), ("1", "environment WORKERS_COUNT"));
    let more = json!({"workers_count": 3});
    let answer = block_on(client.update_settings(more.as_object().unwrap())).unwrap();
    assert_eq!((answer.settings[0].value.as_str(), answer.settings[0].source.as_str()), ("3", "stored"));
    wait_for(|| (active() == 3).then_some(()));
    serving.stop();
    let serving = place.serve();
    assert_eq!(
        block_on(serving.client().worker_status()).unwrap().total_workers,
        3,
        "it wins over the environment"
    );
    serving.stop();
}

#[test]
fn reserved_slots_and_a_timeout_are_in_effect_from_the_start() {
    let place = Place::new()
        .with("WORKERS_COUNT", "2")
        .with("ONEOFF_RESERVED_SLOTS", "1")
        .with("DEFAULT_TIMEOUT_SECONDS", "90")
        .with("SHUTDOWN_GRACE_SECONDS", "0");
    let serving = place.serve();
    let client = serving.client();
    let jobs = [shell("sleep 60"), shell("sleep 60")].map(|job| block_on(client.create_job(&job)).unwrap());
    assert!(jobs.iter().all(|job| job.timeout_seconds == Some(90)), "{jobs:?}");
    let status = || block_on(client.worker_status()).unwrap();
    wait_for(|| (status().active_workers == 1 && status().queued_jobs == 1).then_some(()));
    let urgent = block_on(client.create_job(&CreateJob { priority: Some(8), ..shell("true") })).unwrap();
    wait_for(|| (block_on(client.job(&urgent.id)).unwrap().status == "completed").then_some(()));
    wait_for(|| (status().active_workers == 1 && status().queued_jobs == 1).then_some(()));
    let settings = block_on(client.live_settings()).unwrap();
    let reserved = settings.iter().find(|setting| setting.key == "reserved_slots").unwrap();
    assert_eq!(
        (reserved.value.as_str(), reserved.source.as_str()),
        ("1", "environment ONEOFF_RESERVED_SLOTS")
    );
    serving.stop();
}
