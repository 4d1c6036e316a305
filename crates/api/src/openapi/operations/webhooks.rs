//! Webhooks and their deliveries.

use crate::authorize::Scope;
use crate::error_table::ErrorCode::{Duplicate, IllegalState, NotFound};
use crate::openapi::operation::{Content, Operation, tagged};
use crate::read::webhook_requests as requests;
use oneoff_api_types::{DeliveryView, RedeliveredView, WebhookTestView, WebhookView};

/// `/api/webhooks` and `/api/webhook-events`.
pub(crate) fn webhooks() -> Vec<Operation> {
    let mut operations: Vec<Operation> = endpoints().into_iter().chain(deliveries()).collect();
    operations.iter_mut().for_each(|operation| operation.scope = Some(Scope::Admin));
    let events = Operation::get("/api/webhook-events", "listWebhookEvents", "Lists the names of events")
        .answers(200, "The names.", Content::Words("webhook_events"), &[]);
    operations.push(events);
    tagged("Webhooks", operations)
}

fn endpoints() -> Vec<Operation> {
    vec![
        Operation::get("/api/webhooks", "listWebhooks", "Lists webhooks")
            .query(requests::LIST)
            .lists::<WebhookView>("webhook")
            .refuses(&[NotFound]),
        Operation::post("/api/webhooks", "createWebhook", "Creates a webhook")
            .more("Its secret is in this answer alone.")
            .takes("CreateWebhook", &["create_webhook", "create_webhook_v1"])
            .makes::<WebhookView>("new_webhook")
            .refuses(&[Duplicate, IllegalState, NotFound]),
        Operation::get("/api/webhooks/{id}", "getWebhook", "Answers a webhook")
            .tells_record::<WebhookView>("webhook"),
        Operation::patch("/api/webhooks/{id}", "updateWebhook", "Edits a webhook")
            .takes("UpdateWebhook", &["update_webhook"])
            .changes::<WebhookView>("webhook")
            .refuses(&[Duplicate]),
        Operation::delete("/api/webhooks/{id}", "deleteWebhook", "Deletes a webhook and its deliveries")
            .removes::<WebhookView>("webhook"),
        Operation::post(
            "/api/webhooks/{id}/test",
            "testWebhook",
            "Sends a sample and tells what became of it",
        )
        .more("With `dry_run` nothing is sent: the request as it would be.")
        .may_take("TestWebhook", &["test_webhook"])
        .each_time()
        .with_condition()
        .tells::<WebhookTestView>("webhook_test"),
        Operation::post(
            "/api/webhooks/{id}/rotate-secret",
            "rotateWebhookSecret",
            "Gives a webhook a new secret",
        )
        .more("For `overlap_seconds` both sign. The secret is in this answer alone.")
        .may_take("RotateSecret", &["rotate_secret"])
        .with_condition()
        .changes::<WebhookView>("new_webhook")
        .refuses(&[IllegalState]),
    ]
}

fn deliveries() -> Vec<Operation> {
    vec![
        Operation::post(
            "/api/webhooks/{id}/redeliver",
            "redeliverMany",
            "Makes deliveries that are over again",
        )
        .may_take("Redeliver", &["redeliver"])
        .with_condition()
        .tells::<RedeliveredView>("redelivered")
        .refuses(&[IllegalState]),
        Operation::get("/api/webhooks/{id}/deliveries", "listDeliveries", "Lists deliveries of a webhook")
            .query(requests::DELIVERIES)
            .lists::<DeliveryView>("delivery"),
        Operation::get("/api/webhooks/{id}/deliveries/{delivery}", "getDelivery", "Answers a delivery")
            .tells::<DeliveryView>("delivery"),
        Operation::post(
            "/api/webhooks/{id}/deliveries/{delivery}/redeliver",
            "redeliver",
            "Makes a delivery again",
        )
        .may_take("Nothing", &["nothing"])
        .with_condition()
        .tells::<DeliveryView>("delivery")
        .refuses(&[IllegalState]),
    ]
}
