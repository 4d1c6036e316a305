//! Bodies of many jobs, right and wrong.

use super::*;

fn pointers(error: &[FieldError]) -> Vec<&str> {
    error.iter().map(|error| error.pointer.as_str()).collect()
}

fn wrong(text: &str) -> Vec<String> {
    let error = BulkRequest::parse(text.as_bytes()).unwrap_err();
    error.fields().iter().map(|field| format!("{} {}", field.pointer, field.message)).collect()
}

#[test]
fn jobs_are_read_in_order_and_each_for_itself() {
    let text = r#"{"ATOMIC": false, "jobs": [
        {"type": "shell", "config": {"script": "a"}, "scheduled_at": "now"},
        7, null, "x", [1, {}], 1.5, -1, true,
        {"type": "shell", "config": {"a": {"b": 1, "b": 2}}, "Type": "x", "nam\u0065": 3, "nmae": "x"},
        {},
        {"config": "{\"script\":\"b\"}", "type": "shell", "immediate": true}
    ]}"#;
    let request = BulkRequest::parse(text.as_bytes()).unwrap();
    assert!(!request.is_atomic);
    assert_eq!(request.jobs.len(), 11);
    assert_eq!(request.jobs[0].as_ref().unwrap().config["script"], "a");
    assert_eq!(request.jobs[10].as_ref().unwrap().config["script"], "b");
    for index in 1..8 {
        let errors = request.jobs[index].as_ref().unwrap_err();
        assert_eq!(pointers(&errors.0), [format!("/jobs/{index}")]);
        assert!(errors.0[0].message.starts_with("must be an object, not "), "{errors}");
    }
    let errors = request.jobs[8].as_ref().unwrap_err();
    let expected = ["/jobs/8/Type", "/jobs/8/nmae", "/jobs/8/config/a/b", "/jobs/8/name"];
    assert_eq!(pointers(&errors.0), expected);
    assert_eq!(pointers(&request.jobs[9].as_ref().unwrap_err().0), ["/jobs/9/type", "/jobs/9/config"]);
    let all = request.into_drafts().unwrap_err();
    assert_eq!(all.0.len(), 7 + 4 + 2);
}

#[test]
fn all_or_none_is_the_default() {
    let job = r#"{"type": "shell", "config": {}, "scheduled_at": "now"}"#;
    for (text, is_atomic) in [
        (format!(r#"{{"jobs": [{job}]}}"#), true),
        (format!(r#"{{"jobs": [{job}], "atomic": true}}"#), true),
        (format!(r#"{{"atomic": false, "jobs": [{job}]}}"#), false),
    ] {
        let request = BulkRequest::parse(text.as_bytes()).unwrap();
        assert_eq!((request.is_atomic, request.jobs.len()), (is_atomic, 1), "{text}");
        assert_eq!(request.into_drafts().unwrap().len(), 1);
    }
}

#[test]
fn what_is_wrong_beside_the_jobs_refuses_the_whole() {
    for (text, told) in [
        ("{}", "/jobs is missing"),
        (r#"{"jobs": []}"#, "/jobs are none"),
        (r#"{"jobs": [{}], "jobs": [{}]}"#, "/jobs is given more than once"),
        (r#"{"jobs": [{}], "Jobs": 7}"#, "/jobs is given more than once"),
        (r#"{"jobs": [{}], "atomic": "yes"}"#, "/atomic must be true or false"),
        (r#"{"jobs": [{}], "atomic": null}"#, "/atomic must be true or false"),
        (r#"{"jobs": [{}], "atomic": true, "atomic": true}"#, "/atomic is given more than once"),
        (r#"{"job": [{}]}"#, "/job is not a field"),
        (r#"{"jobs": {}}"#, "expected a list of jobs"),
        (r#"{"jobs": null}"#, "expected a list of jobs"),
        ("[{}]", "expected an object with the field `jobs`"),
        ("  ", "the body is empty"),
    ] {
        let errors = wrong(text);
        assert!(errors.iter().any(|error| error.contains(told)), "{text}: {errors:?}");
    }
    for text in [
        "{",
        "{\"jobs\": [{}",
        "{\"jobs\": [{},]}",
        "{\"jobs\": [{}]} x",
        "{\"jobs\": [{\"name\": \"\\ud800\"}]}",
    ] {
        let error = BulkRequest::parse(text.as_bytes()).unwrap_err();
        assert!(error.to_string().contains("not JSON"), "{text}: {error}");
    }
    let deep = format!("{{\"jobs\": [{}", "[".repeat(100_000));
    assert!(BulkRequest::parse(deep.as_bytes()).is_err());
}

#[test]
fn jobs_beyond_the_limit_are_counted_and_refused() {
    let many = |count: usize| format!("{{\"jobs\": [{}]}}", vec!["{}"; count].join(","));
    assert_eq!(BulkRequest::parse(many(BULK_MAX_JOBS).as_bytes()).unwrap().jobs.len(), BULK_MAX_JOBS);
    let errors = wrong(&many(BULK_MAX_JOBS + 2));
    assert_eq!(errors, ["/jobs are too many: 10002, at most 10000"]);
    let errors = BulkRequest::parse(many(BULK_MAX_JOBS).as_bytes()).unwrap().into_drafts().unwrap_err();
    assert_eq!(errors.0.len(), BULK_ERRORS_MAX);
}
