//! The workspace passes, and each rule is shown to fail on what it is there to find.

use super::graph::{Edge, EdgeKind, Graph};
use super::{check, documents, manifest, migrations, source};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

#[test]
fn the_workspace_keeps_its_architecture() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let findings = check(&root).unwrap();
    assert!(findings.violations.is_empty(), "\n{}", findings.violations.join("\n"));
    assert!(findings.checked > 150, "only {} things were looked at", findings.checked);
}

fn edge(from: &str, to: &str) -> Edge {
    let (from, to) = (from.to_owned(), to.to_owned());
    Edge { from, to, kind: EdgeKind::Normal, optional: None, features: Vec::new() }
}

fn dev_edge(from: &str, to: &str) -> Edge {
    Edge { kind: EdgeKind::Dev, ..edge(from, to) }
}

fn optional_edge(from: &str, to: &str, features: &[&str]) -> Edge {
    Edge { optional: Some(features.iter().map(|name| (*name).to_owned()).collect()), ..edge(from, to) }
}

fn violations(edges: Vec<Edge>) -> Vec<String> {
    let packages = edges.iter().flat_map(|edge| [edge.from.clone(), edge.to.clone()]);
    let packages = packages.filter(|name| name.starts_with("oneoff")).collect();
    Graph { packages, edges, reached: BTreeMap::new() }.violations()
}

#[track_caller]
fn assert_named(found: &[String], parts: &[&str]) {
    assert_eq!(found.len(), 1, "{found:?}");
    for part in parts {
        assert!(found.iter().all(|fault| fault.contains(part)), "`{part}` is missing in {found:?}");
    }
}

#[test]
fn allowed_arrows_pass() {
    let found = violations(vec![
        edge("oneoff-storage", "oneoff-domain"),
        edge("oneoff-storage", "diesel_migrations"),
        edge("oneoff-scheduler", "metrics"),
        optional_edge("oneoff", "oneoff-api", &["http"]),
        dev_edge("oneoff-scheduler", "oneoff-fakes"),
        edge("oneoff-bench", "oneoff-storage"),
        edge("oneoff-bench", "reqwest"),
        edge("oneoff-domain", "dieselpunk"),
    ]);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_forbidden_arrow_is_named() {
    let found = violations(vec![edge("oneoff-domain", "oneoff-storage")]);
    assert_named(&found, &["oneoff-domain -> oneoff-storage", "not allowed"]);
}

#[test]
fn an_arrow_against_the_direction_is_named() {
    let found = violations(vec![edge("oneoff-scheduler", "oneoff-api")]);
    assert_named(&found, &["oneoff-scheduler -> oneoff-api"]);
}

#[test]
fn a_test_arrow_in_the_product_is_named() {
    let found = violations(vec![edge("oneoff-scheduler", "oneoff-fakes")]);
    assert_named(&found, &["oneoff-scheduler -> oneoff-fakes"]);
}

#[test]
fn a_dev_dependency_outside_of_its_table_is_named() {
    let found = violations(vec![dev_edge("oneoff-domain", "oneoff-fakes")]);
    assert_named(&found, &["oneoff-domain -> oneoff-fakes", "dev-dependency"]);
}

#[test]
fn an_arrow_into_a_leaf_is_named() {
    let found = violations(vec![dev_edge("oneoff-storage", "oneoff-bench")]);
    assert_named(&found, &["oneoff-storage -> oneoff-bench", "leaf"]);
}

#[test]
fn the_api_in_the_facade_must_hang_on_its_feature() {
    for edge in [edge("oneoff", "oneoff-api"), optional_edge("oneoff", "oneoff-api", &["default"])] {
        assert_named(&violations(vec![edge]), &["oneoff -> oneoff-api", "`http`"]);
    }
}

#[test]
fn a_reserved_crate_is_named_in_tests_too() {
    for reserved in
        ["diesel", "diesel_migrations", "actix-web", "actix-web-lab", "bollard", "reqwest", "metrics"]
    {
        let found = violations(vec![edge("oneoff-webhooks", reserved)]);
        assert_named(&found, &["oneoff-webhooks uses", reserved]);
        let found = violations(vec![dev_edge("oneoff-webhooks", reserved)]);
        assert_named(&found, &["oneoff-webhooks uses", reserved]);
    }
}

#[test]
fn kill_points_are_armed_by_the_torture_suite_only() {
    let armed = |from| Edge { features: vec!["armed".to_owned()], ..edge(from, "oneoff-faults") };
    assert_eq!(violations(vec![armed("oneoff-torture")]), Vec::<String>::new());
    for from in ["oneoff-storage", "oneoff-bench"] {
        assert_named(&violations(vec![armed(from)]), &[from, "`armed`", "only oneoff-torture"]);
    }
}

#[test]
fn a_runtime_under_the_domain_is_named() {
    let reached = BTreeSet::from(["serde".to_owned(), "tokio".to_owned()]);
    let graph =
        Graph { reached: BTreeMap::from([("oneoff-domain".to_owned(), reached)]), ..Graph::default() };
    assert_named(&graph.violations(), &["oneoff-domain", "tokio"]);
}

#[test]
fn a_package_without_a_row_is_named() {
    let graph = Graph { packages: BTreeSet::from(["oneoff-extra".to_owned()]), ..Graph::default() };
    assert_named(&graph.violations(), &["oneoff-extra", "no row"]);
}

const MANIFEST: &str = r#"
[package]
name = "oneoff-extra"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
publish.workspace = true
[lints]
workspace = true
[dependencies]
serde.workspace = true
[target.'cfg(unix)'.dependencies]
rustix = { workspace = true, optional = true }
"#;

#[test]
fn a_manifest_that_inherits_passes() {
    assert_eq!(manifest::violations("Cargo.toml", MANIFEST), Vec::<String>::new());
}

#[test]
fn what_a_manifest_does_not_inherit_is_named() {
    let cases = [
        ("[lints]\nworkspace = true", "", "[lints]"),
        ("edition.workspace = true", "edition = \"2024\"", "edition"),
        ("serde.workspace = true", "serde = \"1\"", "serde"),
        ("{ workspace = true, optional = true }", "\"1\"", "rustix"),
    ];
    for (good, bad, part) in cases {
        let text = MANIFEST.replace(good, bad);
        assert_ne!(text, MANIFEST);
        assert_named(&manifest::violations("Cargo.toml", &text), &[part]);
    }
}

#[test]
fn what_is_wrong_with_a_file_is_named() {
    let doc = "//! What lives here.\n";
    let long = format!("{doc}{}", "fn f() {}\n".repeat(400));
    let marked = format!("{doc}// {}: later\n", concat!("TO", "DO"));
    let unfinished = format!("{doc}fn f() {{ {}) }}\n", concat!("to", "do!("));
    assert_eq!(source::violations("crates/a/src/claim.rs", doc), Vec::<String>::new());
    assert_named(&source::violations("crates/a/src/claim.rs", "fn f() {}\n"), &["`//!`"]);
    assert_named(&source::violations("crates/a/src/claim.rs", &long), &["401 lines"]);
    assert_named(&source::violations("crates/a/src/utils.rs", doc), &["utils.rs"]);
    assert_named(&source::violations("crates/a/src/claim.rs", &marked), &["claim.rs:2"]);
    assert_named(&source::violations("crates/a/src/claim.rs", &unfinished), &["claim.rs:2"]);
    assert_named(&source::violations("frontend/src/a.ts", &marked), &["a.ts:2"]);
}

fn steps(names: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let files = BTreeSet::from(["up.sql".to_owned(), "down.sql".to_owned()]);
    names.iter().map(|name| ((*name).to_owned(), files.clone())).collect()
}

#[test]
fn what_is_wrong_with_migrations_is_named() {
    let both = ("sqlite".to_owned(), steps(&["0001_start", "0002_more"]));
    let good = BTreeMap::from([both.clone(), ("postgres".to_owned(), steps(&["0001_start", "0002_more"]))]);
    assert_eq!(migrations::violations(&good), Vec::<String>::new());

    let uneven = BTreeMap::from([both, ("postgres".to_owned(), steps(&["0001_start"]))]);
    assert_named(&migrations::violations(&uneven), &["migrations/postgres", "0002_more"]);

    let mut one_way = good;
    for files in one_way.values_mut().filter_map(|steps| steps.get_mut("0001_start")) {
        files.remove("down.sql");
    }
    let found = migrations::violations(&one_way);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|fault| fault.contains("0001_start: lacks down.sql")), "{found:?}");

    assert_named(&migrations::violations(&BTreeMap::new()), &["no migration"]);
}

