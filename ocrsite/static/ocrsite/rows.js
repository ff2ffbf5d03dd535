// Rows of the review page's tables: added, and moved by buttons and by Alt with an arrow key.
"use strict";

window.ocrsiteRows = (() => {
  const form = document.getElementById("review");
  const texts = document.getElementById("texts").dataset;
  const rowsOf = (body) => [...body.querySelectorAll("[data-row]")];

  const named = (number) => texts.row.replace("{number}", number);

  // A row's number is its place; its inputs are named by it.
  function renumber(body) {
    rowsOf(body).forEach((row, index) => {
      const number = row.querySelector(".row-number");
      for (const element of row.querySelectorAll("[aria-label]")) {
        const label = element.getAttribute("aria-label");
        element.setAttribute("aria-label", label.replace(named(number.textContent), named(index + 1)));
      }
      number.textContent = index + 1;
    });
  }

  function append(section, number) {
    const body = section.querySelector("tbody");
    const holder = document.createElement("tbody");
    const { innerHTML } = section.querySelector("template");
    holder.innerHTML = innerHTML.replaceAll("__number__", number);
    const row = holder.firstElementChild;
    body.append(row);
    renumber(body);
    section.querySelector(".scroll").hidden = false;
    return row;
  }

  // Adds an empty row after the last one.
  function add(section) {
    const numbers = rowsOf(section.querySelector("tbody"))
      .map((row) => Number(row.dataset.row.split(".")[1]));
    return append(section, Math.max(-1, ...numbers) + 1);
  }

  // Adds the row of a path, such as "line_items.2", where there is none.
  function addMissing(path) {
    const [table, number] = path.split(".");
    const section = document.getElementById(`field-${table}`);
    const isThere = form.querySelector(`[data-row="${CSS.escape(path)}"]`);
    if (section && !isThere && /^\d{1,5}$/.test(number)) append(section, Number(number));
  }

  // Has the rows in the order of their paths; whether that moved any.
  function arrange(paths) {
    const before = [...form.querySelectorAll("[data-row]")];
    for (const path of paths) {
      const row = form.querySelector(`[data-row="${CSS.escape(path)}"]`);
      row?.parentElement.append(row);
    }
    form.querySelectorAll("tbody").forEach(renumber);
    return [...form.querySelectorAll("[data-row]")].some((row, index) => row !== before[index]);
  }

  function move(row, step) {
    const { activeElement } = document;
    const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
    if (!other) return;
    if (step < 0) other.before(row);
    else other.after(row);
    renumber(row.parentElement);
    activeElement.focus(); // a row that moves loses it
    form.dispatchEvent(new Event("moved"));
  }

  form.addEventListener("keydown", (event) => {
    const row = event.target.closest("[data-row]");
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!row || !step || !event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    move(row, step);
  });
  form.addEventListener("submit", (event) => {
    if (!event.submitter?.classList.contains("move")) return;
    event.preventDefault();
    move(event.submitter.closest("[data-row]"), event.submitter.value.startsWith("up:") ? -1 : 1);
  });

  return { add, addMissing, arrange };
})();
