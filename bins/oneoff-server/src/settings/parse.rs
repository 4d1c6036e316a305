//! What the text of each setting means. What is allowed in words stands in the table.

use super::reader::{Parsed, Unusable};
use super::{LogFormat, LogLevel};
use oneoff::{DatabaseUrl, EgressPolicy, WebhookSchedule};
use oneoff_api::AddressRange;
use oneoff_domain::suggest::nearest;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Bytes of the name of a node.
const NODE_NAME_MAX: usize = 128;

fn unusable<T>() -> Parsed<T> {
    Err(Unusable(None))
}

fn because<T>(more: impl Display) -> Parsed<T> {
    Err(Unusable(Some(more.to_string())))
}

/// A whole number between bounds, both included.
pub(super) fn whole<T: FromStr + PartialOrd>(text: &str, least: T, most: T) -> Parsed<T> {
    match text.parse::<T>() {
        Ok(number) if number >= least && number <= most => Ok(number),
        _ => unusable(),
    }
}

/// Days, also parts of one: from a minute and a half to a hundred years.
pub(super) fn days(text: &str) -> Parsed<Duration> {
    let is_plain = text.chars().all(|c| c.is_ascii_digit() || c == '.') && text.starts_with(|c| c != '.');
    match text.parse::<f64>() {
        Ok(days) if is_plain && (0.001..=36_500.0).contains(&days) => {
            Ok(Duration::from_secs_f64(days * 86_400.0))
        }
        _ => unusable(),
    }
}

/// Seconds after a first attempt, rising.
pub(super) fn retry_schedule(text: &str) -> Parsed<WebhookSchedule> {
    const RETRIES_MAX: usize = 20;
    let seconds: Vec<u64> = items(text).map(|item| whole(item, 1, 86_400)).collect::<Parsed<_>>()?;
    let is_rising = seconds.is_sorted_by(|before, after| before < after);
    if seconds.is_empty() || seconds.len() > RETRIES_MAX || !is_rising {
        return unusable();
    }
    Ok(WebhookSchedule::new(seconds.into_iter().map(Duration::from_secs)))
}

/// The words that v1 took, and those that people write beside them.
pub(super) fn boolean(text: &str) -> Parsed<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" | "yes" | "on" => Ok(true),
        "false" | "f" | "0" | "no" | "off" => Ok(false),
        _ => unusable(),
    }
}

fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Parsed<T> {
    let lower = text.to_ascii_lowercase();
    match words.iter().find(|(name, _)| *name == lower) {
        Some((_, value)) => Ok(*value),
        None => match nearest(&lower, words.iter().map(|(name, _)| *name)) {
            Some(name) => because(format!("did you mean {name}?")),
            None => unusable(),
        },
    }
}

pub(super) fn log_level(text: &str) -> Parsed<LogLevel> {
    let words = [
        ("debug", LogLevel::Debug),
        ("info", LogLevel::Info),
        ("warn", LogLevel::Warn),
        ("error", LogLevel::Error),
    ];
    word(text, &words)
}

pub(super) fn log_format(text: &str) -> Parsed<LogFormat> {
    word(text, &[("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)])
}

pub(super) fn egress(text: &str) -> Parsed<EgressPolicy> {
    let policies = [EgressPolicy::Default, EgressPolicy::Strict, EgressPolicy::Nothing];
    word(text, &policies.map(|policy| (policy.as_str(), policy)))
}

/// A host name or an address; an IPv6 address may be in brackets, as URLs write it.
pub(super) fn host(text: &str) -> Parsed<String> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if is_host_name(bare) || bare.parse::<IpAddr>().is_ok() { Ok(bare.to_owned()) } else { unusable() }
}

fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    };
    text.len() <= 253 && text.trim_end_matches('.').split('.').all(is_label)
}

/// Whether a host can only be reached from this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    host.parse::<IpAddr>().map_or_else(
        |_not_an_address| host.eq_ignore_ascii_case("localhost"),
        |address| address.is_loopback(),
    )
}

/// A file on disk: what names something else is told apart here, as the database would make a file of it.
pub(super) fn database_path(text: &str) -> Parsed<PathBuf> {
    if text.is_empty() {
        return unusable();
    }
    if DatabaseUrl::new(text).is_ok() {
        return because("that is an address: give it as DATABASE_URL");
    }
    if text.starts_with(':') || text.starts_with("file:") || text.contains("://") {
        return because("only files are served, without memory databases and URLs");
    }
    let path = PathBuf::from(text);
    if text.ends_with('/') || path.is_dir() {
        return because("this is a directory: add a file name such as oneoff.db");
    }
    Ok(path)
}

/// The address of a server's database; none where it is empty. The text of an error shows nothing of it.
pub(super) fn database_url(text: &str) -> Parsed<Option<DatabaseUrl>> {
    match text {
        "" => Ok(None),
        text => DatabaseUrl::new(text).map(Some).or_else(because),
    }
}

