-- Who may use the server: browsers that signed in with a key, and the links by which the first key is made.

-- What a session may do is what its key may do, which is looked up with it.
CREATE TABLE sessions (
    key INTEGER PRIMARY KEY NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    api_key_key BIGINT NOT NULL REFERENCES api_keys (key) ON DELETE CASCADE,
    client_address TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_api_key ON sessions (api_key_key, key);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE setup_links (
    key INTEGER PRIMARY KEY NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
