// Uploads files one by one and follows each until it has ended.
"use strict";

(() => {
  const form = document.getElementById("upload");
  if (!form) return;
  const input = form.querySelector("input[type=file]");
  const dropzone = document.getElementById("dropzone");
  const rowTemplate = document.getElementById("file-row");
  const UPLOADS_AT_ONCE = 3;
  const SLOWEST_POLL = 5000;
  const STATES = {
    queued: "Queued", processing: "Processing", waiting: "Waiting", succeeded: "Succeeded",
    failed: "Failed", cancelled: "Cancelled",
  };
  const waiting = [];
  let uploading = 0;

  document.getElementById("send").hidden = true; // choosing or dropping starts the upload

  function addRow(file) {
    const row = rowTemplate.content.firstElementChild.cloneNode(true);
    row.querySelector(".name").textContent = file.name;
    show(row, "queued", "Uploading");
    document.getElementById("file-list").append(row);
    document.getElementById("files").hidden = false;
    return row;
  }

  function show(row, state, label, detail = "") {
    const pill = row.querySelector(".pill");
    pill.className = `pill pill-${state}`;
    if (pill.textContent !== label) pill.textContent = label;
    const text = row.querySelector(".detail");
    text.textContent = detail;
    text.hidden = !detail;
  }

  function fail(row, label, detail) {
    row.querySelector("progress").hidden = true;
    show(row, "failed", label, detail);
  }

  function answerOf(request) {
    try {
      const body = JSON.parse(request.responseText);
      if (!body.files) return { problem: body.detail };
      return body.files[0] || body;
    } catch {
      return { problem: "The service did not answer as expected. Reload the page and try again." };
    }
  }

  function render(row, body) {
    const invoice = body.invoice;
    const progress = row.querySelector("progress");
    const ended = body.status !== "pending";
    progress.hidden = ended;
    row.querySelector(".needs-review").hidden = !(invoice && invoice.needs_review);
    show(row, body.state, STATES[body.state], ended ? summary(body) : "");
    return ended;
  }

  function summary(body) {
    const invoice = body.invoice;
    if (!invoice) return body.detail || body.message;
    const total = [invoice.total_amount, invoice.currency].filter(Boolean).join(" ");
    return [invoice.supplier.name, invoice.invoice_number, total].filter(Boolean).join(" · ");
  }

  async function follow(row, address, pause) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    try {
      const response = await fetch(address, { headers: { Accept: "application/json" } });
      const body = await response.json();
      if (response.status === 503) {
        show(row, "waiting", "Offline", body.detail);
      } else if (!response.ok) {
        fail(row, "Unknown", body.detail);
        return;
      } else if (render(row, body)) {
        return;
      }
    } catch {
      show(row, "waiting", "Offline", "The connection is interrupted. Still trying.");
    }
    follow(row, address, Math.min(pause * 1.2, SLOWEST_POLL));
  }

  function send(file, row, fields) {
    const data = new FormData();
    for (const [name, value] of fields) data.append(name, value);
    data.append("file", file);
    const request = new XMLHttpRequest(); // fetch tells nothing of an upload's progress
    const progress = row.querySelector("progress");
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) progress.value = (100 * event.loaded) / event.total;
    };
    request.onload = () => {
      const answer = answerOf(request);
      if (!answer.poll) {
        fail(row, request.status === 503 ? "Not sent" : "Refused", answer.problem);
        return;
      }
      row.querySelector(".name").href = answer.page;
      progress.removeAttribute("value"); // in work, for how long is unknown
      show(row, "queued", STATES.queued);
      follow(row, answer.poll, 300);
    };
    request.onerror = () => fail(row, "Not sent", "The connection failed. Check it and send the file again.");
    request.onloadend = () => { uploading -= 1; next(); };
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.send(data);
  }

  function next() {
    while (uploading < UPLOADS_AT_ONCE && waiting.length) {
      uploading += 1;
      send(...waiting.shift());
    }
  }

  function take(files) {
    if (!files.length || !form.reportValidity()) return;
    const fields = ["csrfmiddlewaretoken", "company_id", "branch"].map(
      (name) => [name, form.elements[name].value]);
    for (const file of files) {
      const row = addRow(file);
      if (file.size > form.dataset.maxMb * 1024 * 1024) {
        fail(row, "Refused", `The file is larger than ${form.dataset.maxMb} MB. Send a smaller one.`);
      } else {
        waiting.push([file, row, fields]);
      }
    }
    next();
  }

  function takeChosen() {
    take([...input.files]);
    input.value = ""; // so that the same file can be chosen again
  }

  input.addEventListener("change", takeChosen);
  takeChosen(); // what was chosen while this script was still on its way
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const name of ["dragenter", "dragover"]) {
    dropzone.addEventListener(name, (event) => {
      event.preventDefault();
      dropzone.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) {
    dropzone.addEventListener(name, () => dropzone.classList.remove("over"));
  }
  dropzone.addEventListener("drop", (event) => {
    event.preventDefault();
    take([...event.dataTransfer.files]);
  });
})();