/// A name of a node; none where it is empty.
pub(super) fn node_name(text: &str) -> Parsed<Option<String>> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._-:".contains(c);
    match text.len() {
        0 => Ok(None),
        1..=NODE_NAME_MAX if text.chars().all(is_allowed) => Ok(Some(text.to_owned())),
        _ => unusable(),
    }
}

pub(super) fn timezone(text: &str) -> Parsed<String> {
    if oneoff_domain::time::is_timezone(text) { Ok(text.to_owned()) } else { unusable() }
}

pub(super) fn environment(text: &str) -> Parsed<String> {
    let is_allowed = |c: char| c.is_alphanumeric() || "._-".contains(c);
    let length = text.chars().count();
    if (1..=64).contains(&length) && text.chars().all(is_allowed) { Ok(text.to_owned()) } else { unusable() }
}

/// A prefix without a slash at its end; `/` is none.
pub(super) fn base_path(text: &str) -> Parsed<String> {
    let trimmed = text.trim_end_matches('/');
    if trimmed.is_empty() {
        return Ok(String::new());
    }
    let is_segment = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment.chars().all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c))
    };
    match trimmed.strip_prefix('/') {
        Some(rest) if rest.split('/').all(is_segment) => Ok(trimmed.to_owned()),
        _ => unusable(),
    }
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// Hosts as a `Host` header names them: with or without a port.
pub(super) fn hosts(text: &str) -> Parsed<Vec<String>> {
    items(text)
        .map(|item| {
            if is_authority(item) { Ok(item.to_ascii_lowercase()) } else { because(format!("not `{item}`")) }
        })
        .collect()
}

/// A host, and perhaps a port.
fn is_authority(text: &str) -> bool {
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    match text.rsplit_once(':') {
        Some((name, port)) if !text.ends_with(']') => host(name).is_ok() && is_port(port),
        _ => host(text).is_ok(),
    }
}

/// Origins as browsers send them: scheme, host and perhaps a port, nothing after it.
pub(super) fn origins(text: &str) -> Parsed<Vec<String>> {
    items(text).map(origin).collect()
}

fn origin(text: &str) -> Parsed<String> {
    let trimmed = text.trim_end_matches('/').to_ascii_lowercase();
    let rest = trimmed.strip_prefix("https://").or_else(|| trimmed.strip_prefix("http://"));
    let Some(authority) = rest else { return because(format!("{text} does not begin with https://")) };
    if is_authority(authority) { Ok(trimmed) } else { because(format!("{text} is not an origin")) }
}

