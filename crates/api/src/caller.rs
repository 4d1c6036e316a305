//! Who calls: extractors that demand a permission, so that no handler can forget it, and that carry what
//! the service wants to know of the caller.
//!
//! A handler takes one of [`Reader`], [`Asker`], [`Writer`], [`Admin`] or [`AdminWriter`]. One whose request has
//! parameters of its own beside `dry_run` has an extractor of its own, which calls [`Writes::read`].

use crate::authorize::{Scope, authorize, state};
use crate::error_table::ErrorCode;
use crate::etag;
use crate::idempotency;
use crate::problem::ApiError;
use crate::read::body::Body;
use crate::read::fields::Field;
use crate::read::form::Form;
use crate::read::query::QueryReader;
use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::{FromRequest, HttpRequest};
use oneoff_domain::{Context, FieldError};
use std::fmt::Debug;
use std::marker::PhantomData;
use std::pin::Pin;
use tokio::sync::OwnedSemaphorePermit;

/// A permission, as a part of a type.
pub(crate) trait Permission: Debug + 'static {
    /// The scope that gives it.
    const SCOPE: Scope;
}

/// To read.
#[derive(Debug)]
pub(crate) struct ToRead;
/// To change what is not about access.
#[derive(Debug)]
pub(crate) struct ToWrite;
/// To do everything.
#[derive(Debug)]
pub(crate) struct ToAdminister;

impl Permission for ToRead {
    const SCOPE: Scope = Scope::Read;
}
impl Permission for ToWrite {
    const SCOPE: Scope = Scope::Write;
}
impl Permission for ToAdminister {
    const SCOPE: Scope = Scope::Admin;
}

/// A caller who may read.
pub(crate) type Reader = Reads<ToRead>;
/// A caller who may read what only administrators see.
pub(crate) type Admin = Reads<ToAdminister>;
/// A caller who may change something, and what was sent.
pub(crate) type Writer = Writes<ToWrite>;
/// A caller who may change what only administrators do, and what was sent.
pub(crate) type AdminWriter = Writes<ToAdminister>;

/// A caller who has a permission and changes nothing.
#[derive(Debug)]
pub(crate) struct Reads<P> {
    context: Context,
    permission: PhantomData<P>,
}

impl<P> Reads<P> {
    /// Who asks, and which projects they may see.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// The only projects that they may see; `None` is all.
    pub(crate) fn allowed_projects(&self) -> Option<Vec<String>> {
        self.context.allowed_projects.clone()
    }

    /// What is told of all projects together is not for those who may see only some.
    ///
    /// # Errors
    /// They may see only some.
    pub(crate) fn check_all_projects(&self) -> Result<(), ApiError> {
        match self.context.allowed_projects {
            None => Ok(()),
            Some(_) => Err(ApiError::new(
                ErrorCode::Forbidden,
                "this tells of all projects together: it needs a key that is not restricted to some",
            )),
        }
    }

    /// A record of a project that they may not see is not there.
    ///
    /// # Errors
    /// There is no such record.
    pub(crate) fn check_project(&self, project: &str, kind: &str, id: &str) -> Result<(), ApiError> {
        if self.context.allows_project(project) { Ok(()) } else { Err(ApiError::no_such(kind, id)) }
    }
}

/// A caller who may read, and the question that was sent in a body.
#[derive(Debug)]
pub(crate) struct Asker {
    /// The body of the request.
    pub(crate) body: Body,
    // Given back when the request is answered.
    _room: Option<OwnedSemaphorePermit>,
}

/// The parameter of everything that changes something.
pub(crate) const DRY_RUN: Field = Field { name: "dry_run", allowed: "true or false", form: Form::Boolean };
const WRITE_PARAMETERS: &[Field] = &[DRY_RUN];

/// A caller who has a permission and changes something, and what was sent.
#[derive(Debug)]
pub(crate) struct Writes<P> {
    context: Context,
    /// The body of the request.
    pub(crate) body: Body,
    // Given back when the request is answered.
    _room: Option<OwnedSemaphorePermit>,
    permission: PhantomData<P>,
}

impl<P> Writes<P> {
    /// What the service wants to know of the request.
    pub(crate) fn context(&self) -> Context {
        self.context.clone()
    }

    /// Whether the caller only wants to see what would be.
    pub(crate) fn is_dry_run(&self) -> bool {
        self.context.dry_run
    }

    /// For what makes a new record.
    ///
    /// # Errors
    /// The caller demands a version, which what does not exist yet cannot have.
    pub(crate) fn context_of_new(&self) -> Result<Context, ApiError> {
        if self.context.if_match.is_some() {
            let error = FieldError::new("If-Match", "a new record has no earlier version")
                .with_hint("leave the header out");
            return Err(ApiError::invalid_field(error));
        }
        Ok(self.context())
    }
}

impl<P: Permission> Writes<P> {
    /// Reads a request whose parameters are `known`, [`DRY_RUN`] among them. Of the others the caller reads what there is
    /// and then says [`QueryReader::finish`].
    ///
    /// # Errors
    /// The caller has not the permission, or the request cannot be read.
    pub(crate) async fn read(
        request: &HttpRequest,
        payload: Payload,
        known: &'static [Field],
    ) -> Result<(Self, QueryReader), ApiError> {
        let caller = authorize(request, P::SCOPE).await?;
        let headers = request.headers();
        let mut query = QueryReader::new(request.query_string(), known);
        let dry_run = query.boolean("dry_run").unwrap_or_default();
        let if_match = etag::if_match(headers)?;
        let room = state(request)?.room.take(headers)?;
        let body = Body::read(headers, payload).await?;
        let idempotency_key = match *request.method() {
            Method::POST => idempotency::of_request(headers, "POST", request.path(), body.bytes())?,
            _ => None,
        };
        // A look at what would be leaves the key to the request that does it.
        let idempotency_key = idempotency_key.filter(|_| !dry_run);
        let context = Context { idempotency_key, if_match, dry_run, ..caller };
        Ok((Self { context, body, _room: room, permission: PhantomData }, query))
    }
}

/// What an extractor answers, when it is there.
pub(crate) type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

impl<P: Permission> FromRequest for Reads<P> {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let context = authorize(&request, P::SCOPE).await?;
            Ok(Self { context, permission: PhantomData })
        })
    }
}

impl FromRequest for Asker {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            authorize(&request, Scope::Read).await?;
            let room = state(&request)?.room.take(request.headers())?;
            Ok(Self { body: Body::read(request.headers(), payload).await?, _room: room })
        })
    }
}

impl<P: Permission> FromRequest for Writes<P> {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let (writes, query) = Self::read(&request, payload, WRITE_PARAMETERS).await?;
            query.finish()?;
            Ok(writes)
        })
    }
}
