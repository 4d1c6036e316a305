//! `GET /api/audit`: who changed what. As a page, or all of it as lines of JSON or CSV, which are read page by page while
//! they are sent.

use crate::answer;
use crate::caller::Admin;
use crate::problem::ApiError;
use crate::read::audit::{self, AuditRequest, Format};
use crate::service_error::stopping;
use crate::state::ApiState;
use crate::view;
use actix_web::http::header::{ACCEPT, CONTENT_DISPOSITION, ContentEncoding};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::{Stream, stream};
use oneoff_domain::Context;
use oneoff_storage::{AUDIT_EXPORT_PAGE_ROWS, AuditEntry, Page};

/// `GET /api/audit`.
pub(crate) async fn list(
    admin: Admin,
    state: web::Data<ApiState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let asked = audit::list(request.query_string())?;
    let format = asked.format.unwrap_or_else(|| accepted(&request));
    let context = admin.context().clone();
    if format == Format::Json {
        let _turn = state.pages.take().await?;
        let AuditRequest { filter, limit, cursor, .. } = asked;
        let page = state.service.audit_entries(context, filter, limit, cursor).await?;
        return state.answers.hold(answer::list(&request, page, view::audit::entry));
    }
    let first = page(&state, &context, &asked).await?;
    let (mime, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"audit.csv\""),
        Format::Json | Format::Ndjson => ("application/x-ndjson", "attachment; filename=\"audit.ndjson\""),
    };
    Ok(HttpResponse::Ok()
        .content_type(mime)
        .insert_header((CONTENT_DISPOSITION, name))
        .insert_header(ContentEncoding::Identity)
        .streaming(Box::pin(Export { state, context, asked, format }.into_stream(first))))
}

fn accepted(request: &HttpRequest) -> Format {
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match accept.split([',', ';']).next().unwrap_or_default().trim() {
        "application/x-ndjson" | "application/jsonl" => Format::Ndjson,
        "text/csv" => Format::Csv,
        _ => Format::Json,
    }
}

/// A page of an export, when it is its turn among all pages.
async fn page(
    state: &ApiState,
    context: &Context,
    asked: &AuditRequest,
) -> Result<Page<AuditEntry>, ApiError> {
    let _turn = state.pages.take().await?;
    let (filter, cursor) = (asked.filter.clone(), asked.cursor.clone());
    Ok(state.service.audit_entries(context.clone(), filter, AUDIT_EXPORT_PAGE_ROWS, cursor).await?)
}

struct Export {
    state: web::Data<ApiState>,
    context: Context,
    asked: AuditRequest,
    format: Format,
}

impl Export {
    /// The lines, a page of them at a time: the next is read when the client has taken the one before.
    fn into_stream(self, first: Page<AuditEntry>) -> impl Stream<Item = Result<Bytes, ApiError>> {
        let head = if self.format == Format::Csv { view::audit::CSV_HEAD } else { "" };
        let begin = (self, Some(first), head.to_owned());
        stream::try_unfold(begin, |(mut export, page, mut text)| async move {
            let Some(mut page) = page else { return Ok(None) };
            loop {
                for entry in page.items {
                    text.push_str(&export.line(entry));
                }
                export.asked.cursor = page.next_cursor;
                if export.asked.cursor.is_some() && export.state.is_stopping() {
                    // What was sent is not all, and must not look like it.
                    return Err(stopping());
                }
                if export.asked.cursor.is_none() {
                    return Ok(Some((Bytes::from(text), (export, None, String::new()))));
                }
                let next = self::page(&export.state, &export.context, &export.asked).await?;
                if !text.is_empty() {
                    return Ok(Some((Bytes::from(text), (export, Some(next), String::new()))));
                }
                page = next;
            }
        })
    }

    fn line(&self, entry: AuditEntry) -> String {
        let view = view::audit::entry(entry);
        match self.format {
            Format::Csv => view::audit::csv(view),
            Format::Json | Format::Ndjson => {
                let mut line = serde_json::to_string(&view).unwrap_or_default();
                line.push('\n');
                line
            }
        }
    }
}
