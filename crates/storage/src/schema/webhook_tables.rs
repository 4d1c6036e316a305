//! Webhooks and their deliveries.

diesel::table! {
    webhooks (key) {
        key -> BigInt,
        id -> Text,
        name -> Text,
        url -> Text,
        events -> Text,
        project_ids -> Text,
        tags -> Text,
        job_types -> Text,
        preset -> Text,
        template -> Nullable<Text>,
        secret -> Nullable<Text>,
        previous_secret -> Nullable<Text>,
        previous_secret_until -> Nullable<BigInt>,
        is_active -> Bool,
        paused_reason -> Nullable<Text>,
        paused_at -> Nullable<BigInt>,
        failing_since -> Nullable<BigInt>,
        starts_after -> BigInt,
        created_by -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        version -> BigInt,
    }
}

diesel::table! {
    webhook_cursor (key) {
        key -> BigInt,
        sequence -> BigInt,
    }
}

diesel::table! {
    removed_webhooks (webhook_key) {
        webhook_key -> BigInt,
    }
}

diesel::table! {
    webhook_deliveries (key) {
        key -> BigInt,
        id -> Text,
        webhook_key -> BigInt,
        event_sequence -> BigInt,
        event -> Text,
        lane -> Text,
        project_id -> Text,
        payload -> Text,
        status -> Text,
        is_attempting -> Bool,
        attempts -> BigInt,
        tries -> BigInt,
        first_attempt_at -> Nullable<BigInt>,
        last_attempt_at -> Nullable<BigInt>,
        next_attempt_at -> Nullable<BigInt>,
        completed_at -> Nullable<BigInt>,
        request_url -> Nullable<Text>,
        request_headers -> Nullable<Text>,
        response_code -> Nullable<BigInt>,
        response_headers -> Nullable<Text>,
        response_body -> Nullable<Text>,
        error -> Nullable<Text>,
        duration_us -> Nullable<BigInt>,
        created_at -> BigInt,
    }
}
