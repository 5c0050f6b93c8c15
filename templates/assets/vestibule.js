// Everything works without this file. It shows the copy buttons and makes them copy.
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).innerText);
    const label = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 1500);
  });
}

// While a password is typed: which rules it does not meet yet, and how long it would stand.
for (const input of document.querySelectorAll("input[data-check]")) {
  const rules = document.querySelectorAll("[data-rule]");
  const strength = document.querySelector(`[data-strength-for="${input.id}"]`);
  let timer, asked = 0;
  const show = (verdict) => {
    const unmet = new Set(verdict.unmet.map((rule) => rule.code));
    for (const rule of rules) rule.className = unmet.has(rule.dataset.rule) ? "unmet" : "met";
    strength.hidden = false;
    strength.querySelector("meter").value = verdict.strength.score;
    strength.querySelector("span").textContent = verdict.strength.label;
  };
  input.addEventListener("input", () => {
    clearTimeout(timer);
    const turn = ++asked;
    if (!input.value) {
      for (const rule of rules) rule.className = "";
      strength.hidden = true;
      return;
    }
    timer = setTimeout(async () => {
      const body = new URLSearchParams(input.dataset.check);
      body.set("password", input.value);
      const answer = await fetch("/password/check", { method: "POST", body });
      if (answer.ok && turn === asked) show(await answer.json());
    }, 350);
  });
}

// Passkeys and security keys: asks the browser and posts its answer with the form it stands in.
const fromBase64 = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const toBase64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const withBytes = (options) => {
  options.challenge = fromBase64(options.challenge);
  if (options.user) options.user.id = fromBase64(options.user.id);
  for (const list of [options.allowCredentials, options.excludeCredentials]) {
    for (const key of list ?? []) key.id = fromBase64(key.id);
  }
  return options;
};
const TRANSPORTS = ["usb", "nfc", "ble", "internal", "hybrid"];
const answerOf = (credential) => {
  const given = credential.response;
  const response = { clientDataJSON: toBase64(given.clientDataJSON) };
  if (given.attestationObject) {
    response.attestationObject = toBase64(given.attestationObject);
    response.transports = (given.getTransports?.() ?? []).filter((name) => TRANSPORTS.includes(name));
  } else {
    response.authenticatorData = toBase64(given.authenticatorData);
    response.signature = toBase64(given.signature);
    response.userHandle = given.userHandle ? toBase64(given.userHandle) : null;
  }
  return JSON.stringify({ id: credential.id, rawId: toBase64(credential.rawId), type: credential.type, response, extensions: {} });
};
for (const form of document.querySelectorAll("form[data-key]")) {
  if (!window.PublicKeyCredential) break;
  const problem = form.querySelector("[data-key-problem]");
  const say = (text) => { problem.textContent = text; problem.hidden = !text; };
  const ask = async () => {
    if (form.dataset.key === "create") return navigator.credentials.create({ publicKey: withBytes(JSON.parse(form.dataset.options)) });
    if (form.dataset.key === "get") return navigator.credentials.get({ publicKey: withBytes(JSON.parse(form.dataset.options)) });
    const started = await fetch("/login/passkey/start", { method: "POST" });
    if (!started.ok) throw new Error("refused");
    const { options, ticket } = await started.json();
    form.elements.ticket.value = ticket;
    return navigator.credentials.get({ publicKey: withBytes(JSON.parse(options)) });
  };
  const button = form.querySelector("[data-key-button]");
  if (!button) continue;
  form.hidden = false;
  button.hidden = false;
  form.querySelector("[data-key-or]")?.removeAttribute("hidden");
  button.addEventListener("click", async () => {
    say("");
    button.disabled = true;
    try {
      form.elements.answer.value = answerOf(await ask());
      form.submit();
    } catch (error) {
      button.disabled = false;
      say(error.name === "InvalidStateError" ? "This key is already registered. Use a different one."
        : error.name === "NotAllowedError" ? "The request timed out or was canceled. Try again."
        : "This browser could not use the key. Try again, or use a different method.");
    }
  });
}

// Mails under way: the numbers move by themselves.
for (const box of document.querySelectorAll("[data-progress][data-under-way]")) {
  const timer = setInterval(async () => {
    const answer = await fetch(box.dataset.progress);
    if (!answer.ok) return clearInterval(timer);
    const now = await answer.json();
    box.querySelector("progress").value = now.sent;
    box.querySelector("[data-sent]").textContent = now.sent;
    box.querySelector("[data-failed]").textContent = now.failed ? `, ${now.failed} failed` : "";
    if (now.status !== "running" && now.sent + now.failed >= now.queued) clearInterval(timer);
  }, 2000);
}

// A form that only carries something to another site.
document.querySelector("form[data-send]")?.submit();

// The fragment of an address never reaches the server, and a form that is submitted loses it. A sign-in that began at an
// address with a fragment carries it from page to page, back to the application.
if (location.hash && document.body.classList.contains("door")) {
  for (const form of document.forms) if (!form.action.includes("#")) form.action += location.hash;
}
