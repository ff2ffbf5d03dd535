// Where on the page the value of a field was clicked: sent with the form, and outlined.
"use strict";

window.ocrsiteClicked = (() => {
  const form = document.getElementById("review");
  const former = new WeakMap(); // value → page and box before the first click
  const inputOf = (value) => value.querySelector('[name^="place."]');
  let isFilling = false;

  function show(value, { page, box }) {
    if (page && box) Object.assign(value.dataset, { page, box });
    else { delete value.dataset.page; delete value.dataset.box; }
    value.dispatchEvent(new Event("placed", { bubbles: true }));
  }

  // The place as the form sends it: page, left, top, right and bottom.
  function set(value, place) {
    let input = inputOf(value);
    if (!input) {
      const { page, box } = value.dataset;
      former.set(value, { page, box });
      input = document.createElement("input");
      input.type = "hidden";
      input.name = `place.${value.dataset.path}`;
      value.append(input);
    }
    input.value = place;
    const [page, ...box] = place.split(" ");
    show(value, { page, box: box.join(" ") });
  }

  function clear(value) {
    inputOf(value)?.remove();
    show(value, former.get(value) || {});
  }

  // Fills a field with what was clicked, as if it was typed.
  function fill(value, input, text, place) {
    set(value, place);
    isFilling = true;
    input.value = text;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    isFilling = false;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  // What is typed afterwards stands nowhere.
  form.addEventListener("input", (event) => {
    const value = event.target.closest("[data-path]");
    if (value && !isFilling && event.target.name.startsWith("invoice.") && inputOf(value)) clear(value);
  });

  return { set, fill };
})();
