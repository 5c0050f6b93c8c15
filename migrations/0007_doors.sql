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

-- When the linked groups of a directory are brought up to date, and by which node. wanted: what was asked for, as JSON.
CREATE TABLE ldap_schedules (
    connection_id TEXT NOT NULL PRIMARY KEY REFERENCES connections (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    next_at BIGINT NOT NULL,
    wanted TEXT,
    lease TEXT,
    lease_until BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX ldap_schedules_next ON ldap_schedules (next_at);

-- What that came to. status: 'running', 'done', 'failed'. report: what was found and done, as JSON.
CREATE TABLE ldap_runs (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    status TEXT NOT NULL,
    report TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX ldap_runs_connection ON ldap_runs (connection_id, id);

-- What a linked group was like in the directory when it was read last: it is read again when that changes.
CREATE TABLE ldap_groups (
    group_id TEXT NOT NULL PRIMARY KEY REFERENCES user_groups (id) ON DELETE CASCADE,
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    stamp TEXT NOT NULL
);
CREATE INDEX ldap_groups_connection ON ldap_groups (connection_id);
