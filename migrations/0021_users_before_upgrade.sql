-- Who has signed in with a connection before the upgrade to verified domains, while that counts. The first start
-- fills it from the audit trail.
CREATE TABLE users_before_upgrade (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (connection_id, user_id)
);
CREATE INDEX users_before_upgrade_user ON users_before_upgrade (user_id);
