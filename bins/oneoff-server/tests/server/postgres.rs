//! The commands with `DATABASE_URL`: a real PostgreSQL server, whose password nobody is told.

use crate::process::*;
use oneoff_pg_fixture::{Cluster, Database, Settings};
use serde_json::Value;
use std::sync::OnceLock;

const PASSWORD: &str = "only-for-tests";

/// A server that asks for the password.
fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(&Settings { needs_password: true, ..Settings::default() }).unwrap())
}

fn database() -> Database {
    cluster().database().unwrap()
}

/// A place whose database is on the server, without a path.
fn place(database: &Database) -> Place {
    Place::bare().with("PORT", 0).with("DATABASE_URL", database.url())
}

/// Where it is, as it may be shown.
fn shown(database: &Database) -> String {
    database.url().replace(&format!(":{PASSWORD}"), "")
}

#[test]
fn a_server_serves_and_shows_no_password() {
    let database = database();
    assert!(database.url().contains(PASSWORD));
    let place =
        place(&database).with("DB_PATH", "unused.db").with("NODE_NAME", "east-1").with("LOG_LEVEL", "debug");
    let mut server = place.serve();
    assert!(server.log().join("\n").contains("wins over DB_PATH=unused.db (environment DB_PATH)"));
    let client = server.client();
    let job = run_job(&client, &shell("echo done"));
    assert_eq!(job.status, "completed");
    let status = block_on(client.system_status()).unwrap();
    assert_eq!(status.database, shown(&database));
    assert!(status.space.database_bytes > 0);
    assert_eq!((status.space.free_bytes, status.space.wal_bytes), (None, None));
    let workers = block_on(client.worker_status()).unwrap();
    let names: Vec<&str> = workers.nodes.iter().map(|node| node.id.as_str()).collect();
    assert_eq!(names, ["east-1"]);
    let (code, metrics) = get(server.port(), "/metrics", &[]);
    assert_eq!(code, 200);
    assert!(
        metrics.contains("oneoff_database_bytes ") && !metrics.contains("oneoff_wal_bytes "),
        "{metrics}"
    );
    assert!(!place.directory.path().join("unused.db").exists());
    let log = server.stop().join("\n");
    assert!(log.contains(&shown(&database)) && !log.contains(PASSWORD), "{log}");
}

#[test]
fn nodes_of_one_name_are_told_apart_and_a_name_is_made_of_host_and_port() {
    let database = database();
    let (first, second) = (place(&database).serve(), place(&database).serve());
    let names = |nodes: &Serving| {
        let nodes = block_on(nodes.client().worker_status()).unwrap().nodes;
        nodes.into_iter().map(|node| (node.id, node.epoch)).collect::<Vec<_>>()
    };
    let both = wait_for(|| Some(names(&first)).filter(|nodes| nodes.len() == 2));
    for node in [&first, &second] {
        assert!(both.iter().any(|(name, _)| name.ends_with(&format!(":{}", node.port()))), "{both:?}");
    }
    drop((first, second));

    let twins = || place(&database).with("NODE_NAME", "twin");
    let (first, mut second) = (twins().serve(), twins().serve());
    wait_for(|| second.log().join("\n").contains("another node of this name holds a lease").then_some(()));
    let both = wait_for(|| {
        let nodes = names(&first).into_iter().filter(|(name, _)| name == "twin").collect::<Vec<_>>();
        Some(nodes).filter(|nodes| nodes.len() == 2)
    });
    assert_ne!(both[0].1, both[1].1);
    let (_, metrics) = get(first.port(), "/metrics", &[]);
    assert!(metrics.contains("node=\"twin\"") && metrics.contains("node=\"twin (epoch "), "{metrics}");
}

#[test]
fn migrations_go_up_and_down_but_not_under_a_node() {
    let database = database();
    let place = place(&database);
    let up = place.run(&["migrate", "--direction", "up"]);
    up.succeeds();
    assert!(up.stdout.contains("applied ") && !up.stdout.contains(PASSWORD), "{up:?}");
    let again = place.run(&["migrate"]);
    assert_eq!(again.stdout, format!("{} is up to date\n", shown(&database)));
    place.run(&["migrate", "--direction", "down"]).fails(1, &["add --yes"]);

    let server = place.serve();
    let under_a_node = place.run(&["migrate", "--direction", "down", "--yes"]);
    under_a_node.fails(1, &["nodes are using the database", &shown(&database), "stop them first"]);
    server.stop();
    let down = place.run(&["migrate", "--direction", "down", "--yes"]);
    down.succeeds();
    assert!(down.stdout.starts_with("undid "), "{down:?}");
    place.run(&["migrate"]).succeeds();
}

#[test]
fn a_start_waits_for_the_migration_of_another_node() {
    let database = database();
    let place = place(&database);
    // The lock of migrations is held for longer than any other lock is waited for.
    let migrates = "SELECT pg_advisory_lock(87235166266982), pg_sleep(8)";
    std::thread::scope(|scope| {
        scope.spawn(|| database.query(migrates).unwrap());
        let is_held = "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database \
                       WHERE locktype = 'advisory' AND granted AND datname = current_database() \
                       AND (classid::bigint << 32) | objid::bigint = 87235166266982";
        wait_for(|| (database.query(is_held).unwrap().trim() == "1").then_some(()));
        place.run(&["migrate"]).succeeds();
    });
}

