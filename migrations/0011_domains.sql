-- The email domains that an account claims. Only one account of the server can have proved a domain; what others claim
-- grants nothing. 'method' says what proved it: the TXT record in the DNS, or the operator's word.
CREATE TABLE domains (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    -- Lowercase, internationalized names in their ASCII form (RFC 5890).
    domain TEXT NOT NULL,
    state TEXT NOT NULL,
    method TEXT,
    -- What the TXT record has to contain. Public, as everything in the DNS.
    record_value TEXT NOT NULL,
    verified_at BIGINT,
    checked_at BIGINT,
    -- Since when the record of a verified domain has been missing.
    failing_since BIGINT,
    last_error TEXT,
    -- When the next check is due; empty for what is not checked.
    next_check_at BIGINT,
    -- Domains that connections listed before this version count for a while without a proof. -1: from the next start on.
    grace_until BIGINT,
    created_at BIGINT NOT NULL,
    UNIQUE (account_id, domain)
);
CREATE UNIQUE INDEX domains_verified ON domains (domain) WHERE state = 'verified';
CREATE INDEX domains_grace ON domains (domain) WHERE grace_until IS NOT NULL;
CREATE INDEX domains_due ON domains (next_check_at) WHERE next_check_at IS NOT NULL;

-- Their ids, ASCII forms and record values are set by the server at its next start, as SQL cannot make them.
INSERT INTO domains (id, account_id, domain, state, record_value, grace_until, created_at)
SELECT d.account_id || '.' || d.domain, d.account_id, d.domain, 'pending', '', -1, a.created_at
FROM connection_domains d JOIN accounts a ON a.id = d.account_id;

-- Which connections may speak for the addresses of a domain: several, where there was one.
CREATE TABLE connection_domains_of_many (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    domain TEXT NOT NULL,
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    PRIMARY KEY (account_id, domain, connection_id)
);
INSERT INTO connection_domains_of_many (account_id, domain, connection_id)
SELECT account_id, domain, connection_id FROM connection_domains;
DROP TABLE connection_domains;
ALTER TABLE connection_domains_of_many RENAME TO connection_domains;
CREATE INDEX connection_domains_connection ON connection_domains (connection_id);
