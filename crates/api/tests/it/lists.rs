//! Lists: filters, sorting, pages without holes or repetitions.

use crate::harness::{Harness, waiting, with};
use oneoff_domain::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[actix_web::test]
async fn an_empty_list_is_empty() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let as_v1 = json!({"data": [], "next_cursor": null, "total": 0, "total_is_estimate": false, "limit": 50, "offset": 0});
    for (path, expected) in
        [("/api/jobs", as_v1), ("/api/executions", json!({"data": [], "next_cursor": null}))]
    {
        let list = api.get(path).await;
        assert_eq!(list.json(), expected, "{path}");
        assert_eq!(list.header("link"), "");
        let counted = api.get(&format!("{path}?total=true")).await.json();
        assert_eq!((&counted["total"], &counted["total_is_estimate"]), (&json!(0), &json!(false)));
    }
}

#[actix_web::test]
async fn a_walk_by_cursor_sees_every_job_once_and_in_order() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    for index in 0..23 {
        // Every second job shares its time with its neighbour: the cursor must not rest on the time alone.
        let at = format!("2099-01-{:02}T00:00:00Z", 1 + index / 2);
        api.created(&with(with(waiting(), "scheduled_at", at), "name", format!("job {index}"))).await;
    }
    for (sort, order) in
        [("scheduled_at", "asc"), ("scheduled_at", "desc"), ("created_at", "asc"), ("created_at", "desc")]
    {
        let mut next = Some(format!("/api/jobs?limit=5&sort_by={sort}&sort_order={order}"));
        let mut seen: Vec<Value> = Vec::new();
        let mut pages = 0;
        while let Some(path) = next {
            let page = api.get(&path).await;
            assert_eq!(page.status, 200, "{}", page.text());
            seen.extend(page.data().as_array().unwrap().iter().cloned());
            next =
                page.header("link").strip_prefix('<').map(|link| link.split('>').next().unwrap().to_owned());
            assert_eq!(next.is_some(), page.json()["next_cursor"].is_string());
            pages += 1;
        }
        assert_eq!((seen.len(), pages), (23, 5), "{sort} {order}");
        let ids: BTreeSet<&str> = seen.iter().map(|job| job["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), 23);
        let keys: Vec<Timestamp> =
            seen.iter().map(|job| job[sort].as_str().unwrap().parse().unwrap()).collect();
        let is_sorted = if order == "asc" { keys.is_sorted() } else { keys.is_sorted_by(|a, b| a >= b) };
        assert!(is_sorted, "{sort} {order}: {keys:?}");
    }
}

#[actix_web::test]
async fn filters_select() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let held = api.created(&with(with(waiting(), "held", true), "external_id", "e1")).await;
    let project = api.post("/api/projects", &json!({"name": "p2"})).await.data()["id"].clone();
    let other = with(with(waiting(), "project_id", project.clone()), "scheduled_at", "in 10d");
    let other = api.created(&other).await;
    let project = project.as_str().unwrap();
    let until = other["scheduled_at"].as_str().unwrap();
    for (query, expected) in [
        ("status=held".to_owned(), vec![&held]),
        ("status=held,scheduled&sort_by=created_at".to_owned(), vec![&held, &other]),
        ("status=held&status=scheduled&sort_by=created_at".to_owned(), vec![&held, &other]),
        (format!("project_id={project}"), vec![&other]),
        ("external_id=e1".to_owned(), vec![&held]),
        (format!("time_to={until}"), vec![&other]),
        (format!("time_from={until}&limit=1"), vec![&other]),
        ("type=http".to_owned(), vec![]),
        ("status=failed".to_owned(), vec![]),
    ] {
        let list = api.get(&format!("/api/jobs?{query}")).await.data();
        let ids = |jobs: &[&Value]| jobs.iter().map(|job| job["id"].clone()).collect::<Vec<_>>();
        assert_eq!(ids(&list.as_array().unwrap().iter().collect::<Vec<_>>()), ids(&expected), "{query}");
    }
}

#[actix_web::test]
async fn wrong_parameters_are_refused_with_what_is_allowed() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    for (query, name) in [
        ("status=done", "status"),
        ("status=", "status"),
        ("cursor=", "cursor"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=all", "limit"),
        ("cursor=xyz", "cursor"),
        ("cursor=%F0%9F%98%80", "cursor"),
        ("sort_by=name", "sort_by"),
        ("sort_order=sideways", "sort_order"),
        ("total=7", "total"),
    ] {
        for list in ["jobs", "executions"] {
            let problem = api.get(&format!("/api/{list}?{query}")).await.problem(400, "invalid_request");
            let pointer = problem["errors"][0]["pointer"].as_str().unwrap();
            assert_eq!(pointer.trim_start_matches('/'), name, "{problem}");
        }
    }
}

