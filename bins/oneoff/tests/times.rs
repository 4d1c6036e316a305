//! The same time means the same to the CLI, the API and the job that is made of it, in every zone and at the ends of time.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test panics where something is wrong")]

mod run;

use oneoff_api_types::ParseTime;
use oneoff_test_server::TestServer;
use run::{Ran, run};
use serde_json::{Value, json};

/// Expression, zone and choice.
const UNDERSTOOD: &[(&str, &str, Option<&str>)] = &[
    ("2099-12-01 09:00", "Europe/Madrid", None),
    ("2099-12-01T09:00:00Z", "Asia/Tokyo", None),
    ("2099-12-01T09:00+05:30", "Asia/Kolkata", None),
    ("2099-07-01 09:00 America/New_York", "Asia/Tokyo", None),
    ("2099-07-01 09:00", "US/Eastern", None),
    ("2099-07-01 09:00", "cet", None),
    ("@4102444800", "Pacific/Kiritimati", None),
    ("1 jan 2099 noon", "Etc/GMT+12", None),
    ("2027-03-28 02:30", "Europe/Madrid", Some("earlier")),
    ("2027-10-31 02:30", "Europe/Madrid", Some("later")),
    ("2027-04-04 01:45", "Australia/Lord_Howe", Some("earlier")),
    ("2027-10-03 02:15", "Australia/Lord_Howe", Some("later")),
    ("2027-10-31 01:30", "Europe/Dublin", Some("earlier")),
    ("2027-04-30 00:30", "Africa/Cairo", Some("later")),
    ("9999-12-30T22:00:00Z", "Pacific/Apia", None),
    ("9999-12-30 22:00", "UTC", None),
];

const REFUSED: &[(&str, &str)] = &[
    ("2027-03-28 02:30", "Europe/Madrid"),
    ("2027-10-31 02:30", "Europe/Madrid"),
    ("2027-04-04 01:45", "Australia/Lord_Howe"),
    ("9999-12-31T23:59:59Z", "UTC"),
    ("+262143-01-01T00:00:00Z", "UTC"),
    ("10000-01-01T00:00:00Z", "UTC"),
    ("0000-01-01T00:00:00Z", "UTC"),
    ("1969-12-31T23:59:59Z", "UTC"),
    ("1970-01-01T00:00:00Z", "UTC"),
    ("@0", "UTC"),
    ("@-1", "UTC"),
    ("@99999999999999999999", "UTC"),
    ("2030-12-31T23:59:60Z", "UTC"),
    ("2030-12-31T24:00:00Z", "UTC"),
    ("in 8000 years", "UTC"),
    ("in 9223372036854775807 us", "UTC"),
];

fn json_of(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

/// A command line with the zone and the choice.
async fn oneoff(server: &TestServer, before: &[&str], zone: &str, dst: Option<&str>, after: &[&str]) -> Ran {
    let (zone, dst) = (format!("--tz={zone}"), dst.map(|dst| format!("--dst={dst}")));
    let mut words = before.to_vec();
    words.push(&zone);
    words.extend(dst.as_deref());
    words.extend(["-o", "json"]);
    words.extend(after);
    run(server.url(), &words).await
}

#[tokio::test]
async fn cli_api_and_job_agree_on_what_an_expression_means() {
    let server = TestServer::start().await.unwrap();
    for (expression, zone, dst) in UNDERSTOOD {
        let request = ParseTime {
            expression: (*expression).to_owned(),
            timezone: Some((*zone).to_owned()),
            disambiguation: dst.map(str::to_owned),
            allow_past: None,
        };
        let by_api = server.client().parse_time(&request).await.unwrap();
        let ran = oneoff(&server, &["time", expression], zone, *dst, &[]).await;
        let by_cli = json_of(&ran);
        for (field, value) in [
            ("instant", &by_api.instant),
            ("timezone", &by_api.timezone),
            ("local", &by_api.local),
            ("description", &by_api.description),
        ] {
            assert_eq!(by_cli[field], json!(value), "{expression} in {zone}: {ran:?}");
        }
        let ran = oneoff(&server, &["at", expression], zone, *dst, &["--", "true"]).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        let job = json_of(&ran);
        assert_eq!(
            (&job["scheduled_at"], &job["timezone"]),
            (&json!(by_api.instant), &json!(by_api.timezone)),
            "{expression} in {zone}"
        );
        if !job["scheduled_local"].is_null() {
            assert_eq!(job["scheduled_local"], json!(by_api.local));
        }
        assert!(
            ran.stderr.contains(&by_api.description),
            "{expression}: {} is not in {}",
            by_api.description,
            ran.stderr
        );
        assert!(ran.stderr.contains("UTC"), "{}", ran.stderr);
    }
}

#[tokio::test]
async fn cli_and_api_refuse_a_time_in_the_same_words() {
    let server = TestServer::start().await.unwrap();
    for (expression, zone) in REFUSED {
        let request = ParseTime {
            expression: (*expression).to_owned(),
            timezone: Some((*zone).to_owned()),
            ..ParseTime::default()
        };
        let refusal = server.client().parse_time(&request).await.unwrap_err();
        let problem = refusal.problem().unwrap_or_else(|| panic!("{expression}: {refusal}"));
        let error = serde_json::to_value(problem).unwrap()["errors"][0].clone();
        let message = error["message"].as_str().unwrap();
        for command in [&["time", *expression][..], &["at", *expression][..]] {
            let after: &[&str] = if command[0] == "at" { &["--", "true"] } else { &[] };
            let ran = oneoff(&server, command, zone, None, after).await;
            assert!(ran.code != 0 && ran.stdout.is_empty(), "{ran:?}");
            let shown: Value = serde_json::from_str(&ran.stderr).unwrap_or_default();
            assert!(
                shown.to_string().contains(&json!(message).to_string()),
                "{message} is not in {}",
                ran.stderr
            );
        }
    }
    let jobs = server.client().jobs(&oneoff_client::JobQuery::default()).await.unwrap();
    assert!(jobs.data.is_empty(), "nothing was made of them");
}

#[tokio::test]
async fn epoch_0_and_what_lies_behind_it_are_times_where_the_past_is_allowed() {
    let server = TestServer::start().await.unwrap();
    let ran = oneoff(&server, &["time", "@0", "--allow-past"], "America/New_York", None, &[]).await;
    let time = json_of(&ran);
    assert_eq!(
        (&time["instant"], &time["local"]),
        (&json!("1970-01-01T00:00:00Z"), &json!("1969-12-31T19:00:00"))
    );
    let ran =
        run(server.url(), &["at", "@0", "--allow-past", "--utc", "--wait", "-o", "json", "--", "true"]).await;
    assert_eq!((ran.code, &json_of(&ran)["scheduled_at"]), (0, &json!("1970-01-01T00:00:00Z")), "{ran:?}");
}
