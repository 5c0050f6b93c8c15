// How often a second node-saml validates a response, for the benchmark beside it.
"use strict";
const path = require("path");
const { SAML } = require(path.join(process.env.NODE_MODULES, "@node-saml/node-saml"));
const { certificate, base, response, issuer } = JSON.parse(process.argv[2]);

const saml = new SAML({
  callbackUrl: `${base}/acs`, issuer: `${base}/metadata`, audience: `${base}/metadata`, idpIssuer: issuer,
  idpCert: certificate, wantAuthnResponseSigned: false, wantAssertionsSigned: true, validateInResponseTo: "never",
  acceptedClockSkewMs: 60000,
});

(async () => {
  const once = () => saml.validatePostResponseAsync({ SAMLResponse: response });
  const { profile } = await once();
  if (!profile.nameID.includes("@")) throw new Error("no name");
  for (let n = 0; n < 200; n++) await once();
  const begin = process.hrtime.bigint();
  let n = 0;
  while (process.hrtime.bigint() - begin < 3_000_000_000n) { await once(); n++; }
  console.log(n / (Number(process.hrtime.bigint() - begin) / 1e9));
})().catch((error) => { console.error(error); process.exit(1); });
