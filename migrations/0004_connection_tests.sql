-- Sign-ins that only try a SAML connection.

-- When a test of what the connection is now succeeded, and by whom; a change of what is trusted forgets it.
ALTER TABLE connections ADD COLUMN tested_at BIGINT;
ALTER TABLE connections ADD COLUMN tested_by TEXT;

-- relay: hash of the secret that comes back with the answer. result: what the checks found, as JSON.
CREATE TABLE connection_tests (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    relay TEXT NOT NULL UNIQUE,
    request_id TEXT NOT NULL,
    result TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX connection_tests_connection ON connection_tests (connection_id);
CREATE INDEX connection_tests_expiry ON connection_tests (expires_at);
