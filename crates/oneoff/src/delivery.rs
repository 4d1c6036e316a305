//! Starts what delivers webhooks, on the node that has this role.

use crate::Error;
use crate::builder::WebhookParts;
use oneoff_domain::Random;
use oneoff_scheduler::{Role, Scheduler};
use oneoff_secrets::SealingKey;
use oneoff_storage::StoreOptions;
use oneoff_webhooks::lead::LeadFuture;
use oneoff_webhooks::{Dispatch, Lead, Sealing, Webhooks};
use std::path::Path;
use std::sync::Arc;

/// The key in the file that is given; else one beside the database, where that is a file.
pub(crate) fn sealing(options: &StoreOptions, given: Option<&Path>) -> Result<Sealing, Error> {
    match given {
        Some(path) => Ok(Sealing::with(SealingKey::load(path)?)),
        None if options.server.is_some() => Ok(Sealing::none()),
        None => Ok(Sealing::in_file(options.path.with_extension("key"))),
    }
}

struct ByRole(Role);

impl Lead for ByRole {
    fn held(&self) -> LeadFuture<'_> {
        Box::pin(self.0.held())
    }

    fn lost(&self) -> LeadFuture<'_> {
        Box::pin(self.0.lost())
    }
}

/// Starts to deliver webhooks.
pub(crate) fn start(
    scheduler: &Scheduler,
    random: Arc<dyn Random>,
    sealing: Sealing,
    parts: WebhookParts,
) -> Result<(Webhooks, Dispatch), Error> {
    let WebhookParts { egress, settings, .. } = parts;
    let webhooks = Webhooks::new(scheduler.store(), scheduler.clock(), random, egress, sealing, settings)?;
    let lead = Arc::new(ByRole(scheduler.webhooks_role()));
    let dispatch = Dispatch::start(webhooks.clone(), lead, scheduler.service().event_sequence());
    Ok((webhooks, dispatch))
}
