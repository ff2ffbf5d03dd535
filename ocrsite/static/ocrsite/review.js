// The review page by keyboard: checks after each change, the next doubtful value, approval.
"use strict";

(() => {
  const form = document.getElementById("review");
  const notice = document.getElementById("script-notice");
  const progress = document.getElementById("progress");
  const version = form.elements.version.value;
  const KEPT = `${location.pathname}#${version}`;
  const rows = window.ocrsiteRows;
  const texts = document.getElementById("texts").dataset;
  // To approve, or to save for who may not.
  const decision = form.querySelector(".decide button");
  let running = null;

  const valueOf = (element) => element.closest("[data-path]");
  const inputOf = (value) => value.querySelector("input:not([type=checkbox]), textarea, select");
  const confirmOf = (value) => value.querySelector('[name="confirm"]');
  const flagged = () => [...form.querySelectorAll("[data-path][data-flagged]")].filter(
    (value) => !value.closest("tr")?.querySelector('[name="remove"]').checked,
  );

  function tell(text) {
    notice.textContent = text;
    notice.hidden = !text;
  }

  function open(element) {
    for (let at = element.closest("details"); at; at = at.parentElement.closest("details")) {
      at.open = true;
    }
    // No further than needed: what was seen beside it is still seen.
    element.focus({ preventScroll: true });
    (valueOf(element) || element).scrollIntoView({ block: "nearest", inline: "nearest" });
    element.select?.();
  }

  // The doubtful value after (or before) the focused one; at the end the first again, unless it is
  // the last.
  function move(step, isLast = false) {
    const values = flagged();
    const here = valueOf(document.activeElement);
    const FOLLOWS = Node.DOCUMENT_POSITION_FOLLOWING;
    const isAfter = (value) => here && here.compareDocumentPosition(value) & FOLLOWS;
    const others = values.filter((value) => value !== here);
    const next = step > 0
      ? (here ? others.find(isAfter) : null) || (isLast ? null : others[0])
      : others.filter((value) => !isAfter(value)).at(-1) || others.at(-1);
    if (next) open(inputOf(next));
    else decision.focus();
  }

  // What was typed stays in this tab until it is stored: a session may end meanwhile.
  function keep() {
    const typed = [...new FormData(form)].filter(
      ([name]) => /^(invoice|place)\./.test(name) || ["confirm", "remove", "rejection", "order"].includes(name),
    );
    try {
      sessionStorage.setItem(KEPT, JSON.stringify(typed));
    } catch {
      // No room, or not allowed: then it is not kept.
    }
  }

  function restore() {
    const kept = sessionStorage.getItem(KEPT);
    if (!kept) return false;
    const typed = JSON.parse(kept);
    let isDifferent = false;
    for (const [name, text] of typed) {
      if (name === "order") {
        rows.addMissing(text);
        continue;
      }
      if (name === "confirm" || name === "remove") {
        const box = form.querySelector(`[name="${name}"][value="${CSS.escape(text)}"]`);
        if (box && !box.checked) { box.checked = true; isDifferent = true; }
        continue;
      }
      if (name.startsWith("place.")) {
        const value = form.querySelector(`[data-path="${CSS.escape(name.slice(6))}"]`);
        if (value) window.ocrsiteClicked.set(value, text);
        continue;
      }
      const input = form.elements[name];
      if (input && input.value.replace(/\r\n/g, "\n") !== text.replace(/\r\n/g, "\n")) {
        input.value = text;
        isDifferent = true;
      }
    }
    const order = typed.filter(([name]) => name === "order").map(([, path]) => path);
    return rows.arrange(order) || isDifferent;
  }

  function show({ errors, doubts, verdict, stale }) {
    if (stale) {
      tell(texts.stale);
      return;
    }
    for (const value of form.querySelectorAll("[data-path]")) {
      const { path } = value.dataset;
      const input = inputOf(value);
      const error = errors[path] || "";
      document.getElementById(`error-${path}`).textContent = error;
      if (error) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
      if (!doubts) continue;
      const doubt = doubts[path] || "";
      document.getElementById(`doubt-${path}`).textContent = doubt;
      value.toggleAttribute("data-flagged", doubt !== "");
    }
    if (verdict) document.getElementById("verdict").innerHTML = verdict;
  }

  async function check() {
    running?.abort();
    const control = running = new AbortController();
    try {
      const response = await fetch(form.dataset.check, {
        method: "POST", body: new URLSearchParams(new FormData(form)), signal: control.signal,
        headers: { Accept: "application/json" },
      });
      if (response.redirected) {
        tell(texts.loggedOut);
        const link = document.createElement("a");
        link.href = `${form.dataset.logIn}?next=${encodeURIComponent(location.pathname)}`;
        link.textContent = texts.logIn;
        notice.append(" ", link);
        return;
      }
      const answer = await response.json();
      if (!("errors" in answer)) throw new Error(answer.detail);
      tell("");
      show(answer);
      progress.textContent = texts.checked;
    } catch (error) {
      if (error.name === "AbortError") return;
      progress.textContent = texts.unchecked;
    }
  }

  function confirmAndMove(value) {
    const input = inputOf(value);
    const isChanged = input.value !== input.dataset.initial;
    if (value.hasAttribute("data-flagged") && !isChanged) confirmOf(value).checked = true;
    keep();
    value.toggleAttribute("data-flagged", false);
    move(1);
    // Leaving a changed input has checked already; what is confirmed has not changed.
    if (!isChanged) check();
  }

  function approve() {
    const anyway = form.querySelector('[value="approve-anyway"]');
    form.requestSubmit(anyway || decision);
  }

  form.addEventListener("keydown", (event) => {
    const value = valueOf(event.target);
    if (event.key === "Enter" && !event.ctrlKey && !event.metaKey && !event.isComposing
        && value && event.target.matches("input:not([type=checkbox])")) {
      event.preventDefault();
      confirmAndMove(value);
    } else if (event.key === "Tab" && !event.shiftKey && value?.hasAttribute("data-flagged")
        && event.target === inputOf(value)) {
      // Shift+Tab and all other values go the usual way, so that each can be reached.
      event.preventDefault();
      move(1, true);
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "F8") {
      event.preventDefault();
      move(event.shiftKey ? -1 : 1);
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      approve();
    }
  });
  form.addEventListener("input", keep);
  form.addEventListener("change", (event) => {
    if (event.target.id !== "rejection") check();
  });
  form.addEventListener("submit", (event) => {
    if (!event.submitter?.classList.contains("add")) return;
    event.preventDefault();
    open(inputOf(rows.add(event.submitter.closest("section")).querySelector("[data-path]")));
  });
  form.addEventListener("moved", () => { keep(); check(); });
  document.getElementById("verdict").addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#field-"]');
    const target = link && document.getElementById(link.hash.slice(1));
    if (!target) return;
    event.preventDefault();
    open(target);
  });

  for (const value of form.querySelectorAll("[data-path]")) {
    const input = inputOf(value);
    input.dataset.initial = input.value;
  }
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith(`${location.pathname}#`) && key !== KEPT) sessionStorage.removeItem(key);
  }
  const isRestored = restore();
  if (isRestored) check();
  const first = form.querySelector('[value="approve-anyway"]')
    || form.querySelector('[aria-invalid="true"]');
  if (first) open(first);
  else if (!location.hash) move(1);
})();
