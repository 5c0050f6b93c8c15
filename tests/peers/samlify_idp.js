// A SAML identity provider made of samlify, for tests.
//
//     node samlify_idp.js FOLDER
//
// Prints its address. GET /metadata; POST /trust with the service provider's metadata; POST /mode with what to
// sign and encrypt; POST /rotate for a new key; GET /sso as the HTTP-Redirect binding asks, then a page where
// somebody types an address and signs in; GET /start for a sign-in that begins here; GET /slo for logouts; GET
// /logout?email= to begin one.
"use strict";
const { execFileSync } = require("child_process");
const { readFileSync } = require("fs");
const http = require("http");
const path = require("path");
const folder = process.argv[2];
const samlify = require(path.join(process.env.NODE_MODULES, "samlify"));

samlify.setSchemaValidator({ validate: async () => "not looked at: this is the test's provider" });
const { binding } = samlify.Constants.namespace;
let base, trusted;
let mode = { sign: "both", encrypt: false };
let pairs = [makePair(0)];
const sessions = new Map();

function makePair(number) {
  const [key, certificate] = [`${folder}/idp${number}.key`, `${folder}/idp${number}.crt`];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "90", "-subj", "/CN=samlify",
    "-keyout", key, "-out", certificate], { stdio: "ignore" });
  return { key: readFileSync(key, "utf8"), certificate: readFileSync(certificate, "utf8") };
}

const template = `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="{ID}" Version="2.0" IssueInstant="{IssueInstant}" Destination="{Destination}" InResponseTo="{InResponseTo}"><saml:Issuer>{Issuer}</saml:Issuer><samlp:Status><samlp:StatusCode Value="{StatusCode}"/></samlp:Status><saml:Assertion xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xs="http://www.w3.org/2001/XMLSchema" ID="{AssertionID}" Version="2.0" IssueInstant="{IssueInstant}"><saml:Issuer>{Issuer}</saml:Issuer><saml:Subject><saml:NameID Format="{NameIDFormat}">{NameID}</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="{End}" Recipient="{Destination}" InResponseTo="{InResponseTo}"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="{IssueInstant}" NotOnOrAfter="{End}"><saml:AudienceRestriction><saml:Audience>{Audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="{IssueInstant}" SessionIndex="{SessionIndex}"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement></saml:Assertion></samlp:Response>`;

// Certificates of before are published beside the one in use; the library signs with one that stands alone.
const provider = (published = false) => samlify.IdentityProvider({
  entityID: `${base}/metadata`,
  privateKey: pairs[0].key,
  signingCert: published ? pairs.map((pair) => pair.certificate) : pairs[0].certificate,
  isAssertionEncrypted: mode.encrypt,
  dataEncryptionAlgorithm: "http://www.w3.org/2009/xmlenc11#aes256-gcm",
  keyEncryptionAlgorithm: "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
  requestSignatureAlgorithm: "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
  wantLogoutRequestSigned: true,
  wantLogoutResponseSigned: true,
  nameIDFormat: ["urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"],
  singleSignOnService: [{ Binding: binding.redirect, Location: `${base}/sso` }],
  singleLogoutService: [{ Binding: binding.redirect, Location: `${base}/slo` }],
  loginResponseTemplate: { context: template, attributes: [] },
});

const partner = () => samlify.ServiceProvider({
  metadata: trusted.replace('WantAssertionsSigned="true"', `WantAssertionsSigned="${mode.sign !== "response"}"`),
  wantMessageSigned: mode.sign !== "assertion",
  wantLogoutRequestSigned: true,
  wantLogoutResponseSigned: true,
});

const unique = () => "_" + require("crypto").randomBytes(16).toString("hex");
const escape = (text) => text.replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/</g, "&lt;");
const carry = (url, fields) => `<title>samlify</title><form method="post" action="${escape(url)}">` +
  Object.entries(fields).map(([name, value]) => `<input type="hidden" name="${name}" value="${escape(value)}">`).join("") +
  "</form><script>document.forms[0].submit()</script>";

