//! Entries of the audit log on the wire, and as a line of CSV.

use oneoff_api_types::AuditEntryView;
use oneoff_storage::AuditEntry;

/// An entry.
pub(crate) fn entry(entry: AuditEntry) -> AuditEntryView {
    AuditEntryView {
        sequence: entry.key,
        at: entry.at.to_string(),
        actor: entry.actor,
        actor_key_id: entry.actor_key,
        client_address: entry.client_address,
        action: entry.action,
        subject_kind: entry.subject_kind,
        subject_id: entry.subject_id,
        project_id: entry.project_id,
        request_id: entry.request_id,
        before: entry.before,
        after: entry.after,
    }
}

/// The first line of the CSV form.
pub(crate) const CSV_HEAD: &str = "sequence,at,actor,actor_key_id,client_address,action,subject_kind,subject_id,\
                                   project_id,request_id,before,after\r\n";

/// A line of the CSV form (RFC 4180).
pub(crate) fn csv(entry: AuditEntryView) -> String {
    let json = |value: Option<serde_json::Value>| value.map(|value| value.to_string());
    let cells = [
        Some(entry.sequence.to_string()),
        Some(entry.at),
        Some(entry.actor),
        entry.actor_key_id,
        entry.client_address,
        Some(entry.action),
        Some(entry.subject_kind),
        Some(entry.subject_id),
        entry.project_id,
        entry.request_id,
        json(entry.before),
        json(entry.after),
    ];
    let cells: Vec<String> = cells.into_iter().map(|cell| quoted(&cell.unwrap_or_default())).collect();
    format!("{}\r\n", cells.join(","))
}

/// A cell. What a spreadsheet would take for a formula is kept from being one by a quote before it.
fn quoted(cell: &str) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if is_formula { format!("'{cell}") } else { cell.to_owned() };
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_stays_one_line_of_cells() {
        let line = csv(AuditEntryView {
            sequence: 7,
            at: "t".to_owned(),
            actor: "key:a, \"b\"".to_owned(),
            actor_key_id: None,
            client_address: Some("::1".to_owned()),
            action: "job.update".to_owned(),
            subject_kind: "job".to_owned(),
            subject_id: "=cmd()".to_owned(),
            project_id: None,
            request_id: Some("two\nlines".to_owned()),
            before: Some(json!({"a": "x,y"})),
            after: None,
        });
        let expected = "7,t,\"key:a, \"\"b\"\"\",,::1,job.update,job,'=cmd(),,\"two\nlines\",\"{\"\"a\"\":\"\"x,y\"\"}\",\r\n";
        assert_eq!(line, expected);
        assert_eq!(CSV_HEAD.matches(',').count(), 11);
    }
}
