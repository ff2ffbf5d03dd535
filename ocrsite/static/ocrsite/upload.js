// Sends the chosen files, a few at a time. sent_files.js lists and follows them.
"use strict";

(() => {
  const form = document.getElementById("upload");
  if (!form) return;
  const inputs = form.querySelectorAll("input[type=file]");
  const dropzone = document.getElementById("dropzone");
  const UPLOADS_AT_ONCE = 3;
  const { texts } = sentFiles;
  const waiting = []; // files of sentFiles
  const contents = new Map(); // by these: { content, fields, request }
  let uploading = 0;

  document.getElementById("send").hidden = true; // choosing or dropping starts the upload

  function csrfToken() { // a log-in in another window has changed the form's
    const cookie = document.cookie.split("; ").find((each) => each.startsWith("csrftoken="));
    return cookie ? cookie.split("=")[1] : form.elements.csrfmiddlewaretoken.value;
  }

  function isLoggedOut(request) {
    const elsewhere = request.responseURL && new URL(request.responseURL).pathname !== new URL(form.action).pathname;
    return elsewhere || request.status === 401 || request.status === 403;
  }

  function answerOf(request) {
    try {
      const body = JSON.parse(request.responseText);
      if (!body.files) return { problem: body.detail || texts.unexpected };
      return body.files[0] || body;
    } catch {
      return { problem: texts.unexpected };
    }
  }

  function notSent(file, detail) {
    sentFiles.update(file, { state: "failed", unsent: true, label: texts.notSent, detail, again: true, locked: false });
  }

  function answered(file, request) {
    if (isLoggedOut(request)) {
      sentFiles.loggedOut.hidden = false;
      notSent(file, texts.loggedOut);
      return;
    }
    const answer = answerOf(request);
    if (answer.id) {
      sentFiles.loggedOut.hidden = true;
      sentFiles.update(file, {
        id: answer.id, page: answer.page, state: "queued", label: texts.queued, ended: false, detail: "",
        notice: answer.notice, again: Boolean(answer.notice), locked: false,
      });
      if (!answer.notice) contents.delete(file);
      sentFiles.followSoon();
    } else if (request.status >= 500) {
      notSent(file, answer.problem);
    } else {
      const wasAsked = file.locked;
      sentFiles.update(file, {
        state: "failed", label: answer.locked ? texts.locked : texts.refused, detail: answer.problem, locked: answer.locked,
      });
      if (!answer.locked) contents.delete(file);
      else if (wasAsked) sentFiles.row(file)?.querySelector(".unlock input").select();
    }
  }

  // The password is in this call, and nowhere else.
  function send(file, more) {
    const { content, fields } = contents.get(file);
    const data = new FormData();
    for (const [name, value] of [...fields, ["batch", file.batch], ...more]) data.append(name, value);
    data.append("file", content);
    const request = new XMLHttpRequest(); // fetch tells nothing of an upload's progress
    contents.get(file).request = request;
    request.upload.onprogress = (event) => {
      const progress = sentFiles.row(file)?.querySelector("progress");
      if (progress && event.lengthComputable) progress.value = (100 * event.loaded) / event.total;
    };
    request.onload = () => answered(file, request);
    request.onerror = () => notSent(file, texts.failed);
    request.onloadend = () => { uploading -= 1; next(); };
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.send(data);
  }

  function next() {
    while (uploading < UPLOADS_AT_ONCE && waiting.length) {
      uploading += 1;
      send(...waiting.shift());
    }
  }

  function queue(file, more = []) {
    waiting.push([file, more]);
    next();
  }

  function sendAgain(file, more) {
    sentFiles.update(file, {
      id: null, notice: "", state: "sending", unsent: false, label: texts.uploading, detail: "", again: false, review: "",
    });
    queue(file, more);
  }

  function listen(file) {
    const row = sentFiles.row(file);
    row.querySelector(".again").addEventListener("click", () => {
      sendAgain(file, file.notice ? [["force", "on"]] : []);
    });
    row.querySelector(".unlock").addEventListener("submit", (event) => {
      event.preventDefault();
      const password = event.target.querySelector("input");
      sendAgain(file, [["password", password.value]]);
      password.value = "";
    });
  }

  function take(chosen) {
    if (!chosen.length || !form.reportValidity()) return;
    const fields = ["company_id", "branch", "labels"].map((name) => [name, form.elements[name].value]);
    sentFiles.add(chosen.map((content) => content.name)).forEach((file, index) => {
      const content = chosen[index];
      listen(file);
      if (content.size > form.dataset.maxMb * 1024 * 1024) {
        sentFiles.update(file, {
          state: "failed", label: texts.refused, detail: texts.tooLarge,
        });
      } else {
        contents.set(file, { content, fields });
        queue(file);
      }
    });
  }

  function takeChosen(input) {
    take([...input.files]);
    input.value = ""; // so that the same file can be chosen again
  }

  for (const input of inputs) {
    input.addEventListener("change", () => takeChosen(input));
    takeChosen(input); // what was chosen while this script was still on its way
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  form.elements.company_id.addEventListener("change", (event) => {
    form.elements.branch.setAttribute("list", `branches-${event.target.selectedIndex}`);
  });
  sentFiles.section.addEventListener("removed", ({ detail: file }) => {
    const index = waiting.findIndex(([each]) => each === file);
    if (index >= 0) waiting.splice(index, 1);
    else if (file.state === "sending") contents.get(file)?.request?.abort();
    contents.delete(file);
  });
  addEventListener("beforeunload", (event) => {
    if (uploading || waiting.length) event.preventDefault();
  });
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
