// A click on a word of the page fills the focused field; dragging, or Shift and a click, several.
"use strict";

(() => {
  const form = document.getElementById("review");
  const panel = document.querySelector(".page-images");
  const progress = document.getElementById("progress");
  const texts = document.getElementById("texts").dataset;
  const mark = document.createElement("span");
  mark.className = "word";
  const AMOUNT = /^\D*\d{1,3}(?:[.,' ’]?\d{3})*([.,])\d\d\D*$/;
  const DAY = /^(\d{1,2})[/-](\d{1,2})[/-]\d{2,4}$/;
  const known = new Map(); // page → promise of its words
  const words = new Map(); // page → its words, once they are there
  const awaited = new WeakMap(); // input → what was clicked for it last, until it is typed in
  let target = null; // the input that was focused last
  let start = null; // page, box and text of the word where the selection begins
  let chosen = []; // words of the selection

  // Left, top, right, bottom as shares of the image.
  const boxOf = (word) => word.slice(1);

  // Words are fetched for a page that is pointed at or shown while a field is focused.
  function fetchWords(page) {
    if (!known.has(page)) {
      const answer = fetch(page.dataset.words, { headers: { Accept: "application/json" } })
        .then((response) => (response.ok && !response.redirected ? response.json() : []))
        .then((found) => { words.set(page, found); return found; })
        .catch(() => { known.delete(page); return []; });
      known.set(page, answer);
    }
    return known.get(page);
  }

  // The place of an event on the image of its page, whichever way the page is turned.
  function placeOf(event, page) {
    const box = page.querySelector(".sheet").getBoundingClientRect();
    const across = (event.clientX - box.left) / box.width;
    const down = (event.clientY - box.top) / box.height;
    switch (page.dataset.turn) {
      case "90": return [down, 1 - across];
      case "180": return [1 - across, 1 - down];
      case "270": return [1 - down, across];
    }
    return [across, down];
  }

  function wordAt(page, [x, y]) {
    const inside = ([left, top, right, bottom]) => {
      const room = (bottom - top) * 0.15;
      return x >= left - room && x <= right + room && y >= top - room && y <= bottom + room;
    };
    return (words.get(page) || []).find((word) => inside(boxOf(word)));
  }

  const around = (boxes) => [
    Math.min(...boxes.map((box) => box[0])), Math.min(...boxes.map((box) => box[1])),
    Math.max(...boxes.map((box) => box[2])), Math.max(...boxes.map((box) => box[3])),
  ];

  // Words whose middle lies between two places, in lines from the top and each from the left.
  function wordsBetween(page, [left, top, right, bottom]) {
    const middle = (word) => [(word[1] + word[3]) / 2, (word[2] + word[4]) / 2];
    const found = (words.get(page) || []).filter((word) => {
      const [x, y] = middle(word);
      return x >= left && x <= right && y >= top && y <= bottom;
    });
    found.sort((one, other) => middle(one)[1] - middle(other)[1]);
    const lines = [];
    for (const word of found) {
      const line = lines.at(-1);
      if (line && middle(word)[1] < line[0][4]) line.push(word);
      else lines.push([word]);
    }
    return lines.map((line) => line.sort((one, other) => one[1] - other[1]));
  }

  function outline(page, box) {
    if (!box) { mark.remove(); return; }
    const [left, top, right, bottom] = box;
    mark.style.left = `${left * 100}%`;
    mark.style.top = `${top * 100}%`;
    mark.style.width = `${(right - left) * 100}%`;
    mark.style.height = `${(bottom - top) * 100}%`;
    page.querySelector(".sheet").append(mark);
  }

  // What most of the page's amounts have before their cents; "" where that is not clear.
  function decimalMark(page) {
    const count = { ".": 0, ",": 0 };
    for (const [text] of words.get(page)) {
      const found = text.length < 40 && AMOUNT.exec(text);
      if (found) count[found[1]] += 1;
    }
    if (count["."] > 10 * count[","]) return ".";
    return count[","] > 10 * count["."] ? "," : "";
  }

  // Whether the page's dates name the day or the month first, by those that leave no choice.
  function dateOrder(page) {
    let day = false;
    let month = false;
    for (const [text] of words.get(page)) {
      const found = text.length < 12 && DAY.exec(text);
      if (found && Number(found[1]) > 12) day = true;
      if (found && Number(found[2]) > 12) month = true;
    }
    if (day === month) return "";
    return day ? "day_first" : "month_first";
  }

  async function fill(page, lines) {
    const input = target;
    const value = input.closest("[data-path]");
    const between = input.matches("textarea") ? "\n" : " ";
    const text = lines.map((line) => line.map((word) => word[0]).join(" ")).join(between);
    const asked = new URLSearchParams({
      path: value.dataset.path, text, mark: decimalMark(page), order: dateOrder(page),
    });
    awaited.set(input, asked);
    let answer;
    try {
      const response = await fetch(`${form.dataset.printed}?${asked}`);
      answer = await response.json();
    } catch {
      answer = { value: "", problem: texts.unread };
    }
    // What was typed or clicked while the answer was on its way stands.
    if (awaited.get(input) !== asked) return;
    const problem = document.getElementById(`error-${value.dataset.path}`);
    problem.textContent = answer.problem && `${text.slice(0, 80)}: ${answer.problem}`;
    if (answer.problem) return;
    const box = around(lines.flat().map(boxOf)).map((side) => side.toFixed(4));
    const place = [page.dataset.page, ...box].join(" ");
    window.ocrsiteClicked.fill(value, input, answer.value, place);
    if (document.activeElement === input) input.select();
  }

  function choose(page, box) {
    const lines = wordsBetween(page, box);
    chosen = lines;
    if (lines.length) outline(page, around(lines.flat().map(boxOf)));
  }

  form.addEventListener("focusin", (event) => {
    const isField = event.target.closest("[data-path]")
      && event.target.matches("input:not([type=checkbox]), textarea");
    target = isField ? event.target : null;
    start = null;
  });
  panel.addEventListener("pointerover", (event) => {
    const page = event.target.closest(".page");
    if (page && target) fetchWords(page);
  });
  panel.addEventListener("pointermove", (event) => {
    const page = event.target.closest(".page");
    if (!target?.isConnected || !page) { panel.classList.remove("on-word"); return; }
    const at = placeOf(event, page);
    if (start && event.buttons && page === start.page) {
      const last = wordAt(page, at);
      choose(page, around([start.box, last ? boxOf(last) : [...at, ...at]]));
      return;
    }
    const word = wordAt(page, at);
    panel.classList.toggle("on-word", Boolean(word));
    outline(page, word && boxOf(word));
  });
  panel.addEventListener("pointerleave", () => { if (!start) mark.remove(); });
  panel.addEventListener("pointerdown", (event) => {
    const page = event.target.closest(".page");
    if (!target?.isConnected || !page || event.button !== 0) return;
    const word = wordAt(page, placeOf(event, page));
    if (!word) { start = null; return; }
    event.preventDefault(); // the pages are not dragged
    const isMore = event.shiftKey && start?.page === page;
    if (!isMore) start = { page, box: boxOf(word) };
    choose(page, around([start.box, boxOf(word)]));
  }, { capture: true });
  // The focus stays at the field.
  panel.addEventListener("mousedown", (event) => {
    if (target?.isConnected && event.target.closest(".page")) event.preventDefault();
  });
  panel.addEventListener("pointerup", (event) => {
    const page = event.target.closest(".page");
    if (!page || !target?.isConnected) return;
    if (chosen.length) {
      fill(page, chosen);
      chosen = [];
    } else if (event.pointerType === "touch") {
      tap(event, page);
    }
  });
  panel.addEventListener("pointercancel", () => { chosen = []; mark.remove(); });

  // The first tap may come before the words.
  async function tap(event, page) {
    const at = placeOf(event, page);
    await fetchWords(page);
    const word = wordAt(page, at);
    if (!word || !target) return;
    outline(page, boxOf(word));
    fill(page, [[word]]);
  }

  const observer = new IntersectionObserver((entries) => {
    for (const { target: page, isIntersecting } of entries) {
      if (isIntersecting) page.dataset.seen = "";
      else delete page.dataset.seen;
    }
    fetchSeen();
  }, { root: panel, threshold: 0.2 });
  function fetchSeen() {
    if (target) panel.querySelectorAll("[data-seen]").forEach(fetchWords);
  }
  form.addEventListener("focusin", fetchSeen);
  form.addEventListener("input", (event) => awaited.delete(event.target));
  panel.querySelectorAll(".page").forEach((page) => observer.observe(page));
})();
