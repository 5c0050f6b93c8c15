-- Passwords people can live with, lockout, invitations, imports.

-- Invited and not here yet. A pending user is not active; becoming active ends it.
ALTER TABLE users ADD COLUMN pending INTEGER NOT NULL DEFAULT 0;
CREATE INDEX users_pending ON users (account_id, id) WHERE pending = 1;

-- warned_at: when the mail about the coming end of this password was queued.
ALTER TABLE passwords ADD COLUMN warned_at BIGINT;
CREATE INDEX passwords_age ON passwords (account_id, changed_at);

-- Earlier passwords, as many as the account's history asks for.
CREATE TABLE password_history (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    hash TEXT NOT NULL,
    replaced_at BIGINT NOT NULL
);
CREATE INDEX password_history_user ON password_history (user_id, replaced_at);

-- Failed attempts in a row, a row for each user and kind of secret. Attempts with unknown names are
-- counted under one of a few hundred made-up keys, so that they cost the same work: no reference.
CREATE TABLE signin_failures (
    user_id TEXT NOT NULL,
    factor TEXT NOT NULL,
    account_id TEXT NOT NULL,
    failures BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    locked_until BIGINT NOT NULL,
    PRIMARY KEY (user_id, factor)
);
CREATE INDEX signin_failures_stale ON signin_failures (last_at);
CREATE INDEX signin_failures_locked ON signin_failures (account_id, locked_until);

-- One-time links by purpose: 'setup' (first run, or a first password from the command line), 'reset',
-- 'invite'. account_id is null for the first run only.
ALTER TABLE setup_links RENAME TO links;
ALTER TABLE links ADD COLUMN account_id TEXT REFERENCES accounts (id);
ALTER TABLE links ADD COLUMN purpose TEXT NOT NULL DEFAULT 'setup';
UPDATE links SET account_id = (SELECT u.account_id FROM users u WHERE u.id = links.user_id);
CREATE INDEX links_expiry ON links (expires_at);

-- Limits are computed from the account's settings at each use, so a change of them counts at once.
-- authenticated_at: when the person last proved who they are in this session.
ALTER TABLE sessions ADD COLUMN authenticated_at BIGINT NOT NULL DEFAULT 0;
UPDATE sessions SET authenticated_at = created_at;
DROP INDEX sessions_idle;
ALTER TABLE sessions DROP COLUMN idle_ends_at;
ALTER TABLE sessions DROP COLUMN ends_at;
CREATE INDEX sessions_seen ON sessions (last_seen_at);
CREATE INDEX sessions_account ON sessions (account_id, last_seen_at);

-- A flow whose proof is good but whose password has to be changed first: 'new_password'.
ALTER TABLE signin_flows ADD COLUMN demands TEXT;

CREATE TABLE invitations (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    user_id TEXT NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    landing_url TEXT,
    invited_by TEXT NOT NULL,
    mail_id TEXT,
    sent_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX invitations_account ON invitations (account_id, user_id);

-- How far an import of a file got. key: hash of the file's content and the account.
CREATE TABLE imports (
    key TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    rows_done BIGINT NOT NULL,
    created BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