#[actix_web::test]
async fn pages_by_offset_as_v1_has_them_meet_without_holes() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    for day in 100..107 {
        api.created(&with(waiting(), "scheduled_at", format!("in {day}d"))).await;
    }
    let ids = |list: &Value| -> Vec<Value> {
        list["data"].as_array().unwrap().iter().map(|job| job["id"].clone()).collect()
    };
    let all = ids(&api.get("/api/jobs").await.json());
    let mut seen = Vec::new();
    for offset in [0, 3, 6] {
        seen.extend(ids(&api.get(&format!("/api/jobs?limit=3&offset={offset}")).await.json()));
    }
    assert_eq!(seen, all);
    let beyond = api.get("/api/jobs?offset=7&total=true").await.json();
    assert_eq!(
        (&beyond["data"], &beyond["next_cursor"], &beyond["total"]),
        (&json!([]), &Value::Null, &json!(7))
    );
    let second = api.get("/api/jobs?limit=3&offset=3").await;
    let next = second.header("link").split(['<', '>']).nth(1).unwrap().to_owned();
    assert_eq!(ids(&api.get(&next).await.json()), all[6..]);
}

#[actix_web::test]
async fn a_page_of_large_rows_ends_by_their_size_and_the_next_one_goes_on() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let large = |kib: usize| json!({"script": "y".repeat(kib * 1024)});
    for number in 0..7 {
        // Four configs of 240 KiB are all that a request can take.
        let links: Vec<Value> =
            (0..4).map(|_| json!({"job": {"type": "shell", "config": large(240)}})).collect();
        let chain = json!({"name": format!("large {number}"), "links": links});
        let made = api.post("/api/chains", &chain).await;
        assert_eq!(made.status, 201, "{}", made.text());
    }
    for _ in 0..20 {
        api.created(&with(waiting(), "config", large(240))).await;
    }
    for (list, first_rows, rows) in [("chains", 5, 7), ("jobs", 18, 20)] {
        let first = api.get(&format!("/api/{list}?limit=50")).await;
        let next = first.json()["next_cursor"].as_str().expect("there are more").to_owned();
        let rest = api.get(&format!("/api/{list}?limit=50&cursor={next}")).await.json();
        let found = |page: &Value| page["data"].as_array().unwrap().len();
        assert_eq!((found(&first.json()), found(&rest)), (first_rows, rows - first_rows), "{list}");
        assert!(first.body.len() < 6 * 1024 * 1024, "{list}: {}", first.body.len());
    }
}

#[actix_web::test]
async fn a_search_finds_the_latest_first_and_at_once() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    for name in ["nightly backup", "weekly report", "Backup 100%_ of \"x\""] {
        api.created(&with(waiting(), "name", name)).await;
    }
    let names = async |query: &str| -> Vec<String> {
        let answer = api.get(&format!("/api/jobs?{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let jobs = answer.data();
        jobs.as_array().unwrap().iter().map(|job| job["name"].as_str().unwrap().to_owned()).collect()
    };
    let backups = ["Backup 100%_ of \"x\"", "nightly backup"];
    assert_eq!(names("search=BACKUP").await, backups);
    assert_eq!(names("search=backup&sort_by=scheduled_at&limit=200").await.len(), 2);
    assert_eq!(
        names("search=backup&sort_order=asc&status=scheduled&type=shell").await,
        [backups[1], backups[0]]
    );
    assert_eq!(names("search=100%25_").await, [backups[0]]);
    assert_eq!(names("search=%22x%22").await, [backups[0]]);
    assert_eq!(names("search=b&offset=1").await, [backups[1]]);
    assert!(names("search=%25%25").await.is_empty());
    let first = api.get("/api/jobs?search=backup&limit=1&total=true").await.json();
    assert_eq!((&first["total"], &first["total_is_estimate"]), (&json!(2), &json!(false)));
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(names(&format!("search=backup&limit=1&cursor={cursor}")).await, [backups[1]]);
    let long = "x".repeat(257);
    for query in [
        "search=",
        "search=%20%09",
        "search=a%00b",
        &format!("search={long}"),
        "search=a&search=b",
        "search=a&cursor=x",
    ] {
        let problem = api.get(&format!("/api/jobs?{query}")).await.problem(400, "invalid_request");
        assert!(["search", "cursor"].contains(&problem["errors"][0]["pointer"].as_str().unwrap()), "{query}");
    }
}
