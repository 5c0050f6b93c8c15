-- The secret of a session names the session, so that nothing is looked up by its hash any more: an index less to write
-- with each sign-in, at a place of its own. What is in browsers now does not name it: everybody signs in once more.
DROP TABLE sessions;
CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    user_epoch BIGINT NOT NULL,
    hash TEXT NOT NULL,
    method TEXT NOT NULL,
    connection_id TEXT,
    amr TEXT NOT NULL,
    acr TEXT NOT NULL,
    second_factor TEXT NOT NULL,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    -- When the person last proved who they are in this session.
    authenticated_at BIGINT NOT NULL,
    provider_subject TEXT,
    provider_session TEXT,
    provider_detail TEXT
);
CREATE INDEX sessions_user ON sessions (user_id, last_seen_at);
CREATE INDEX sessions_account ON sessions (account_id, last_seen_at);
CREATE INDEX sessions_provider ON sessions (connection_id, provider_subject) WHERE provider_subject IS NOT NULL;
