// The list of the files that were sent from this page: kept over Back and reload, and followed
// until each has ended. upload.js sends them.
"use strict";

const sentFiles = (() => {
  const section = document.getElementById("files");
  if (!section) return null;
  const batchTemplate = document.getElementById("batch");
  const rowTemplate = document.getElementById("file-row");
  const loggedOut = document.getElementById("logged-out");
  const offline = document.getElementById("offline");
  const firstSteps = document.getElementById("first-steps");
  const clear = document.getElementById("clear");
  const { user } = document.getElementById("upload").dataset;
  const KEPT_AS = "ocrsite.sent-files";
  const FIRST_PAUSE = 400;
  const LONGEST_PAUSE = 5000;
  const ASKED_AT_ONCE = 100;
  const texts = document.getElementById("texts").dataset;

  // Newest first: { id, collects, files }, each file { name, state, label, … } as kept.
  let batches = [];
  // What cannot be kept: a file's row, and for upload.js what it needs to send it again.
  const rows = new Map();
  const groups = new Map();
  let pause = FIRST_PAUSE;
  let timer = null;

  const all = () => batches.flatMap((batch) => batch.files);

  // A text whose {name} and the like are replaced by values.
  const filledIn = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  function uuid() { // crypto.randomUUID exists on HTTPS alone
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  function keep() {
    try {
      sessionStorage.setItem(KEPT_AS, JSON.stringify({ user, batches }));
    } catch {
      // Full, or forbidden: the list is then lost with the page.
    }
  }

  function addBatch(batch) {
    const group = batchTemplate.content.firstElementChild.cloneNode(true);
    for (const link of group.querySelectorAll("a")) {
      link.href = `${batchTemplate.dataset.list}?batch=${batch.id}&${link.dataset.query}`;
    }
    document.getElementById("batches").prepend(group);
    groups.set(batch, group);
  }

  function addRow(batch, file) {
    const row = rowTemplate.content.firstElementChild.cloneNode(true);
    const name = document.createElement("bdi");
    name.textContent = file.name;
    row.querySelector(".name").append(name);
    row.querySelector(".whose").textContent = filledIn(texts.whose, file);
    row.querySelector(".remove").setAttribute("aria-label", filledIn(texts.remove, file));
    row.querySelector(".remove").addEventListener("click", () => remove(file, row));
    groups.get(batch).querySelector("ul").append(row);
    rows.set(file, row);
    show(file);
  }

  // Files that are chosen together are a batch; those chosen one by one, such as photos, as well.
  function add(names) {
    const collects = names.length === 1;
    let [batch] = batches;
    if (!batch || !collects || !batch.collects) {
      batch = { id: uuid(), collects, files: [] };
      batches.unshift(batch);
      addBatch(batch);
    }
    const added = names.map((name) => ({ name, batch: batch.id, state: "sending", label: texts.uploading }));
    batch.files.push(...added);
    for (const file of added) addRow(batch, file);
    refresh();
    return added;
  }

  function show(file) {
    const row = rows.get(file);
    const focused = row.contains(document.activeElement) ? document.activeElement : null;
    if (file.page && !row.querySelector("a.name")) {
      const name = document.createElement("a");
      name.className = "name";
      name.append(...row.querySelector(".name").childNodes);
      row.querySelector(".name").replaceWith(name);
    }
    if (file.page) {
      row.querySelector(".name").href = file.page;
      row.querySelector(".open").href = file.page;
    }
    const pill = row.querySelector(".state");
    pill.className = `pill state pill-${file.state === "sending" ? "queued" : file.state}`;
    if (pill.textContent !== file.label) pill.textContent = file.label;
    const verdict = row.querySelector(".verdict");
    verdict.className = `pill verdict pill-${file.review}`;
    verdict.textContent = file.review ? file.reviewLabel : "";
    verdict.hidden = !file.review;
    const progress = row.querySelector("progress");
    progress.hidden = !inWork(file);
    if (file.id) progress.removeAttribute("value"); // in work, for how long is unknown
    const detail = row.querySelector(".detail");
    const text = [file.notice, file.detail].filter(Boolean).join("\n");
    if (detail.textContent !== text) detail.textContent = text;
    detail.hidden = !text;
    // What is to be sent again is in the memory of upload.js alone.
    const again = row.querySelector(".again");
    again.hidden = !file.again;
    again.textContent = file.notice ? texts.readAgain : texts.sendAgain;
    row.querySelector(".open").hidden = !file.notice;
    row.querySelector(".choice").hidden = !file.notice && !file.again;
    row.querySelector(".unlock").hidden = !file.locked;
    if (focused && focused.closest("[hidden]")) row.querySelector(".remove").focus();
  }

  const inWork = (file) => file.state === "sending" || Boolean(file.id && !file.ended);

  // "45 of 60 read": what a link counts is what the list finds, whatever was removed here.
  function summarize(batch) {
    const own = batch.files.filter((file) => file.id && !file.notice);
    const count = (list, condition) => list.filter(condition).length;
    const counts = {
      read: count(own, (file) => file.state === "succeeded"),
      review: count(own, (file) => file.review === "to_review"),
      failed: count(own, (file) => file.state === "failed"),
      before: count(batch.files, (file) => file.notice),
      refused: count(batch.files, (file) => !file.id && file.state === "failed" && !file.unsent),
      unsent: count(batch.files, (file) => file.unsent),
    };
    const words = {
      read: texts.countRead, review: texts.countReview, failed: texts.countFailed,
      before: texts.countBefore, refused: texts.countRefused, unsent: texts.countUnsent,
    };
    for (const [name, number] of Object.entries(counts)) {
      const place = groups.get(batch).querySelector(`[data-count=${name}]`);
      const text = filledIn(words[name], { count: number, all: batch.files.length });
      if (place.textContent !== text) place.textContent = text;
      place.hidden = name === "read" ? !own.length && !batch.files.some(inWork) : !number;
    }
  }

  function refresh() {
    for (const batch of batches.filter((each) => !each.files.some((file) => rows.has(file)))) {
      groups.get(batch).remove();
      batches = batches.filter((each) => each !== batch);
    }
    batches.forEach(summarize);
    if (rows.size && firstSteps) firstSteps.hidden = true;
    section.hidden = !rows.size && !section.querySelector(":scope > ul");
    clear.hidden = !rows.size;
    keep();
  }

  function update(file, changes) {
    Object.assign(file, changes);
    if (rows.has(file)) show(file);
    refresh();
  }

  function remove(file, row) {
    const next = row.nextElementSibling || row.previousElementSibling;
    section.dispatchEvent(new CustomEvent("removed", { detail: file }));
    row.remove();
    rows.delete(file);
    file.removed = true;
    for (const batch of batches) { // what was not sent is not counted
      batch.files = batch.files.filter((other) => other !== file || file.id);
    }
    refresh();
    (next ? next.querySelector(".remove") : document.querySelector("#dropzone input")).focus();
  }

  clear.addEventListener("click", () => {
    for (const [file, row] of [...rows]) {
      if (!inWork(file)) remove(file, row);
    }
    document.querySelector("#dropzone input").focus();
  });

  function fromServer(file, row) {
    if (!row) return { state: "cancelled", label: texts.gone, detail: texts.deleted, review: "", ended: true };
    return {
      state: row.state, label: row.label, ended: row.ended, detail: row.detail,
      review: row.review, reviewLabel: row.review_label,
    };
  }

  async function ask(files) {
    const query = files.map((file) => `id=${file.id}`).join("&");
    const response = await fetch(`${batchTemplate.dataset.states}?${query}`, { headers: { Accept: "application/json" } });
    loggedOut.hidden = !(response.redirected || response.status === 401 || response.status === 403);
    if (!loggedOut.hidden) return;
    const body = await response.json();
    offline.hidden = response.ok;
    if (!response.ok) {
      offline.textContent = body.detail || texts.interrupted;
      return;
    }
    const found = new Map(body.extractions.map((row) => [row.id, row]));
    for (const file of files) Object.assign(file, fromServer(file, found.get(file.id)));
    for (const file of files.filter((each) => rows.has(each))) show(file);
    refresh();
  }

  async function follow(files) {
    clearTimeout(timer);
    timer = null;
    try {
      let start = 0;
      do { // without files it asks whether there is an answer
        await ask(files.slice(start, start + ASKED_AT_ONCE));
        start += ASKED_AT_ONCE;
      } while (start < files.length);
    } catch {
      offline.textContent = texts.interrupted;
      offline.hidden = false;
    }
    pause = Math.min(pause * 1.2, LONGEST_PAUSE);
    schedule();
  }

  function schedule() {
    const open = all().filter((file) => file.id && !file.ended);
    if (open.length || !offline.hidden || !loggedOut.hidden) {
      clearTimeout(timer);
      timer = setTimeout(() => follow(open), pause);
    }
  }

  // What was accepted is asked for soon.
  function followSoon() {
    pause = FIRST_PAUSE;
    schedule();
  }

  function askAgain() {
    pause = FIRST_PAUSE;
    const known = all().filter((file) => file.id);
    if (known.length || !loggedOut.hidden) follow(known);
  }

  function restore() {
    let kept = null;
    try {
      kept = JSON.parse(sessionStorage.getItem(KEPT_AS));
    } catch {
      // As if nothing were kept.
    }
    if (!kept || kept.user !== user) return;
    batches = kept.batches;
    for (const batch of [...batches].reverse()) {
      addBatch(batch);
      for (const file of batch.files) {
        if (file.state === "sending") {
          Object.assign(file, { state: "failed", unsent: true, label: texts.notSent, detail: texts.left });
        }
        Object.assign(file, { again: false, locked: false });
        if (!file.removed) addRow(batch, file);
      }
    }
    refresh();
    askAgain();
  }

  restore();
  // Reviewed meanwhile, or logged in anew in another window.
  addEventListener("pageshow", (event) => { if (event.persisted) askAgain(); });
  addEventListener("focus", () => { if (!loggedOut.hidden) askAgain(); });

  return { texts, add, update, followSoon, section, loggedOut, row: (file) => rows.get(file) };
})();
