//! The table of settings: names that are one of a kind, and no password in what is shown.

use super::*;

#[test]
fn names_are_unique_and_upper_case() {
    let mut names: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
    assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_uppercase() || c == '_')));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), SETTINGS.len());
}

#[test]
fn a_password_is_not_shown_whatever_is_wrong_with_the_address() {
    let setting = find("DATABASE_URL").unwrap();
    for value in
        ["postgres://me:hunter2@db/x?a=hunter2", "hunter2", "postgres://me:hunter2/@db", "mysql://hunter2@db"]
    {
        assert!(!setting.shown(value).contains("hunter2"), "{value}");
    }
    assert_eq!(setting.shown("postgres://me:hunter2@db/x"), "postgres://me@db/x");
    assert_eq!(setting.shown(""), "");
    assert_eq!(find("DB_PATH").unwrap().shown("x.db"), "x.db");
}

#[test]
fn every_form_of_a_name_follows_from_it() {
    let setting = find("DB_PATH").unwrap();
    assert_eq!(
        (setting.key(), setting.flag(), setting.prefixed()),
        ("db_path".into(), "db-path".into(), "ONEOFF_DB_PATH".into())
    );
    assert_eq!(find("db_path"), None);
}