#[test]
fn a_key_is_made_beside_a_running_node_and_in_an_empty_database() {
    let database = database();
    let place = place(&database).with("AUTH_ENABLED", "true");
    let make = || {
        let made = place.run(&["keys", "create", "--name", "me", "--scopes", "read"]);
        made.succeeds();
        assert!(!made.stderr.contains(PASSWORD), "{made:?}");
        made.stdout.trim().to_owned()
    };
    let before = make();
    let server = place.serve();
    for key in [before, make()] {
        let header = format!("Authorization: Bearer {key}");
        assert_eq!(get(server.port(), "/api/system/status", &[&header]).0, 200);
    }
    assert_eq!(get(server.port(), "/api/system/status", &["Authorization: Bearer x"]).0, 401);
}

#[test]
fn backup_and_restore_name_the_tools_of_postgresql() {
    let database = database();
    let place = place(&database);
    let file = place.directory.path().join("copy.db").display().to_string();
    let backup = place.run(&["backup", &file]);
    backup.fails(1, &["pg_dump", "docs/postgres.md", &shown(&database)]);
    let restore = place.run(&["restore", &file]);
    restore.fails(1, &["pg_restore", "docs/postgres.md"]);
    for answer in [backup, restore] {
        assert!(!answer.stderr.contains(PASSWORD), "{answer:?}");
    }
    assert!(!place.database().exists());
}

#[test]
fn check_config_says_what_the_role_has_no_right_to() {
    let database = database();
    let role = database.name().replace("test", "guest");
    database.query(&format!("CREATE ROLE {role} ROLE oneoff")).unwrap();
    let url = database.url_with(&[("options", &format!("-crole={role}"))]);
    let answer = Place::bare().with("DATABASE_URL", url).run(&["check-config", "--connect"]);
    answer.fails(1, &["cannot use the database", "permission denied for schema public"]);
    database.query(&format!("DROP ROLE {role}")).unwrap();
}

#[test]
fn check_config_connects_only_when_it_is_asked_to() {
    let nowhere = format!("postgres://me:{PASSWORD}@127.0.0.1:{}/oneoff?password={PASSWORD}", free_port());
    let place = Place::bare().with("DATABASE_URL", &nowhere).with("DB_PATH", "x.db");
    let answer = place.run(&["check-config"]);
    answer.succeeds();
    assert!(
        answer.stdout.contains("wins over DB_PATH=x.db") && answer.stdout.contains("postgres://me@127.0.0.1")
    );
    let asked = place.run(&["check-config", "--connect"]);
    asked.fails(1, &["cannot connect to the database postgres://me@127.0.0.1", "check DATABASE_URL"]);
    let served = place.run(&["serve"]);
    served.fails(1, &["cannot connect to the database postgres://me@127.0.0.1"]);
    for answer in [answer, asked, served] {
        assert!(!format!("{answer:?}").contains(PASSWORD), "{answer:?}");
    }

    let database = database();
    let place = Place::bare().with("DATABASE_URL", database.url());
    let answer = place.run(&["check-config", "--connect"]);
    answer.succeeds();
    let said = format!("connected to {}: PostgreSQL ", shown(&database));
    assert!(answer.stdout.contains(&said) && answer.stdout.contains("will migrate it"), "{answer:?}");
    assert_eq!(
        database.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").unwrap().trim(),
        "0"
    );
    let file = Place::bare().with("DB_PATH", "x.db").run(&["check-config", "--connect"]);
    file.succeeds();
    assert!(file.stdout.contains("the database is the file x.db"), "{file:?}");
}

#[test]
fn a_wrong_password_and_a_wrong_user_are_told_without_them() {
    let database = database();
    let url = database.url().replace(PASSWORD, "wrong-secret");
    let answer = Place::bare().with("PORT", 0).with("DATABASE_URL", url).run(&["serve"]);
    answer.fails(1, &["cannot connect to the database", "password authentication failed"]);
    assert!(!answer.stderr.contains("wrong-secret"), "{answer:?}");
}

#[test]
fn health_follows_the_server_of_the_database() {
    let cluster = Cluster::start(&Settings::default()).unwrap();
    let database = cluster.database().unwrap();
    let port = free_port();
    let place = Place::bare().with("PORT", port).with("DATABASE_URL", database.url());
    let server = place.serve();
    place.run(&["healthcheck"]).succeeds();
    cluster.kill().unwrap();
    wait_for(|| (get(port, "/health", &[]).0 == 503).then_some(()));
    place.run(&["healthcheck"]).fails(1, &["is not well"]);
    let (_, answer) = get(port, "/api/jobs", &[]);
    let problem: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap_or_default();
    assert_eq!(problem["code"], "storage_unavailable", "{answer}");
    cluster.resume().unwrap();
    wait_for(|| (get(port, "/health", &[]).0 == 200).then_some(()));
    let client = server.client();
    wait_for(|| block_on(client.create_job(&shell("true"))).ok());
    assert_eq!(run_job(&client, &shell("true")).status, "completed");
}
