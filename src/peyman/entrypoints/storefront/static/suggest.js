// What may be meant, shown under the box of search while it is typed: a combobox with a list, by keyboard and by hand.
// Without this file the form is sent as ever. Nothing is asked before 150 ms of rest, nor for less than two letters.
(() => {
  const form = document.querySelector("form.search"), box = form && form.querySelector("input[name=q]");
  if (!box || !window.fetch || !window.AbortController) return;
  const list = document.createElement("div"), told = document.createElement("span");
  list.id = "suggestions"; list.className = "suggestions"; list.hidden = true;
  list.setAttribute("role", "listbox"); list.setAttribute("aria-label", "پیشنهادها");
  told.className = "sr"; told.setAttribute("role", "status");
  form.append(list);
  box.addEventListener("focus", () => form.append(told), { once: true });  // who does not search is told nothing here
  box.setAttribute("role", "combobox"); box.setAttribute("aria-autocomplete", "list");
  box.setAttribute("aria-controls", list.id); box.setAttribute("aria-expanded", "false"); box.autocomplete = "off";
  const kept = new Map();
  let rest = 0, asked = null, at = -1, typed = box.value;
  const options = () => [...list.querySelectorAll("[role=option]")];
  const close = () => { list.hidden = true; at = -1; box.setAttribute("aria-expanded", "false"); box.removeAttribute("aria-activedescendant"); };
  const point = (to) => {
    const all = options();
    if (!all.length) return;
    all.forEach((each) => each.setAttribute("aria-selected", "false"));
    at = to < -1 ? all.length - 1 : to >= all.length ? -1 : to;
    if (at < 0) { box.removeAttribute("aria-activedescendant"); return; }
    all[at].setAttribute("aria-selected", "true"); all[at].scrollIntoView({ block: "nearest" });
    box.setAttribute("aria-activedescendant", all[at].id);
  };
  const show = (html) => {
    list.innerHTML = html; at = -1; box.removeAttribute("aria-activedescendant");
    const many = options().length;
    if (!many || document.activeElement !== box) return close();
    list.hidden = false; box.setAttribute("aria-expanded", "true");
    told.textContent = `${many.toLocaleString("fa-IR")} پیشنهاد`;
  };
  const ask = async () => {
    const q = box.value.trimStart();
    if (asked) asked.abort();
    if (q.trim().length < 2) { told.textContent = ""; return close(); }
    if (kept.has(q)) return show(kept.get(q));
    asked = new AbortController();
    try {
      const answer = await fetch(`/goods/suggest?${new URLSearchParams({ q })}`, { signal: asked.signal, credentials: "omit" });
      if (!answer.ok) return close();
      const html = await answer.text();
      if (kept.size > 50) kept.clear();
      kept.set(q, html);
      if (box.value.trimStart() === q) show(html);
    } catch { /* a line that is down shows nothing, and the form still works */ }
  };
  box.addEventListener("input", () => { if (box.value === typed) return; typed = box.value; clearTimeout(rest); rest = setTimeout(ask, 150); });
  box.addEventListener("keydown", (key) => {
    if (key.isComposing) return;
    if (key.key === "Escape" && !list.hidden) { key.preventDefault(); clearTimeout(rest); close(); }
    else if (key.key === "ArrowDown" || key.key === "ArrowUp") {
      if (list.hidden) { if (options().length && box.value === typed) { list.hidden = false; box.setAttribute("aria-expanded", "true"); } else return; }
      key.preventDefault(); point(at + (key.key === "ArrowDown" ? 1 : -1));
    } else if (key.key === "Enter" && at >= 0 && !list.hidden) { key.preventDefault(); options()[at].click(); }
  });
  list.addEventListener("mousedown", (press) => press.preventDefault());
  form.addEventListener("focusout", (leave) => { if (!form.contains(leave.relatedTarget)) { clearTimeout(rest); close(); } });
})();
