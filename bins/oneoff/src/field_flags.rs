//! Which flag a field of a request comes from, so that an error names what the person typed.

const FLAGS: &[(&str, &str)] = &[
    ("/name", "--name"),
    ("/type", "--type"),
    ("/config/url", "--url"),
    ("/config/method", "--method"),
    ("/config/headers", "--header"),
    ("/config/body", "--body"),
    ("/config/script", "--script"),
    ("/config/workdir", "--workdir"),
    ("/config/env", "--env"),
    ("/config", "--config"),
    ("/scheduled_at", "WHEN"),
    ("/timezone", "--tz"),
    ("/disambiguation", "--dst"),
    ("/allow_past", "--allow-past"),
    ("/priority", "--priority"),
    ("/project_id", "--project"),
    ("/tags", "--tag"),
    ("/timeout_seconds", "--timeout"),
    ("/max_retries", "--max-retries"),
    ("/retry_delay_seconds", "--retry-delay"),
    ("/max_lateness_seconds", "--max-lateness"),
    ("/on_late", "--on-late"),
    ("/on_crash", "--on-crash"),
    ("/concurrency_key", "--concurrency-key"),
    ("/external_id", "--external-id"),
    ("/held", "--hold"),
    ("/until", "--until"),
    ("status", "--status"),
    ("type", "--type"),
    ("search", "--search"),
    ("limit", "--limit"),
    ("sort_by", "--sort"),
    ("job_id", "--job"),
];

/// The flag of a field, or of the nearest field that contains it.
pub(crate) fn flag_of(pointer: &str) -> Option<&'static str> {
    let mut pointer = pointer;
    loop {
        if let Some((_, flag)) = FLAGS.iter().find(|(known, _)| *known == pointer) {
            return Some(flag);
        }
        let (parent, _) = pointer.rsplit_once('/').filter(|(parent, _)| !parent.is_empty())?;
        pointer = parent;
    }
}

#[cfg(test)]
mod tests {
    use super::flag_of;

    #[test]
    fn a_field_or_what_contains_it_has_a_flag() {
        assert_eq!(flag_of("/config/url"), Some("--url"));
        assert_eq!(flag_of("/config/headers/Accept"), Some("--header"));
        assert_eq!(flag_of("/config/unknown"), Some("--config"));
        assert_eq!(flag_of("/tags/3"), Some("--tag"));
        assert_eq!(flag_of("limit"), Some("--limit"));
        assert_eq!(flag_of("/nothing"), None);
    }
}
