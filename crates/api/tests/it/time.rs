//! Time expressions, read as a job's time would be.

use crate::harness::Harness;
use serde_json::json;

#[actix_web::test]
async fn an_expression_is_answered_with_its_meaning() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let body = json!({"expression": "2099-12-01T09:00", "timezone": "Europe/Madrid"});
    let parsed = api.post("/api/time/parse", &body).await;
    assert_eq!(parsed.status, 200, "{}", parsed.text());
    let parsed = parsed.data();
    assert_eq!(parsed["instant"], "2099-12-01T08:00:00Z");
    assert_eq!(parsed["local"], "2099-12-01T09:00:00");
    assert_eq!(parsed["timezone"], "Europe/Madrid");
    assert!(parsed["description"].as_str().unwrap().contains("Europe/Madrid"));
    assert!(parsed["in_ms"].as_i64().unwrap() > 0);
    let now = api.post("/api/time/parse", &json!({"expression": "now"})).await.data();
    assert!(now["in_ms"].as_i64().unwrap().abs() < 5_000, "{now}");
}

#[actix_web::test]
async fn what_is_not_understood_is_told() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    for (body, pointer) in [
        (json!({"expression": "whenever"}), "/expression"),
        (json!({"expression": "2001-01-01T00:00:00Z"}), "/expression"),
        (json!({"expression": ""}), "/expression"),
        (json!({}), "/expression"),
        (json!({"expression": "now", "timezone": "Nowhere"}), "/timezone"),
        (json!({"expression": "now", "zone": "UTC"}), "/zone"),
        (json!({"expression": "now", "disambiguation": "x"}), "/disambiguation"),
    ] {
        let problem = api.post("/api/time/parse", &body).await.problem(400, "invalid_request");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}: {problem}");
    }
    let past = json!({"expression": "2001-01-01T00:00:00Z", "allow_past": true});
    assert!(api.post("/api/time/parse", &past).await.data()["in_ms"].as_i64().unwrap() < 0);
}
