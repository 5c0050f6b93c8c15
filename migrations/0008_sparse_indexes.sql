-- Most users of an account without a directory have neither, and nobody looks for those who have not.
DROP INDEX users_external;
CREATE INDEX users_external ON users (account_id, external_id, id) WHERE external_id IS NOT NULL;
DROP INDEX users_connection;
CREATE INDEX users_connection ON users (connection_id, active) WHERE connection_id IS NOT NULL;
