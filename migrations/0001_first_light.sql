-- One text for SQLite and PostgreSQL: TEXT for strings, ids and JSON; BIGINT for times (Unix ms, UTC)
-- and counts; INTEGER 0/1 for flags. Columns named *_folded hold what is compared without case,
-- because lower() differs between the two beyond ASCII.

-- Kernel

CREATE TABLE data_keys (
    id TEXT NOT NULL PRIMARY KEY,
    wrapped TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE mail_outbox (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    sealed TEXT NOT NULL,
    status TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    sent_at BIGINT
);
CREATE INDEX mail_outbox_due ON mail_outbox (status, next_attempt_at);

-- Directory

CREATE TABLE accounts (
    id TEXT NOT NULL PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    settings TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE connections (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    settings TEXT NOT NULL,
    sealed_key TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (account_id, name_folded)
);

-- Which connection the addresses of a domain sign in with.
CREATE TABLE connection_domains (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    domain TEXT NOT NULL,
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    PRIMARY KEY (account_id, domain)
);
CREATE INDEX connection_domains_domain ON connection_domains (domain);
CREATE INDEX connection_domains_connection ON connection_domains (connection_id);

-- epoch rises when a user is deactivated; credentials remember the epoch they were made in and are
-- void in a later one. Exact without comparing clocks, and one row to write however many there are.
CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    user_name TEXT NOT NULL,
    user_name_folded TEXT NOT NULL,
    email TEXT,
    email_folded TEXT,
    given_name TEXT,
    family_name TEXT,
    display_name TEXT NOT NULL,
    active INTEGER NOT NULL,
    connection_id TEXT REFERENCES connections (id),
    external_id TEXT,
    attributes TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (account_id, user_name_folded),
    UNIQUE (account_id, email_folded)
);
CREATE INDEX users_account ON users (account_id, id);
CREATE INDEX users_external ON users (account_id, external_id, id);
CREATE INDEX users_email ON users (email_folded);
CREATE INDEX users_connection ON users (connection_id);

CREATE TABLE user_groups (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    identifier TEXT NOT NULL,
    connection_id TEXT REFERENCES connections (id),
    external_id TEXT,
    attributes TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (account_id, identifier)
);
CREATE INDEX user_groups_account ON user_groups (account_id, id);
CREATE INDEX user_groups_name ON user_groups (account_id, name_folded, id);
CREATE INDEX user_groups_external ON user_groups (account_id, external_id, id);
CREATE INDEX user_groups_connection ON user_groups (connection_id);

-- source: 'manual', or the id of the connection the membership came through.
CREATE TABLE memberships (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    group_id TEXT NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    source TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (group_id, user_id, source)
);
CREATE INDEX memberships_user ON memberships (user_id, group_id);

-- Access

CREATE TABLE service_accounts (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    connection_id TEXT REFERENCES connections (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    UNIQUE (account_id, name_folded)
);
CREATE INDEX service_accounts_connection ON service_accounts (connection_id);

CREATE TABLE role_bindings (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    principal_kind TEXT NOT NULL,
    principal_id TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (principal_id, role)
);
CREATE INDEX role_bindings_account ON role_bindings (account_id, role);

-- purpose: 'api' acts as its owner; 'scim' opens the provisioning of its service account's connection.
CREATE TABLE api_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    owner_kind TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    owner_epoch BIGINT NOT NULL,
    purpose TEXT NOT NULL,
    connection_id TEXT REFERENCES connections (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    hint TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    last_used_at BIGINT
);
CREATE INDEX api_tokens_account ON api_tokens (account_id, id);
CREATE INDEX api_tokens_owner ON api_tokens (owner_id);
CREATE INDEX api_tokens_connection ON api_tokens (connection_id);

-- Sign-in

CREATE TABLE passwords (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    hash TEXT NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    user_epoch BIGINT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    method TEXT NOT NULL,
    connection_id TEXT,
    amr TEXT NOT NULL,
    acr TEXT NOT NULL,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    idle_ends_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id, last_seen_at);
CREATE INDEX sessions_idle ON sessions (idle_ends_at);

-- One row per sign-in under way. browser: hash of the cookie of the browser it began in (none when an
-- identity provider began it); handover: hash of the code given to the browser that delivered a proof.
CREATE TABLE signin_flows (
    id TEXT NOT NULL PRIMARY KEY,
    browser TEXT,
    handover TEXT UNIQUE,
    account_id TEXT REFERENCES accounts (id),
    identifier TEXT NOT NULL,
    return_to TEXT NOT NULL,
    connection_id TEXT REFERENCES connections (id) ON DELETE CASCADE,
    request_id TEXT UNIQUE,
    proof TEXT,
    expires_at BIGINT NOT NULL
);
CREATE INDEX signin_flows_expiry ON signin_flows (expires_at);
CREATE INDEX signin_flows_connection ON signin_flows (connection_id);

CREATE TABLE saml_replays (
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    assertion_id TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (connection_id, assertion_id)
);
CREATE INDEX saml_replays_expiry ON saml_replays (expires_at);

-- One-time links: the first run (no account yet) and the choice of a first password.
CREATE TABLE setup_links (
    hash TEXT NOT NULL PRIMARY KEY,
    user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX setup_links_user ON setup_links (user_id);

-- Audit

CREATE TABLE audit_events (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    time BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT,
    actor_name TEXT NOT NULL,
    action TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id TEXT,
    resource_name TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT,
    address TEXT NOT NULL,
    request_id TEXT NOT NULL,
    detail TEXT
);
CREATE INDEX audit_events_time ON audit_events (account_id, time, id);
