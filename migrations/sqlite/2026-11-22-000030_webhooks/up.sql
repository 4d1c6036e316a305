-- Webhooks: endpoints that are told of events, and what is or was sent to each. Deliveries are made of the outbox, at the
-- same time as the cursor moves on.
-- No key of a webhook is used twice: its deliveries may be there for longer than it.
CREATE TABLE webhooks (
    key INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    -- Lists of text: which events are wanted, and of which jobs; an empty list is any.
    events TEXT NOT NULL,
    project_ids TEXT NOT NULL,
    tags TEXT NOT NULL,
    job_types TEXT NOT NULL,
    preset TEXT NOT NULL,
    template TEXT,
    -- Both are sealed. The previous one signs, too, until its time is over.
    secret TEXT,
    previous_secret TEXT,
    previous_secret_until BIGINT,
    is_active BOOLEAN NOT NULL,
    -- Set where the server switched it off, and not a person.
    paused_reason TEXT,
    paused_at BIGINT,
    failing_since BIGINT,
    -- Events up to this one are not for it.
    starts_after BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);

-- One row: up to which event deliveries were made.
CREATE TABLE webhook_cursor (
    key INTEGER PRIMARY KEY NOT NULL,
    sequence BIGINT NOT NULL
);

-- Webhooks that are gone while some of their deliveries are not yet; those go in slices.
CREATE TABLE removed_webhooks (
    webhook_key INTEGER PRIMARY KEY NOT NULL
);

-- A delivery is one event for one endpoint. `lane` is what has an order: the job. A pending one without a time waits for
-- the one before it in its lane. `tries` counts since the schedule began, which it does anew with a redelivery.
CREATE TABLE webhook_deliveries (
    key INTEGER PRIMARY KEY NOT NULL,
    id TEXT NOT NULL UNIQUE,
    webhook_key BIGINT NOT NULL,
    event_sequence BIGINT NOT NULL,
    event TEXT NOT NULL,
    lane TEXT NOT NULL,
    project_id TEXT NOT NULL,
    payload TEXT NOT NULL,
    status TEXT NOT NULL,
    is_attempting BOOLEAN NOT NULL,
    attempts BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    first_attempt_at BIGINT,
    last_attempt_at BIGINT,
    next_attempt_at BIGINT,
    completed_at BIGINT,
    request_url TEXT,
    request_headers TEXT,
    response_code BIGINT,
    response_headers TEXT,
    response_body TEXT,
    error TEXT,
    duration_us BIGINT,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX webhook_deliveries_by_event ON webhook_deliveries (webhook_key, event_sequence);
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_key, key);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_key, next_attempt_at, key)
    WHERE status = 'pending' AND next_attempt_at IS NOT NULL;
CREATE INDEX webhook_deliveries_by_lane ON webhook_deliveries (webhook_key, lane, key) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_failed ON webhook_deliveries (webhook_key, key) WHERE status = 'failed';
CREATE INDEX webhook_deliveries_attempting ON webhook_deliveries (key) WHERE is_attempting;
CREATE INDEX webhook_deliveries_by_end ON webhook_deliveries (completed_at, key) WHERE completed_at IS NOT NULL;
