//! Reads the graph from `cargo metadata`.

use super::graph::{Edge, EdgeKind, Graph};
use anyhow::{Context as _, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// The graph of the workspace at `root`, as it is on this platform.
pub(crate) fn load(root: &Path) -> Result<Graph> {
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .other_options(["--locked".to_owned(), "--filter-platform".to_owned(), host_triple()?])
        .exec()
        .context("cargo metadata failed")?;
    Ok(graph(&metadata))
}

fn graph(metadata: &Metadata) -> Graph {
    let members = metadata.workspace_packages();
    Graph {
        packages: members.iter().map(|package| package.name.to_string()).collect(),
        edges: members.iter().flat_map(|package| edges(package)).collect(),
        reached: members
            .iter()
            .map(|package| (package.name.to_string(), reached(metadata, package)))
            .collect(),
    }
}

fn edges(package: &Package) -> Vec<Edge> {
    package
        .dependencies
        .iter()
        .map(|dependency| Edge {
            from: package.name.to_string(),
            to: dependency.name.clone(),
            kind: match dependency.kind {
                DependencyKind::Development => EdgeKind::Dev,
                _ => EdgeKind::Normal,
            },
            optional: dependency.optional.then(|| switches(package, &dependency.name)),
            features: dependency
                .features
                .iter()
                .cloned()
                .chain(forwarded(package, &dependency.name))
                .collect(),
        })
        .collect()
}

/// The features of a package that switch an optional dependency on.
fn switches(package: &Package, dependency: &str) -> Vec<String> {
    let marker = format!("dep:{dependency}");
    let names = package.features.iter().filter(|(_, parts)| parts.contains(&marker));
    names.map(|(name, _)| name.clone()).collect()
}

/// The features of a dependency that features of the package switch on: `dependency/feature`.
fn forwarded(package: &Package, dependency: &str) -> Vec<String> {
    let parts = package.features.values().flatten().filter_map(|part| part.split_once('/'));
    let of_dependency = parts.filter(|(name, _)| name.trim_end_matches('?') == dependency);
    of_dependency.map(|(_, feature)| feature.to_owned()).collect()
}

fn reached(metadata: &Metadata, package: &Package) -> BTreeSet<String> {
    let Some(resolve) = &metadata.resolve else { return BTreeSet::new() };
    let nodes: BTreeMap<&PackageId, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let names: BTreeMap<&PackageId, &str> =
        metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
    let mut seen = BTreeSet::new();
    let mut waiting = vec![&package.id];
    while let Some(id) = waiting.pop() {
        for dependency in nodes.get(id).into_iter().flat_map(|node| &node.deps) {
            let built = dependency.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development);
            if built && seen.insert(&dependency.pkg) {
                waiting.push(&dependency.pkg);
            }
        }
    }
    seen.into_iter().filter_map(|id| names.get(id)).map(|name| (*name).to_owned()).collect()
}

fn host_triple() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("cannot run rustc")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host")
}
