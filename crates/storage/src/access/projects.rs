//! The projects that a key is restricted to: those that are there when it is given them. One that is deleted later stays
//! with the key, which then may do nothing there; a key never comes to be good for more.

use crate::Refusal;
use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::schema::projects;
use diesel::prelude::*;
use oneoff_domain::suggest::nearest;
use oneoff_domain::{Context, FieldError, ValidationErrors};

/// A key that is restricted to a project which is not there could do nothing, and was meant for another one.
pub(super) fn check(
    conn: &mut AnyConnection,
    context: &Context,
    named: Option<&[String]>,
) -> Result<(), WriteError> {
    let Some(named) = named.filter(|named| !named.is_empty()) else { return Ok(()) };
    let mut known: Vec<(String, String)> =
        projects::table.select((projects::id, projects::name)).load(conn)?;
    // Whoever is restricted learns nothing of other projects.
    known.retain(|(id, _)| context.allows_project(id));
    let unknown = named.iter().filter(|id| !known.iter().any(|(there, _)| there == *id));
    let errors: Vec<FieldError> = unknown.map(|id| unknown_project(id, &known)).collect();
    match errors.is_empty() {
        true => Ok(()),
        false => Err(Refusal::Invalid(ValidationErrors(errors)).into()),
    }
}

fn unknown_project(given: &str, known: &[(String, String)]) -> FieldError {
    let shown: String = given.chars().take(64).collect();
    let error = FieldError::new("/project_ids", format!("there is no project `{shown}`"));
    let named = known.iter().find(|(_, name)| name.eq_ignore_ascii_case(given));
    let meant = named
        .map(|(_, name)| name.as_str())
        .or_else(|| nearest(given, known.iter().flat_map(|(id, name)| [id.as_str(), name.as_str()])));
    match meant.and_then(|meant| known.iter().find(|(id, name)| id == meant || name == meant)) {
        Some((id, name)) if id == name => error.with_hint(format!("did you mean `{id}`?")),
        Some((id, name)) => error.with_hint(format!("did you mean `{id}`, which is called `{name}`?")),
        None => error.with_hint("ids of GET /api/projects, or none for all projects"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_suggested_by_its_id_or_its_name() {
        let known = [("default", "Default"), ("0199-a", "Nightly"), ("same", "same")];
        let known = known.map(|(id, name)| (id.to_owned(), name.to_owned()));
        for (given, hint) in [
            ("defualt", "did you mean `default`, which is called `Default`?"),
            ("nightly", "did you mean `0199-a`, which is called `Nightly`?"),
            ("Nigthly", "did you mean `0199-a`, which is called `Nightly`?"),
            ("sane", "did you mean `same`?"),
            ("\u{1f511}", "ids of GET /api/projects, or none for all projects"),
        ] {
            let error = unknown_project(given, &known);
            assert_eq!(error.hint.as_deref(), Some(hint), "{given}");
        }
        let long = unknown_project(&"x".repeat(1000), &known);
        assert!(long.message.len() < 100, "{}", long.message);
    }
}