async function respond(email, request) {
  const [idp, sp] = [provider(), partner()];
  const now = new Date();
  const destination = sp.entityMeta.getAssertionConsumerService("post");
  const session = unique();
  sessions.set(email, session);
  const tags = {
    ID: unique(), AssertionID: unique(), Destination: destination, Audience: sp.entityMeta.getEntityID(),
    Issuer: `${base}/metadata`, IssueInstant: now.toISOString(), End: new Date(now.getTime() + 300000).toISOString(),
    StatusCode: "urn:oasis:names:tc:SAML:2.0:status:Success", NameID: email, SessionIndex: session,
    NameIDFormat: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", InResponseTo: request?.extract.request.id,
  };
  const fill = (text) => ({ id: tags.ID, context: samlify.SamlLib.replaceTagsByValue(text, tags) });
  const made = await idp.createLoginResponse(sp, request ?? {}, "post", { email }, { customTagReplacement: fill, encryptThenSign: mode.encrypt });
  return carry(destination, { SAMLResponse: made.context });
}

async function answer(request, body) {
  const url = new URL(request.url, base);
  const query = Object.fromEntries(url.searchParams);
  const octetString = ["SAMLRequest", "SAMLResponse", "RelayState", "SigAlg"].flatMap((name) =>
    url.search.slice(1).split("&").filter((pair) => pair.startsWith(`${name}=`))).join("&");
  const form = () => Object.fromEntries(new URLSearchParams(body));
  switch (`${request.method} ${url.pathname}`) {
    case "GET /metadata": return provider(true).getMetadata();
    // The library encrypts with one key; where several are published, the first is the newest.
    case "POST /trust": {
      let seen = 0;
      trusted = body.replace(/<(\w+:)?KeyDescriptor use="encryption">.*?<\/(\w+:)?KeyDescriptor>/gs, (key) => (seen++ ? "" : key));
      return "trusted";
    }
    case "POST /mode": mode = JSON.parse(body); return "set";
    case "POST /rotate": pairs = [makePair(pairs.length), ...pairs]; return "rotated";
    case "GET /start":
    case "GET /sso": return `<title>samlify</title><form method="post" action="/sso">` +
      `<input type="hidden" name="query" value="${escape(url.search)}"><input name="email" id="email"><button id="go">Sign in</button></form>`;
    case "POST /sso": {
      const asked = new URLSearchParams(form().query);
      const parsed = asked.has("SAMLRequest")
        ? await provider().parseLoginRequest(partner(), "redirect", { query: Object.fromEntries(asked) }) : null;
      return respond(form().email, parsed);
    }
    case "GET /logout": {
      const user = { logoutNameID: query.email, sessionIndex: sessions.get(query.email) };
      return { to: provider().createLogoutRequest(partner(), "redirect", user).context };
    }
    case "GET /slo": {
      if (query.SAMLResponse) {
        const said = await provider().parseLogoutResponse(partner(), "redirect", { query, octetString });
        return `<title>samlify</title><p id="end">Everywhere: ${JSON.stringify(said.extract.response)}</p>`;
      }
      const parsed = await provider().parseLogoutRequest(partner(), "redirect", { query, octetString });
      sessions.delete(parsed.extract.nameID);
      return { to: provider().createLogoutResponse(partner(), parsed, "redirect", query.RelayState ?? "").context };
    }
    default: throw new Error(`nothing at ${request.url}`);
  }
}

const server = http.createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => { body += chunk; });
  request.on("end", async () => {
    try {
      const made = await answer(request, body);
      if (made.to) return response.writeHead(302, { Location: made.to }).end();
      response.writeHead(200, { "Content-Type": made.startsWith("<title") ? "text/html; charset=utf-8" : "text/plain; charset=utf-8" }).end(made);
    } catch (error) {
      response.writeHead(500, { "Content-Type": "text/plain" }).end(String(error?.stack ?? error));
    }
  });
});
server.listen(0, "127.0.0.1", () => {
  base = `http://127.0.0.1:${server.address().port}`;
  console.log(base);
});
