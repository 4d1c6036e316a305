//! Every kind of result in every format, read back by real parsers.

use crate::output::{
    CommandLine, Deleted, Format, ListPrinter, Look, Printer, Record, Row, Times, VersionView, escape_in_json,
};
use crate::test_data::{chunk, execution, job};
use oneoff_api_types::{ParsedTime, SystemStatusView, WorkerStatusView};
use serde_json::{Value, json};

fn printer(format: Format, is_quiet: bool) -> Printer {
    let look = Look {
        now: "2026-12-01T07:00:00Z".parse().unwrap(),
        zone: "Europe/Madrid".into(),
        times: Times::Relative,
        has_color: false,
        cuts_names: true,
    };
    Printer { format, is_quiet, look }
}

/// Nothing that a terminal would obey.
fn check_harmless(text: &str) {
    assert_eq!(escape_in_json(text), text);
}

fn check_record<T: Record>(record: &T) {
    let expected = serde_json::to_value(record).unwrap();
    let json = printer(Format::Json, false).text_of(record).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), expected);
    let yaml = printer(Format::Yaml, false).text_of(record).unwrap();
    assert_eq!(serde_saphyr::from_str::<Value>(&yaml).unwrap(), expected);
    check_harmless(&json);
    check_harmless(&yaml);
    for (format, is_quiet) in [(Format::Table, false), (Format::Table, true), (Format::Name, false)] {
        let text = printer(format, is_quiet).text_of(record).unwrap();
        assert!(text.ends_with('\n') && text.trim().len() > 1, "{text:?}");
        assert!(!text.replace('\n', "").contains(char::is_control), "{text:?}");
    }
}

fn check_list<T: Row + Clone>(row: &T) {
    let expected = serde_json::to_value([row, row, row]).unwrap();
    for format in [Format::Json, Format::Yaml, Format::Table, Format::Name] {
        let printer = printer(format, false);
        let mut list = ListPrinter::new(&printer);
        let mut text = list.add(&[row.clone(), row.clone()]).unwrap();
        text += &list.add(std::slice::from_ref(row)).unwrap();
        text += list.closing();
        check_harmless(&text);
        match format {
            Format::Json => assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected),
            Format::Yaml => assert_eq!(serde_saphyr::from_str::<Value>(&text).unwrap(), expected),
            Format::Name => assert_eq!(text.matches(row.id()).count(), 3, "{text}"),
            Format::Table => assert_eq!(text.lines().count(), 4, "{text}"),
        }
        let empty = ListPrinter::<T>::new(&printer).closing();
        assert_eq!(empty, if matches!(format, Format::Json | Format::Yaml) { "[]\n" } else { "" });
    }
}

#[test]
fn every_record_can_be_read_back_in_every_format() {
    check_record(&job());
    check_record(&execution());
    check_record(&Deleted { id: job().id, status: "deleted" });
    check_record(&VersionView { name: "oneoff", version: "2.0.0" });
    check_record(&ParsedTime {
        instant: "2026-12-01T08:00:00Z".into(),
        timezone: "Europe/Madrid".into(),
        local: "2026-12-01T09:00:00".into(),
        description: "Tue 1 Dec 2026 09:00 CET (Europe/Madrid)".into(),
        in_ms: 3_600_000,
    });
    let system: SystemStatusView = serde_json::from_value(json!({
        "total_scheduled": 1, "currently_running": 0, "queue_depth": 0, "jobs": {"scheduled": 1},
        "next_due_at": null, "version": "2.0.0", "environment": "production",
        "started_at": "2026-12-01T06:00:00Z", "now": "2026-12-01T07:00:00Z", "database": "/x: y",
        "default_timezone": "UTC",
    }))
    .unwrap();
    check_record(&system);
    let workers: WorkerStatusView = serde_json::from_value(json!({
        "total_workers": 2, "active_workers": 1, "available_workers": 1, "queued_jobs": 0,
        "running_jobs": ["a"], "paused": null,
        "running": [{"job_id": "a", "job_name": "\u{1b}n", "job_type": "shell", "execution_id": "e",
            "started_at": "2026-12-01T06:00:00Z"}],
        "nodes": [{"id": "a\u{1b}", "epoch": 7, "health": "ok", "slots": 32, "running": 1, "version": "2.0.0",
            "started_at": "2026-12-01T06:00:00Z", "last_seen_at": "2026-12-01T06:00:00Z", "clock_offset_us": -1500}],
    }))
    .unwrap();
    check_record(&workers);
}

#[test]
fn every_list_can_be_read_back_in_every_format_and_across_pages() {
    check_list(&job());
    check_list(&execution());
}

#[test]
fn pieces_of_output_and_command_lines_are_documents_too() {
    let chunks = [chunk(), chunk()];
    for format in [Format::Json, Format::Yaml] {
        let printer = printer(format, false);
        let mut list = ListPrinter::new(&printer);
        let text = list.add(&chunks).unwrap() + list.closing();
        check_harmless(&text);
        let read: Value = match format {
            Format::Json => serde_json::from_str(&text).unwrap(),
            _ => serde_saphyr::from_str(&text).unwrap(),
        };
        assert_eq!(read, serde_json::to_value(&chunks).unwrap());
        let line = CommandLine::new(vec!["a b".into(), "-c".into()]);
        let text = printer.document_text(&line).unwrap();
        let read: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(read, json!({"command": "'a b' -c", "argv": ["a b", "-c"]}));
    }
}

#[test]
fn a_table_has_whole_ids_harmless_names_and_quiet_only_ids() {
    let printer = printer(Format::Table, false);
    let text = ListPrinter::new(&printer).add(&[job()]).unwrap();
    assert!(text.contains(&job().id) && text.contains("in 1 h"), "{text}");
    assert!(text.contains("\\u{1b}[31m") && !text.contains('\u{1b}'), "{text}");
    let quiet = self::printer(Format::Table, true);
    assert_eq!(ListPrinter::new(&quiet).add(&[job()]).unwrap(), format!("{}\n", job().id));
}
