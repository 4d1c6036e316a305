//! Webhooks and their deliveries: records that people write, deliveries that are made of the outbox together with the
//! move of its cursor, and what becomes of each.

mod attempt;
mod attempted;
mod backlog;
mod delivery;
mod intake;
mod list;
mod redeliver;
mod remove;
mod row;
mod told;
mod write;

pub use attempted::{
    AttemptEnd, AttemptedRequest, AttemptedResponse, Claimed, ClaimedAttempt, Claims, DueDelivery,
    EndedAttempt, PausePolicy, Recorded,
};
pub use backlog::WebhookBacklog;
pub(crate) use backlog::backlog;
pub(crate) use delivery::by_keys as deliveries_by_keys;
pub use delivery::{DeliveryRecord, DeliveryStatus, NewDelivery};
pub use intake::{EventRecord, Intake, OutputEnds};
pub use list::DeliveryFilter;
pub use redeliver::{RedeliverFilter, RedeliveryPlan, check_active};
pub(crate) use remove::remove_deliveries;
pub use row::{PauseReason, Webhook};
pub use write::{NewWebhook, WebhookChange, WebhookDecide};
