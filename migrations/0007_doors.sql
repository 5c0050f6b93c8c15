-- OpenID Connect, OAuth and LDAP.

-- Who somebody is at a provider: its issuer and the subject it never gives to anybody else decide, never an address.
-- name: what the provider called them when they came last.
CREATE TABLE user_identities (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    UNIQUE (connection_id, issuer, subject)
);
CREATE INDEX user_identities_user ON user_identities (user_id, connection_id);
