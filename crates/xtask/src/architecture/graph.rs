//! The packages of the workspace and the edges between them, checked against the tables of `arrows`.

use super::arrows::{ARROWS, DEV_ARROWS, LEAVES, OPTIONAL_ARROWS, RESERVED, RESERVED_FEATURES, UNREACHABLE};
use std::collections::{BTreeMap, BTreeSet};

/// Which build an edge belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EdgeKind {
    /// The package itself, or its build script.
    Normal,
    /// Tests, examples and benchmarks.
    Dev,
}

/// A dependency that a package of the workspace names.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) kind: EdgeKind,
    /// The features that switch it on; `None` where it is not optional.
    pub(crate) optional: Option<Vec<String>>,
    /// The features of the other package that this one may switch on, by itself or behind a feature.
    pub(crate) features: Vec<String>,
}

/// What the checks look at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Graph {
    /// The packages of the workspace.
    pub(crate) packages: BTreeSet<String>,
    /// What they name.
    pub(crate) edges: Vec<Edge>,
    /// All that each package reaches over normal and build dependencies.
    pub(crate) reached: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// Everything that the tables do not allow, a sentence each.
    pub(crate) fn violations(&self) -> Vec<String> {
        let mut found = self.unknown_packages();
        for edge in &self.edges {
            let inner = self.packages.contains(&edge.to);
            let fault = if inner { inner_fault(edge) } else { reserved_fault(edge) };
            found.extend(fault);
            found.extend(feature_fault(edge));
        }
        found.extend(self.reached_faults());
        found
    }

    /// How many edges and reachability rules were looked at.
    pub(crate) fn size(&self) -> usize {
        self.edges.len() + UNREACHABLE.iter().map(|(_, crates)| crates.len()).sum::<usize>()
    }

    fn unknown_packages(&self) -> Vec<String> {
        self.packages
            .iter()
            .filter(|package| !LEAVES.contains(&package.as_str()) && row(ARROWS, package).is_none())
            .map(|package| format!("{package} has no row in the table of allowed arrows"))
            .collect()
    }

    fn reached_faults(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (package, unreachable) in UNREACHABLE {
            let Some(reached) = self.reached.get(*package) else { continue };
            for name in unreachable.iter().filter(|name| reached.contains(**name)) {
                found.push(format!("{package} must not reach {name}, not even through other crates"));
            }
        }
        found
    }
}

fn row<'a>(table: &'a [(&str, &[&str])], package: &str) -> Option<&'a [&'a str]> {
    table.iter().find(|(from, _)| *from == package).map(|(_, to)| *to)
}

fn inner_fault(edge: &Edge) -> Option<String> {
    let (from, to) = (edge.from.as_str(), edge.to.as_str());
    if LEAVES.contains(&to) {
        return Some(format!("{from} -> {to}: {to} is a leaf, nothing may use it"));
    }
    let allowed = |table| row(table, from).is_some_and(|row: &[&str]| row.contains(&to));
    if LEAVES.contains(&from) || allowed(ARROWS) || (edge.kind == EdgeKind::Dev && allowed(DEV_ARROWS)) {
        return None;
    }
    let switch = OPTIONAL_ARROWS.iter().find(|arrow| arrow.0 == from && arrow.1 == to);
    match (switch, &edge.optional) {
        (Some((_, _, feature)), Some(features)) if features.as_slice() == [*feature] => None,
        (Some((_, _, feature)), _) => {
            Some(format!("{from} -> {to}: is allowed only behind the feature `{feature}`"))
        }
        (None, _) if edge.kind == EdgeKind::Dev => {
            Some(format!("{from} -> {to}: this dev-dependency is not in the table of test arrows"))
        }
        (None, _) => Some(format!("{from} -> {to}: this arrow is not allowed")),
    }
}

fn feature_fault(edge: &Edge) -> Option<String> {
    let (to, feature, users) = RESERVED_FEATURES
        .iter()
        .find(|(to, feature, _)| edge.to == *to && edge.features.iter().any(|on| on == feature))?;
    if users.contains(&edge.from.as_str()) {
        return None;
    }
    let from = &edge.from;
    Some(format!("{from} switches `{feature}` of {to} on: only {} may", users.join(" and ")))
}

fn reserved_fault(edge: &Edge) -> Option<String> {
    let (name, users) = RESERVED.iter().find(|(name, _)| is_family(&edge.to, name))?;
    let from = edge.from.as_str();
    if users.contains(&from) || LEAVES.contains(&from) {
        return None;
    }
    Some(format!("{from} uses {}: `{name}` belongs to {} only", edge.to, users.join(" and ")))
}

/// `diesel_migrations` and `metrics-exporter-prometheus` belong to the families `diesel` and `metrics`.
fn is_family(name: &str, family: &str) -> bool {
    name.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
}
