// oidc-provider, from npm, on a free port. POST /_client takes its one client; POST /_rotate puts a new key in front.
import { createServer } from "node:http";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const entry = pathToFileURL(join(process.env.NODE_MODULES, "oidc-provider/lib/index.js"));
const { Provider } = await import(entry.href);
console.error = console.warn = console.info = () => {};

const key = (kind) => {
  const { privateKey } = kind === "EC" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid: randomUUID(), use: "sig" };
};
const server = createServer();
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const issuer = `http://127.0.0.1:${server.address().port}`;
let keys = [key("RSA")];
let client = null;
let answer = null;

const claims = (sub) => ({ sub: sub.split("@")[0], email: sub, email_verified: !sub.startsWith("unverified"), name: "Bob Builder", given_name: "Bob", family_name: "Builder", groups: ["builders", "everybody"] });

function build() {
  const provider = new Provider(issuer, {
    clients: client ? [client] : [],
    jwks: { keys },
    cookies: { keys: ["for tests"] },
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "given_name", "family_name", "groups"] },
    features: { devInteractions: { enabled: true }, backchannelLogout: { enabled: true }, rpInitiatedLogout: { enabled: true } },
    // Its own rules keep it from asking addresses on this machine.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    pkce: { required: () => true },
    findAccount: (_, sub) => ({ accountId: sub, claims: async () => claims(sub) }),
    // What is consented to is consented to: the page for it is another test's matter.
    loadExistingGrant: async (ctx) => {
      const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
      grant.addOIDCScope("openid email profile");
      await grant.save();
      return grant;
    },
  });
  answer = provider.callback();
}
build();
server.on("request", async (request, response) => {
  const text = async () => { let all = ""; for await (const part of request) all += part; return all; };
  if (request.url === "/_client") client = JSON.parse(await text());
  else if (request.url === "/_rotate") keys = [key("EC"), ...keys];
  else return answer(request, response);
  build();
  response.end("ok");
});
console.log(issuer);
