//! The API as an OpenAPI document: nothing in it is said twice. Fields come from the tables by which requests are read,
//! answers from the structs of the wire, problems from the error table; `operations` ties them together.

mod answers;
mod document;
mod errors;
mod examples;
mod older;
mod operation;
mod operations;
mod parameters;
mod requests;

pub(crate) use document::{Server, Version, document};
