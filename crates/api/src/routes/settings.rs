//! `/api/system/config`: settings that take effect while servers run.

use crate::answer;
use crate::caller::{AdminWriter, Reader};
use crate::problem::ApiError;
use crate::read::records;
use crate::routes::jobs::no_parameters;
use crate::state::ApiState;
use crate::view;
use actix_web::{HttpRequest, HttpResponse, web};
use oneoff_api_types::SettingsUpdated;

/// `GET /api/system/config`.
pub(crate) async fn list(
    _reader: Reader,
    state: web::Data<ApiState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    no_parameters(&request)?;
    let settings = state.service.live_settings();
    Ok(answer::whole_list(settings.into_iter().map(view::records::setting).collect()))
}

/// `PATCH /api/system/config`.
pub(crate) async fn update(
    writer: AdminWriter,
    state: web::Data<ApiState>,
) -> Result<HttpResponse, ApiError> {
    let changes = records::settings(writer.body.object()?)?;
    let settings = state.service.update_settings(writer.context(), changes).await?;
    Ok(answer::data(SettingsUpdated {
        message: "Config updated".to_owned(),
        settings: settings.into_iter().map(view::records::setting).collect(),
    }))
}
