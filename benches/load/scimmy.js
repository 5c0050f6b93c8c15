// A SCIM server made of scimmy-routers that keeps users in memory, for the benchmark beside it.
"use strict";
const path = require("path");
const load = (name) => require(path.join(process.env.NODE_MODULES, name));

(async () => {
  const express = load("express");
  const SCIMMY = load("scimmy").default ?? load("scimmy");
  const SCIMMYRouters = load("scimmy-routers").default ?? load("scimmy-routers");
  const users = new Map();
  const names = new Map();
  let last = 0;
  SCIMMY.Resources.declare(SCIMMY.Resources.User)
    .ingress((resource, data) => {
      // A name is there once (RFC 7643 §4.1.1), which is the application's to see to.
      const name = data.userName.toLowerCase();
      if (names.has(name) && names.get(name) !== resource.id) throw new SCIMMY.Types.Error(409, "uniqueness", "taken");
      const id = resource.id ?? String(++last);
      names.set(name, id);
      const user = { ...JSON.parse(JSON.stringify(data)), id };
      users.set(id, user);
      return user;
    })
    .egress((resource) => (resource.id ? users.get(resource.id) : [...users.values()]))
    .degress((resource) => users.delete(resource.id));
  const app = express();
  app.use("/", new SCIMMYRouters({ type: "bearer", handler: () => "bench" }));
  const server = app.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
})();
