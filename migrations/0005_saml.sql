-- SAML connections as enterprises run them.

-- is_default: people without a domain of their own are sent here. position: from the top of the sign-in page.
ALTER TABLE connections ADD COLUMN is_default INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN position BIGINT NOT NULL DEFAULT 0;

-- Our key pairs. purpose: 'signing', 'encryption'. state: 'next' (published, not used), 'active', 'retiring'
-- (published and decrypted with until retires_at). connections.sealed_key is moved here at the next start.
CREATE TABLE saml_keys (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    purpose TEXT NOT NULL,
    state TEXT NOT NULL,
    certificate TEXT NOT NULL,
    sealed_key TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    retires_at BIGINT,
    UNIQUE (connection_id, purpose, state)
);
CREATE INDEX saml_keys_retirement ON saml_keys (retires_at);

-- When the metadata of the other side is read again, and how that went. warned: the certificates whose end
-- administrators were told of.
CREATE TABLE saml_metadata (
    connection_id TEXT NOT NULL PRIMARY KEY REFERENCES connections (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    etag TEXT,
    fetched_at BIGINT,
    next_at BIGINT NOT NULL,
    error TEXT,
    failing_since BIGINT,
    warned TEXT
);
CREATE INDEX saml_metadata_next ON saml_metadata (next_at);
INSERT INTO saml_metadata (connection_id, account_id, next_at) SELECT id, account_id, 0 FROM connections WHERE kind = 'saml';

-- Logouts we asked for and wait to hear of.
CREATE TABLE saml_logouts (
    request_id TEXT NOT NULL PRIMARY KEY,
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL
);
CREATE INDEX saml_logouts_connection ON saml_logouts (connection_id);
CREATE INDEX saml_logouts_expiry ON saml_logouts (expires_at);

-- Secrets of a connection that are needed back, such as a client's.
CREATE TABLE connection_secrets (
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    sealed TEXT NOT NULL,
    PRIMARY KEY (connection_id, name)
);

-- Under which name and in which session the identity provider knows the one who signed in.
ALTER TABLE sessions ADD COLUMN provider_subject TEXT;
ALTER TABLE sessions ADD COLUMN provider_session TEXT;
ALTER TABLE sessions ADD COLUMN provider_detail TEXT;
CREATE INDEX sessions_provider ON sessions (connection_id, provider_subject) WHERE provider_subject IS NOT NULL;

-- User groups that follow a group of an identity provider. No cascade from connections: a provider with linked
-- groups cannot be deleted.
CREATE TABLE group_links (
    group_id TEXT NOT NULL PRIMARY KEY REFERENCES user_groups (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    connection_id TEXT NOT NULL REFERENCES connections (id),
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX group_links_name ON group_links (connection_id, name);
