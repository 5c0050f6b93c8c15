-- Applications that learn from this server who sent a request. Those of the kind forward_auth stand behind a reverse
-- proxy that asks for each request.
CREATE TABLE apps (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    -- The ids of the groups whose members have access, as a JSON list; NULL if all users of the account have it. The
    -- ids stay when a group is deleted, so that the deletion gives no user access.
    allowed_groups TEXT,
    allow_tokens INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX apps_account ON apps (account_id, id);

-- A host name belongs to one application of the server, whatever its port, as browsers send a cookie to all ports.
CREATE TABLE app_hosts (
    hostname TEXT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    app_id TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE
);
CREATE INDEX app_hosts_app ON app_hosts (app_id);

-- What the cookie on an application's host stands for: the session that it came from, at this host only.
CREATE TABLE app_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    app_id TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    host TEXT NOT NULL,
    session_id TEXT NOT NULL,
    hash TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX app_sessions_app ON app_sessions (app_id);

-- The keys that sign statements of an account about its users: one is published next, one active, others retired.
CREATE TABLE signing_keys (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    state TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    public_jwk TEXT NOT NULL,
    -- PKCS#8 as base64, encrypted.
    private_key TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    activated_at BIGINT,
    retired_at BIGINT
);
CREATE UNIQUE INDEX signing_keys_current ON signing_keys (account_id, state) WHERE state <> 'retired';
CREATE INDEX signing_keys_account ON signing_keys (account_id);

-- Addresses that forwarded requests without being listed in server.trusted_proxies, for `vestibule doctor`.
CREATE TABLE untrusted_proxies (
    address TEXT NOT NULL PRIMARY KEY,
    seen_at BIGINT NOT NULL
);

-- The application that a token of the purpose "application" was made for.
ALTER TABLE api_tokens ADD COLUMN application_id TEXT;
CREATE INDEX api_tokens_application ON api_tokens (application_id) WHERE application_id IS NOT NULL;
