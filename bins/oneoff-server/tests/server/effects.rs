//! What each variable of version one does to a server that runs, in both forms.

use crate::process::{Place, block_on, free_port, get, run_job, shell, wait_for};
use std::net::TcpStream;

/// Both forms of a variable.
fn forms(name: &str) -> [String; 2] {
    [name.to_owned(), format!("ONEOFF_{name}")]
}

#[test]
fn host_is_the_address_that_is_listened_on() {
    for form in forms("HOST") {
        let place = Place::new().with(&form, "127.0.0.2");
        let is_there_only = || {
            let serving = place.serve();
            let port = serving.port();
            assert!(serving.url.starts_with("http://127.0.0.2:"), "{}", serving.url);
            assert!(TcpStream::connect(("127.0.0.2", port)).is_ok());
            TcpStream::connect(("127.0.0.1", port)).is_err()
        };
        // Somebody else may have that port of the other address.
        assert!((0..5).any(|_| is_there_only()));
    }
}

#[test]
fn port_is_the_port_that_is_listened_on() {
    for form in forms("PORT") {
        let port = free_port();
        let place = Place::new().with(&form, port);
        let serving = place.serve();
        assert_eq!(serving.port(), port);
        assert_eq!(get(port, "/health", &[]).0, 200);
    }
}

#[test]
fn db_path_is_the_file_that_is_made() {
    for form in forms("DB_PATH") {
        let place = Place::new().with(&form, "./elsewhere.db");
        let serving = place.serve();
        assert!(place.directory.path().join("elsewhere.db").exists());
        assert!(!place.database().exists());
        let status = block_on(serving.client().system_status()).unwrap();
        assert!(status.database.starts_with('/') && status.database.ends_with("/elsewhere.db"), "{status:?}");
    }
}

#[test]
fn workers_count_is_the_number_of_slots_and_bounds_what_runs() {
    for form in forms("WORKERS_COUNT") {
        let place = Place::new().with(&form, "2").with("SHUTDOWN_GRACE_SECONDS", "0");
        let serving = place.serve();
        let client = serving.client();
        assert_eq!(block_on(client.worker_status()).unwrap().total_workers, 2);
        for _ in 0..3 {
            block_on(client.create_job(&shell("sleep 30"))).unwrap();
        }
        let busy = wait_for(|| {
            let status = block_on(client.worker_status()).unwrap();
            (status.active_workers == 2 && status.queued_jobs == 1).then_some(status)
        });
        assert_eq!((busy.available_workers, busy.running_jobs.len()), (0, 2));
        serving.stop();
    }
    let cpus = std::thread::available_parallelism().unwrap().get();
    let place = Place::new();
    let default = place.serve();
    assert_eq!(block_on(default.client().worker_status()).unwrap().total_workers, 16 * cpus);
}

#[test]
fn log_level_is_the_least_severe_line() {
    for form in forms("LOG_LEVEL") {
        let levels = |level: &str| {
            let port = free_port();
            let place = Place::new().with(&form, level).with("PORT", port);
            let mut child = place.command(&[]).stderr(std::process::Stdio::piped()).spawn().unwrap();
            wait_for(|| TcpStream::connect(("localhost", port)).ok());
            assert_eq!(get(port, "/api/jobs", &[]).0, 200);
            let id = child.id().to_string();
            assert!(std::process::Command::new("kill").arg(&id).status().unwrap().success());
            wait_for(|| child.try_wait().unwrap());
            let mut log = String::new();
            std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut log).unwrap();
            log
        };
        let (debug, info, error) = (levels("debug"), levels("info"), levels("error"));
        assert!(debug.contains("\"DEBUG\"") && debug.contains("\"INFO\""), "{debug}");
        assert!(!info.contains("\"DEBUG\"") && info.contains("listening on"), "{info}");
        assert_eq!(error, "");
    }
}

#[test]
fn default_timezone_and_priority_are_those_of_a_job_that_names_none() {
    for (zone, priority) in
        [("DEFAULT_TIMEZONE", "DEFAULT_PRIORITY"), ("ONEOFF_DEFAULT_TIMEZONE", "ONEOFF_DEFAULT_PRIORITY")]
    {
        let place = Place::new().with(zone, "Europe/Madrid").with(priority, "7");
        let serving = place.serve();
        let client = serving.client();
        let mut job = shell("true");
        job.scheduled_at = Some("2100-07-01T09:00:00".to_owned());
        let created = block_on(client.create_job(&job)).unwrap();
        assert_eq!((created.timezone.as_str(), created.priority), ("Europe/Madrid", 7));
        assert_eq!(created.scheduled_at.as_deref(), Some("2100-07-01T07:00:00Z"));
        assert_eq!(block_on(client.system_status()).unwrap().default_timezone, "Europe/Madrid");
    }
}

#[test]
fn environment_is_shown_in_status_and_log() {
    for form in forms("ENVIRONMENT") {
        let place = Place::new().with(&form, "staging-2");
        let mut serving = place.serve();
        assert_eq!(block_on(serving.client().system_status()).unwrap().environment, "staging-2");
        assert!(serving.log().iter().any(|line| line.contains("\"environment\":\"staging-2\"")));
    }
}

#[test]
fn metrics_enabled_decides_whether_there_are_metrics() {
    for form in forms("METRICS_ENABLED") {
        let place = Place::new().with(&form, "false");
        let off = place.serve();
        assert_eq!(get(off.port(), "/metrics", &[]).0, 404);
        let place = Place::new().with(&form, "true");
        let on = place.serve();
        run_job(&on.client(), &shell("true"));
        let (status, text) = get(on.port(), "/metrics", &[]);
        assert_eq!(status, 200);
        for name in ["oneoff_workers_total", "oneoff_uptime_seconds", "oneoff_jobs_total"] {
            assert!(text.contains(name), "{name} is not in {text}");
        }
    }
}

#[test]
fn job_types_can_be_switched_off_and_limited() {
    let place = Place::new().with("DISABLED_JOB_TYPES", "shell");
    let serving = place.serve();
    let refused = block_on(serving.client().create_job(&shell("true"))).unwrap_err();
    assert_eq!(refused.status(), Some(400), "{refused}");
    let place = Place::new().with("TYPE_LIMITS", "shell=1").with("SHUTDOWN_GRACE_SECONDS", "0");
    let limited = place.serve();
    let client = limited.client();
    for _ in 0..2 {
        block_on(client.create_job(&shell("sleep 30"))).unwrap();
    }
    wait_for(|| {
        let status = block_on(client.worker_status()).unwrap();
        assert!(status.active_workers <= 1, "{status:?}");
        (status.active_workers == 1 && status.queued_jobs == 1).then_some(())
    });
    limited.stop();
}
