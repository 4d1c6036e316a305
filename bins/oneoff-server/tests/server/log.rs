//! What the log of the real server says of requests.

use crate::process::*;
use serde_json::Value;

#[test]
fn lines_name_the_request_that_they_belong_to() {
    let mut server = Place::new().with("LOG_LEVEL", "debug").with("LOG_FORMAT", "json").serve();
    get(server.port(), "/api/jobs", &["X-Request-Id: mine-7"]);
    let line = server.wait_for_line("mine-7");
    let parsed: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&parsed["message"], &parsed["request_id"]), (&"request".into(), &"mine-7".into()), "{line}");
    assert_eq!((&parsed["path"], &parsed["status"]), (&"/api/jobs".into(), &200.into()), "{line}");
    assert_eq!(line.matches("mine-7").count(), 1, "{line}");
}