/// A URL by which people reach the server: an origin, and perhaps a path.
pub(super) fn public_url(text: &str) -> Parsed<Option<String>> {
    if text.is_empty() {
        return Ok(None);
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return because(format!("{text} does not begin with https://"));
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let origin = origin(&format!("{scheme}://{authority}"))?;
    Ok(Some(format!("{origin}{}", base_path(path)?)))
}

/// Addresses and ranges of them.
pub(super) fn proxies(text: &str) -> Parsed<Vec<AddressRange>> {
    items(text)
        .map(|item| {
            item.parse().or_else(|_no_range| because(format!("`{item}` is not an address or a range")))
        })
        .collect()
}

/// A path, where one is given.
pub(super) fn optional_path(text: &str) -> Parsed<Option<PathBuf>> {
    Ok((!text.is_empty()).then(|| PathBuf::from(text)))
}

pub(super) fn job_types(text: &str) -> Parsed<Vec<String>> {
    items(text).map(job_type).collect()
}

fn job_type(text: &str) -> Parsed<String> {
    let known = oneoff::BUILTIN_JOB_TYPES;
    if known.contains(&text) {
        return Ok(text.to_owned());
    }
    match nearest(text, known.iter().copied()) {
        Some(name) => because(format!("there is no job type `{text}`, did you mean `{name}`?")),
        None => because(format!("there is no job type `{text}`")),
    }
}

pub(super) fn type_limits(text: &str) -> Parsed<BTreeMap<String, usize>> {
    let mut limits = BTreeMap::new();
    for item in items(text) {
        let Some((name, limit)) = item.split_once('=') else {
            return because(format!("`{item}` has no `=`"));
        };
        let name = job_type(name.trim())?;
        if limits.insert(name.clone(), whole(limit.trim(), 1, 10_000)?).is_some() {
            return because(format!("`{name}` is given twice"));
        }
    }
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuses<T>(parse: impl Fn(&str) -> Parsed<T>, texts: &[&str]) {
        for text in texts {
            assert!(parse(text).is_err(), "`{text}` was accepted");
        }
    }

    #[test]
    fn numbers_stay_within_their_bounds() {
        assert_eq!(whole("65535", 0, u16::MAX).ok(), Some(65535));
        refuses(
            |text| whole(text, 0, u16::MAX),
            &["65536", "-1", "8080x", "", "1e3", "٣", "99999999999999999999"],
        );
        refuses(|text| whole::<u8>(text, 1, 10), &["0", "11", "5.0"]);
    }

    #[test]
    fn days_may_have_parts() {
        assert_eq!(days("90").ok(), Some(Duration::from_secs(90 * 86_400)));
        assert_eq!(days("0.5").ok(), Some(Duration::from_secs(43_200)));
        refuses(
            days,
            &[
                "", "0", "0.0009", "36500.1", "-1", "1e3", "inf", "NaN", ".5", "1,5", "+1", " 1", "1.2.3",
                "٣", "1d",
            ],
        );
    }

    #[test]
    fn hosts_have_no_scheme_port_or_space() {
        assert_eq!(host("[::1]").ok().as_deref(), Some("::1"));
        refuses(host, &["", "http://x", "localhost:80", "a b", "a..b", "é", "/", "[::1]:80"]);
    }

    #[test]
    fn a_database_path_is_a_file() {
        assert_eq!(database_path("data/x.db").ok(), Some(PathBuf::from("data/x.db")));
        refuses(database_path, &["", ":memory:", "file:x.db", "postgres://h/d", "/tmp", "x/"]);
    }

    #[test]
    fn a_database_url_is_one_of_postgresql_or_none() {
        assert_eq!(database_url("").ok(), Some(None));
        let url = database_url("postgresql://me:x@db/oneoff").ok().flatten().unwrap();
        assert_eq!(url.to_string(), "postgresql://me@db/oneoff");
        let long = format!("postgres://db/{}", "x".repeat(5_000));
        refuses(
            database_url,
            &[
                "oneoff.db",
                "mysql://db/x",
                "postgres:db",
                "postgres://db:0x/é",
                "postgres://a b",
                "-1",
                &long,
            ],
        );
    }

    #[test]
    fn names_of_nodes_are_short_and_plain() {
        assert_eq!(node_name("").ok(), Some(None));
        assert_eq!(node_name("a-1.b_C:8080").ok(), Some(Some("a-1.b_C:8080".to_owned())));
        refuses(node_name, &["a b", "é", "a/b", "\"", "a\n", &"x".repeat(129)]);
    }

    #[test]
    fn a_base_path_is_normal() {
        assert_eq!(base_path("/a/b/").ok().as_deref(), Some("/a/b"));
        assert_eq!(base_path("/").ok().as_deref(), Some(""));
        refuses(base_path, &["a", "/a//b", "/a/../b", "/a b", "/a?b", "/é", "//a"]);
    }

    #[test]
    fn origins_are_scheme_host_and_port() {
        let expected = vec![
            "https://a.example".to_owned(),
            "http://localhost:3000".to_owned(),
            "http://[::1]:3000".to_owned(),
        ];
        assert_eq!(
            origins("https://A.example/, http://localhost:3000,http://[::1]:3000").ok(),
            Some(expected)
        );
        refuses(
            origins,
            &["*", "example.com", "https://a/b", "https://a:0", "https://a:99999", "ftp://a", "https://"],
        );
    }

    #[test]
    fn allowed_hosts_may_have_a_port() {
        let expected = vec!["ops.example:8443".to_owned(), "box".to_owned(), "[::1]:80".to_owned()];
        assert_eq!(hosts("Ops.example:8443, box,[::1]:80").ok(), Some(expected));
        refuses(hosts, &["*", "a b", "http://a", "a:0", "a:x", "a/b"]);
    }

    #[test]
    fn job_types_are_known_and_limits_positive() {
        assert_eq!(job_types(" shell , ").ok(), Some(vec!["shell".to_owned()]));
        refuses(job_types, &["shel", "docker9"]);
        assert_eq!(type_limits("shell=8, http=64").ok().map(|limits| limits.len()), Some(2));
        refuses(type_limits, &["shell", "shell=0", "shell=-1", "shell=1,shell=2", "x=1", "shell=10001"]);
    }

    #[test]
    fn retries_rise_and_are_within_a_day() {
        let schedule = retry_schedule("5, 30,86400").ok().unwrap();
        assert_eq!(schedule.retries(), [5, 30, 86_400].map(Duration::from_secs));
        let many = vec!["1"; 21].join(",");
        refuses(retry_schedule, &["", ",", "0", "30,5", "5,5", "86401", "5;30", "1.5", "-1", "x", &many]);
    }

    #[test]
    fn booleans_are_words() {
        assert_eq!((boolean("TRUE").ok(), boolean("0").ok()), (Some(true), Some(false)));
        refuses(boolean, &["maybe", "2", ""]);
    }
}
