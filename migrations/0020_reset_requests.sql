-- Requests for a new password, whether or not a link was sent for them: they limit the mails per user and hour.
CREATE TABLE reset_requests (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    requested_at BIGINT NOT NULL
);
CREATE INDEX reset_requests_user ON reset_requests (user_id, requested_at);
CREATE INDEX reset_requests_time ON reset_requests (requested_at);
