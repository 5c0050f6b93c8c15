// Everything works without this file. It shows the copy buttons and makes them copy.
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
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
