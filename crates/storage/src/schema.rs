//! The tables as the migrations make them. Times are microseconds, JSON and states are text.

mod access;
mod chain_tables;
mod records;
mod webhook_tables;

pub(crate) use access::{api_keys, sessions, setup_links};
pub(crate) use chain_tables::{chain_execution_links, chain_executions, chains};
pub(crate) use records::{catalog_versions, job_tags, projects, run_counters, settings, tags};
pub(crate) use webhook_tables::{removed_webhooks, webhook_cursor, webhook_deliveries, webhooks};

diesel::table! {
    job_states (key) {
        key -> BigInt,
        id -> Text,
        definition_key -> BigInt,
        job_type -> Text,
        project_id -> Text,
        external_id -> Nullable<Text>,
        status -> Text,
        scheduled_at -> Nullable<BigInt>,
        scheduled_local -> Nullable<Text>,
        run -> BigInt,
        attempt -> BigInt,
        next_attempt_at -> Nullable<BigInt>,
        cancel_requested -> Bool,
        version -> BigInt,
        last_attempt_key -> Nullable<BigInt>,
        last_execution -> Nullable<Text>,
        created_by -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    ended_jobs (scheduled_at, job_key) {
        scheduled_at -> BigInt,
        job_key -> BigInt,
        status -> Text,
        job_type -> Text,
        project_id -> Text,
        run -> BigInt,
        attempt -> BigInt,
        cancel_requested -> Bool,
        version -> BigInt,
        last_attempt_key -> Nullable<BigInt>,
        last_execution -> Nullable<Text>,
        ended_at -> BigInt,
    }
}

diesel::table! {
    job_definitions (key) {
        key -> BigInt,
        previous_key -> Nullable<BigInt>,
        job_key -> BigInt,
        revision -> BigInt,
        name -> Text,
        job_type -> Text,
        config -> Text,
        project_id -> Text,
        tags -> Text,
        priority -> BigInt,
        timezone -> Text,
        timeout_seconds -> Nullable<BigInt>,
        max_retries -> BigInt,
        retry_delay_seconds -> BigInt,
        retry_max_delay_seconds -> BigInt,
        retry_exit_codes -> Nullable<Text>,
        max_lateness_seconds -> Nullable<BigInt>,
        on_late -> Text,
        on_crash -> Text,
        concurrency_key -> Nullable<Text>,
        external_id -> Nullable<Text>,
        metadata -> Text,
        origin -> Nullable<Text>,
        runs_on -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::table! {
    job_holds (key) {
        key -> BigInt,
        job_key -> BigInt,
        reason -> Text,
        held_by -> Text,
        held_at -> BigInt,
        until -> Nullable<BigInt>,
    }
}

diesel::table! {
    running_jobs (job_key) {
        job_key -> BigInt,
        execution_key -> BigInt,
        execution_id -> Text,
        epoch -> BigInt,
        run -> BigInt,
        attempt -> BigInt,
        cancel_requested -> Bool,
        version -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    arrivals (job_key) {
        job_key -> BigInt,
        due_at -> BigInt,
        priority -> BigInt,
        job_type -> Text,
        project_id -> Text,
        concurrency_key -> Nullable<Text>,
    }
}

diesel::table! {
    pending_jobs (due_hour, job_key) {
        due_hour -> BigInt,
        job_key -> BigInt,
        due_at -> BigInt,
        priority -> BigInt,
        job_type -> Text,
        project_id -> Text,
        concurrency_key -> Nullable<Text>,
    }
}

diesel::table! {
    busy_keys (job_key) {
        job_key -> BigInt,
        concurrency_key -> Text,
    }
}

diesel::table! {
    attempts (key) {
        key -> BigInt,
        previous_key -> Nullable<BigInt>,
        id -> Text,
        job_key -> BigInt,
        definition_key -> BigInt,
        project_id -> Text,
        node_id -> Text,
        epoch -> BigInt,
        lease_until -> Nullable<BigInt>,
        run -> BigInt,
        attempt -> BigInt,
        status -> Text,
        reason -> Nullable<Text>,
        exit_code -> Nullable<BigInt>,
        error -> Nullable<Text>,
        scheduled_for -> BigInt,
        started_at -> BigInt,
        completed_at -> Nullable<BigInt>,
        duration_us -> Nullable<BigInt>,
        lateness_us -> BigInt,
        output_bytes -> BigInt,
        output_truncated -> Bool,
        result -> Nullable<Text>,
    }
}

diesel::table! {
    removed_output (execution_key) {
        execution_key -> BigInt,
    }
}

diesel::table! {
    output_totals (key) {
        key -> BigInt,
        bytes -> BigInt,
    }
}

diesel::table! {
    output_chunks (key) {
        key -> BigInt,
        execution_key -> BigInt,
        start_offset -> BigInt,
        stream -> Text,
        written_at -> BigInt,
        bytes -> Binary,
    }
}

diesel::table! {
    events (sequence) {
        sequence -> BigInt,
        written_at -> BigInt,
        kind -> Text,
        job_id -> Nullable<Text>,
        execution_id -> Nullable<Text>,
        project_id -> Text,
        data -> Text,
    }
}

// Only on PostgreSQL.
diesel::table! {
    new_events (key) {
        key -> BigInt,
        written_at -> BigInt,
        kind -> Text,
        job_id -> Nullable<Text>,
        execution_id -> Nullable<Text>,
        project_id -> Text,
        data -> Text,
    }
}

diesel::table! {
    audit_entries (key) {
        key -> BigInt,
        written_at -> BigInt,
        actor -> Text,
        actor_key -> Nullable<Text>,
        client_address -> Nullable<Text>,
        action -> Text,
        subject_kind -> Text,
        subject_id -> Text,
        project_id -> Nullable<Text>,
        request_id -> Nullable<Text>,
        before_json -> Nullable<Text>,
        after_json -> Nullable<Text>,
    }
}

diesel::table! {
    idempotency_records (key) {
        key -> BigInt,
        key_hash -> BigInt,
        actor -> Text,
        idempotency_key -> Text,
        fingerprint -> Text,
        subjects -> Text,
        written_at -> BigInt,
    }
}

diesel::table! {
    idempotency_hashes (key_hash) {
        key_hash -> BigInt,
        record_key -> BigInt,
    }
}

diesel::table! {
    idempotency_progress (key) {
        key -> BigInt,
        indexed_to -> BigInt,
    }
}

diesel::table! {
    job_counters (key) {
        key -> BigInt,
        status -> Text,
        shard -> BigInt,
        jobs -> BigInt,
    }
}

diesel::table! {
    epochs (epoch) {
        epoch -> BigInt,
        node_id -> Text,
        started_at -> BigInt,
        last_seen_at -> Nullable<BigInt>,
        lease_until -> Nullable<BigInt>,
        ended_at -> Nullable<BigInt>,
        version -> Nullable<Text>,
        slots -> Nullable<BigInt>,
        running -> Nullable<BigInt>,
        clock_offset_us -> Nullable<BigInt>,
        catalog_version -> BigInt,
    }
}

diesel::table! {
    roles (name) {
        name -> Text,
        epoch -> BigInt,
        term -> BigInt,
        until -> BigInt,
    }
}

diesel::table! {
    restores (key) {
        key -> BigInt,
        restored_at -> BigInt,
        backup -> Text,
        settled_at -> Nullable<BigInt>,
    }
}

// Only on PostgreSQL.
diesel::table! {
    moving (key) {
        key -> BigInt,
        source -> Text,
        started_at -> BigInt,
        finished_at -> Nullable<BigInt>,
    }
}

// Only on PostgreSQL.
diesel::table! {
    moving_tables (name) {
        name -> Text,
        last_first -> BigInt,
        last_second -> BigInt,
        rows_moved -> BigInt,
        texts_replaced -> BigInt,
        is_complete -> Bool,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    job_states,
    job_definitions,
    attempts,
    running_jobs,
    ended_jobs,
    epochs
);