#[test]
fn the_graph_is_really_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let graph = super::metadata::load(&root).unwrap();
    let find = |from, to| graph.edges.iter().find(|edge| edge.from == from && edge.to == to).cloned();
    assert_eq!(find("oneoff-scheduler", "oneoff-storage").unwrap().kind, EdgeKind::Normal);
    assert_eq!(find("oneoff-scheduler", "oneoff-fakes").unwrap().kind, EdgeKind::Dev);
    assert_eq!(find("oneoff", "oneoff-api").unwrap().optional, Some(vec!["http".to_owned()]));
    assert!(graph.reached.get("oneoff-server").unwrap().contains("libsqlite3-sys"));
    assert!(!graph.reached.get("oneoff-domain").unwrap().contains("proptest"));
}

#[test]
fn a_dead_link_is_named() {
    let text = "See [a](../README.md#top), [b](adr/0001-x.md), [c](https://example.com/x.md) and `f](x y)`.";
    let exists = |path: &Path| path == Path::new("README.md");
    assert_named(
        &documents::dead_links(Path::new("docs/api.md"), text, exists),
        &["docs/api.md", "adr/0001-x.md"],
    );
}

#[test]
fn what_a_document_leaves_out_is_named() {
    let [settings, codes, ..] = documents::MIRRORS else { panic!("no mirrors") };
    let table = "    name: \"HOST\",\n    default: \"x\",\n    name: \"PORT\",\n";
    assert_named(&settings.violations(table, "| `HOST` |"), &["docs/operations.md", "setting `PORT`"]);
    assert_named(&settings.violations("", ""), &["table.rs", "no setting"]);
    let table = "    NotFound = NOT_FOUND, \"not_found\", \"Not found\";";
    assert_named(&codes.violations(table, "`other`"), &["docs/api.md", "`not_found`"]);
}
