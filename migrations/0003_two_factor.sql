-- Second factors: authenticator apps, passkeys and security keys, recovery codes; devices that are
-- remembered; enforcement and the mails that tell of it.

-- Who has a second factor, and since when. The first factor makes the row, the end of the last removes it.
CREATE TABLE enrolments (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    enrolled_at BIGINT NOT NULL
);
CREATE INDEX enrolments_account ON enrolments (account_id, user_id);

-- kind: 'totp' or 'webauthn'. secret: the sealed seed, or the credential with its public key.
-- last_step: the newest time step whose code was accepted; none is accepted twice.
-- credential_id, discoverable, counter, backup_eligible, backed_up: of passkeys and security keys.
CREATE TABLE factors (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    secret TEXT NOT NULL,
    last_step BIGINT NOT NULL DEFAULT 0,
    credential_id TEXT UNIQUE,
    discoverable INTEGER NOT NULL DEFAULT 0,
    counter BIGINT NOT NULL DEFAULT 0,
    backup_eligible INTEGER NOT NULL DEFAULT 0,
    backed_up INTEGER NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX factors_user ON factors (user_id, id);

CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash TEXT NOT NULL,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, hash)
);

-- A browser in which the second factor is not asked for again for a while. hash: of its cookie, which several
-- people may share; the row is one person's.
CREATE TABLE remembered_devices (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    user_epoch BIGINT NOT NULL,
    hash TEXT NOT NULL,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (user_id, hash)
);
CREATE INDEX remembered_devices_hash ON remembered_devices (hash);
CREATE INDEX remembered_devices_age ON remembered_devices (created_at);

-- Challenges that were answered: an answer counts once.
CREATE TABLE spent_tickets (
    id TEXT NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX spent_tickets_expiry ON spent_tickets (expires_at);

-- For counting who may sign in.
CREATE INDEX users_active ON users (account_id, id) WHERE active = 1;

-- The second factor that was shown in this session; empty for none.
ALTER TABLE sessions ADD COLUMN second_factor TEXT NOT NULL DEFAULT '';

-- Whose password or assertion a flow has proved that waits for more; that user's epoch at that time.
-- demands: 'second_factor', 'new_password', 'enrolment'.
ALTER TABLE signin_flows ADD COLUMN user_epoch BIGINT;

-- One mail to many people, queued bit by bit. cursor: the last user it was queued for.
CREATE TABLE mailings (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    kind TEXT NOT NULL,
    scope TEXT NOT NULL,
    total BIGINT NOT NULL,
    queued BIGINT NOT NULL,
    sent BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    cursor TEXT NOT NULL,
    status TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX mailings_account ON mailings (account_id, id);
CREATE INDEX mailings_running ON mailings (status, id);

-- bulk: 1 for a mail of a mailing, which waits for the others.
ALTER TABLE mail_outbox ADD COLUMN bulk INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mail_outbox ADD COLUMN mailing_id TEXT;
DROP INDEX mail_outbox_due;
CREATE INDEX mail_outbox_due ON mail_outbox (status, bulk, next_attempt_at);
