//! `POST /api/time/parse`: what a time expression means.

use crate::answer;
use crate::caller::Asker;
use crate::problem::ApiError;
use crate::read::job_requests;
use crate::routes::jobs::no_parameters;
use crate::state::ApiState;
use actix_web::{HttpRequest, HttpResponse, web};
use oneoff_api_types::ParsedTime;
use oneoff_domain::Timestamp;
use oneoff_domain::time::{ResolvedTime, describe, wall_time};
use oneoff_scheduler::ServiceError;

/// Reads an expression as a job's time would be read.
pub(crate) async fn parse(
    asker: Asker,
    state: web::Data<ApiState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    no_parameters(&request)?;
    let schedule = job_requests::parse_time(asker.body.object()?)?;
    let resolved = state.service.parse_time(&schedule).map_err(about_expression)?;
    Ok(answer::data(view(resolved, state.service.now())))
}

fn view(resolved: ResolvedTime, now: Timestamp) -> ParsedTime {
    let ResolvedTime { instant, timezone, local, .. } = resolved;
    ParsedTime {
        local: local.unwrap_or_else(|| wall_time(instant, &timezone)),
        description: describe(instant, &timezone),
        in_ms: instant.micros_since(now).div_euclid(1_000),
        instant: instant.to_string(),
        timezone,
    }
}

/// The service's errors under the name that the field has in this request.
fn about_expression(error: ServiceError) -> ServiceError {
    let ServiceError::Invalid(mut errors) = error else { return error };
    for error in &mut errors.0 {
        if error.pointer == "/scheduled_at" {
            "/expression".clone_into(&mut error.pointer);
        }
    }
    ServiceError::Invalid(errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_shown_as_wall_time_of_its_zone() {
        let now: Timestamp = "2026-11-24T07:00:00Z".parse().unwrap();
        let resolved = ResolvedTime {
            instant: "2026-11-24T08:00:00Z".parse().unwrap(),
            timezone: "Europe/Madrid".to_owned(),
            local: None,
            is_now: false,
        };
        let parsed = view(resolved, now);
        assert_eq!(parsed.local, "2026-11-24T09:00:00");
        assert_eq!(parsed.in_ms, 3_600_000);
        assert_eq!(parsed.instant, "2026-11-24T08:00:00Z");
        assert!(parsed.description.contains("09:00"), "{}", parsed.description);
    }
}
