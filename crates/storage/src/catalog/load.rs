//! Reading the catalog.

use super::{Catalog, StoredSetting};
use crate::connection::{AnyBackend, AnyConnection};
use crate::rows::instant;
use crate::schema::{catalog_versions, projects, settings, tags};
use diesel::prelude::*;
use oneoff_domain::{LiveSetting, LiveSettings, Project, Tag};
use std::collections::BTreeMap;

#[derive(Queryable, Selectable)]
#[diesel(table_name = projects, check_for_backend(AnyBackend))]
struct ProjectRow {
    id: String,
    name: String,
    description: Option<String>,
    color: Option<String>,
    icon: Option<String>,
    is_archived: bool,
    is_paused: bool,
    version: i64,
    created_at: i64,
    updated_at: i64,
}

impl ProjectRow {
    fn into_domain(self) -> Project {
        let Self { id, name, description, color, icon, is_archived, is_paused, version, .. } = self;
        let (created_at, updated_at) = (instant(self.created_at), instant(self.updated_at));
        Project {
            id,
            name,
            description,
            color,
            icon,
            is_archived,
            is_paused,
            version,
            created_at,
            updated_at,
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = tags, check_for_backend(AnyBackend))]
struct TagRow {
    key: i64,
    id: String,
    name: String,
    color: Option<String>,
    is_default: bool,
    version: i64,
    created_at: i64,
    updated_at: i64,
}

impl TagRow {
    fn into_domain(self) -> Tag {
        let Self { key, id, name, color, is_default, version, .. } = self;
        let (created_at, updated_at) = (instant(self.created_at), instant(self.updated_at));
        Tag { key, id, name, color, is_default, version, created_at, updated_at }
    }
}

/// All of it. The version comes first: what is read after it is at least as new.
pub(crate) fn load(conn: &mut AnyConnection) -> QueryResult<Catalog> {
    let version: i64 = catalog_versions::table.find(1).select(catalog_versions::version).get_result(conn)?;
    let rows: Vec<ProjectRow> = projects::table.select(ProjectRow::as_select()).load(conn)?;
    let projects: BTreeMap<String, Project> =
        rows.into_iter().map(|row| (row.id.clone(), row.into_domain())).collect();
    let rows: Vec<TagRow> = tags::table.select(TagRow::as_select()).load(conn)?;
    let tags = rows.into_iter().map(|row| (row.id.clone(), row.into_domain())).collect();
    let rows: Vec<(String, String, i64)> =
        settings::table.select((settings::name, settings::value, settings::updated_at)).load(conn)?;
    let settings: BTreeMap<String, StoredSetting> = rows
        .into_iter()
        .map(|(name, value, at)| (name, StoredSetting { value, updated_at: instant(at) }))
        .collect();
    let paused =
        projects.values().filter(|project| project.is_paused).map(|project| project.id.clone()).collect();
    let live = live(&settings);
    Ok(Catalog { version, projects, tags, settings, live, paused })
}

/// What the stored texts mean. One that makes no sense is as if it were not there: a server starts all the same.
fn live(settings: &BTreeMap<String, StoredSetting>) -> LiveSettings {
    let mut live = LiveSettings::default();
    for (name, stored) in settings {
        let read = LiveSetting::named(name).and_then(|setting| live.set(setting, &stored.value));
        if read.is_none() {
            tracing::error!(setting = name, "a stored setting is not used: it cannot be read");
        }
    }
    live
}
