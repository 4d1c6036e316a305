//! Reading requests: bodies, fields and query parameters, each strictly and all errors at once.

pub(crate) mod access_requests;
pub(crate) mod audit;
pub(crate) mod body;
pub(crate) mod bulk;
pub(crate) mod chain_requests;
pub(crate) mod fields;
pub(crate) mod form;
pub(crate) mod job_fields;
pub(crate) mod job_patch;
pub(crate) mod job_requests;
pub(crate) mod lists;
pub(crate) mod object;
pub(crate) mod query;
pub(crate) mod records;
pub(crate) mod strict;
pub(crate) mod value;
pub(crate) mod webhook_requests;
