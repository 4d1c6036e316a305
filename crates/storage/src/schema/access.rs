//! Keys, sessions and setup links.

diesel::table! {
    api_keys (key) {
        key -> BigInt,
        id -> Text,
        name -> Text,
        key_hash -> Text,
        key_prefix -> Text,
        scopes -> Text,
        project_ids -> Nullable<Text>,
        is_active -> Bool,
        last_used_at -> Nullable<BigInt>,
        expires_at -> Nullable<BigInt>,
        created_at -> BigInt,
        updated_at -> BigInt,
        version -> BigInt,
        replaced_by -> Nullable<Text>,
    }
}

diesel::table! {
    sessions (key) {
        key -> BigInt,
        token_hash -> Text,
        api_key_key -> BigInt,
        client_address -> Nullable<Text>,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    setup_links (key) {
        key -> BigInt,
        token_hash -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::joinable!(sessions -> api_keys (api_key_key));
diesel::allow_tables_to_appear_in_same_query!(sessions, api_keys);
