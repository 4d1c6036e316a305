//! Projects, tags and settings.

use crate::authorize::Scope;
use crate::error_table::ErrorCode::{Duplicate, IllegalState};
use crate::openapi::operation::{Content, Operation, shape, tagged};
use crate::routes::projects;
use oneoff_api_types::{ProjectView, SettingView, SettingsUpdated, TagView};

/// `/api/projects`.
pub(crate) fn projects() -> Vec<Operation> {
    tagged(
        "Projects",
        vec![
            Operation::get("/api/projects", "listProjects", "Lists projects")
                .query(projects::LIST_PARAMETERS)
                .lists::<ProjectView>("project"),
            Operation::post("/api/projects", "createProject", "Creates a project")
                .takes("CreateProject", &["create_project"])
                .makes::<ProjectView>("project")
                .refuses(&[Duplicate, IllegalState]),
            Operation::get("/api/projects/{id}", "getProject", "Answers a project")
                .tells_record::<ProjectView>("project"),
            Operation::patch("/api/projects/{id}", "updateProject", "Edits a project")
                .takes("UpdateProject", &["update_project"])
                .changes::<ProjectView>("project")
                .refuses(&[Duplicate, IllegalState]),
            Operation::delete("/api/projects/{id}", "deleteProject", "Deletes a project")
                .more("`jobs` says what becomes of its jobs: without it, a project that has any stays.")
                .query(projects::DELETE_PARAMETERS)
                .removes::<ProjectView>("project")
                .refuses(&[Duplicate, IllegalState]),
            Operation::post(
                "/api/projects/{id}/pause",
                "pauseProject",
                "Pauses a project: nothing of it starts",
            )
            .may_take("Nothing", &["nothing"])
            .with_condition()
            .changes::<ProjectView>("project"),
            Operation::post("/api/projects/{id}/resume", "resumeProject", "Lets a paused project go on")
                .may_take("Nothing", &["nothing"])
                .with_condition()
                .changes::<ProjectView>("project"),
        ],
    )
}

/// `/api/tags`.
pub(crate) fn tags() -> Vec<Operation> {
    tagged(
        "Tags",
        vec![
            Operation::get("/api/tags", "listTags", "Lists tags").lists::<TagView>("tag"),
            Operation::post("/api/tags", "createTag", "Creates a tag")
                .takes("CreateTag", &["create_tag"])
                .makes::<TagView>("tag")
                .refuses(&[Duplicate, IllegalState]),
            Operation::get("/api/tags/{id}", "getTag", "Answers a tag").tells_record::<TagView>("tag"),
            Operation::patch("/api/tags/{id}", "updateTag", "Edits a tag")
                .takes("UpdateTag", &["update_tag"])
                .changes::<TagView>("tag")
                .refuses(&[Duplicate]),
            Operation::delete("/api/tags/{id}", "deleteTag", "Deletes a tag; jobs lose it")
                .removes::<TagView>("tag")
                .refuses(&[IllegalState]),
        ],
    )
}

/// `/api/system/config`.
pub(crate) fn settings() -> Vec<Operation> {
    let changed = Content::Data(shape::<SettingsUpdated>(), "settings_updated");
    tagged(
        "Settings",
        vec![
            Operation::get(
                "/api/system/config",
                "listSettings",
                "Lists settings that can be changed while servers run",
            )
            .lists::<SettingView>("setting"),
            Operation::patch(
                "/api/system/config",
                "updateSettings",
                "Changes settings at once, on all nodes",
            )
            .more("All that are sent, or none when anything is wrong with one.")
            .needs(Some(Scope::Admin))
            .takes("UpdateSettings", &["update_setting", "update_settings"])
            .answers(200, "They are in effect.", changed, &[]),
        ],
    )
}
