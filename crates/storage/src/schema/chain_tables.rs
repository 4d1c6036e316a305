//! Chains and their executions.

diesel::table! {
    chains (key) {
        key -> BigInt,
        id -> Text,
        project_id -> Text,
        name -> Text,
        description -> Nullable<Text>,
        links -> Text,
        created_by -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
        version -> BigInt,
    }
}

diesel::table! {
    chain_executions (key) {
        key -> BigInt,
        id -> Text,
        chain_id -> Text,
        chain_name -> Text,
        project_id -> Text,
        status -> Text,
        cancel_requested -> Bool,
        scheduled_at -> BigInt,
        created_by -> Nullable<Text>,
        created_at -> BigInt,
        started_at -> Nullable<BigInt>,
        ended_at -> Nullable<BigInt>,
        version -> BigInt,
    }
}

diesel::table! {
    chain_execution_links (key) {
        key -> BigInt,
        execution_key -> BigInt,
        link_index -> BigInt,
        name -> Text,
        job_type -> Text,
        definition -> Text,
        source_job_id -> Nullable<Text>,
        run_if -> Text,
        stop_on_failure -> Bool,
        status -> Text,
        reason -> Nullable<Text>,
        job_id -> Text,
        execution_id -> Nullable<Text>,
        exit_code -> Nullable<BigInt>,
        started_at -> Nullable<BigInt>,
        ended_at -> Nullable<BigInt>,
    }
}
