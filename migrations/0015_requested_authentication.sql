-- What a SAML request demanded of the authentication, as JSON. The response is checked against it.
ALTER TABLE signin_flows ADD COLUMN asked TEXT;
ALTER TABLE connection_tests ADD COLUMN asked TEXT;
-- The level that the identity provider states is kept apart from the level that was reached here.
ALTER TABLE sessions ADD COLUMN provider_acr TEXT NOT NULL DEFAULT '';
UPDATE sessions SET provider_acr = acr, acr = '' WHERE second_factor IN ('', 'provider', 'device');
