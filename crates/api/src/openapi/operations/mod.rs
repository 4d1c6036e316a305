//! Every operation, by what it is about.

mod access;
mod chains;
mod jobs;
mod records;
mod system;
mod webhooks;

use super::operation::Operation;

/// Every operation, in the order of the document.
pub(crate) fn all() -> Vec<Operation> {
    [
        jobs::jobs(),
        jobs::executions(),
        chains::chains(),
        records::projects(),
        records::tags(),
        records::settings(),
        webhooks::webhooks(),
        access::api_keys(),
        access::sessions(),
        access::audit(),
        system::system(),
        system::outside(),
    ]
    .concat()
}
