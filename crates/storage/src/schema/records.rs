//! Projects, tags, settings and what is counted of runs.

diesel::table! {
    projects (key) {
        key -> BigInt,
        id -> Text,
        name -> Text,
        description -> Nullable<Text>,
        color -> Nullable<Text>,
        icon -> Nullable<Text>,
        is_archived -> Bool,
        is_paused -> Bool,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    tags (key) {
        key -> BigInt,
        id -> Text,
        name -> Text,
        color -> Nullable<Text>,
        is_default -> Bool,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    job_tags (tag_key, job_key) {
        tag_key -> BigInt,
        job_key -> BigInt,
    }
}

diesel::table! {
    settings (key) {
        key -> BigInt,
        name -> Text,
        value -> Text,
        updated_at -> BigInt,
    }
}

diesel::table! {
    catalog_versions (key) {
        key -> BigInt,
        version -> BigInt,
    }
}

diesel::table! {
    run_counters (key) {
        key -> BigInt,
        slot -> BigInt,
        status -> Text,
        shard -> BigInt,
        quarter -> BigInt,
        runs -> BigInt,
        duration_us -> BigInt,
    }
}
