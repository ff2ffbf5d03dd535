// Outlines the place of a field on the page's image while the field is pointed at or focused.
"use strict";

(() => {
  const pages = document.querySelector(".page-images");
  const viewer = document.getElementById("viewer");
  const fields = document.querySelector(".fields");
  const place = document.createElement("span");
  place.className = "place";
  const MARGIN = 16; // CSS pixels between the place and the edge of what is seen
  let pointed = null;
  let focused = null;

  const behavior = () =>
    matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth";

  // How far to scroll so that what begins and ends there lies between the edges.
  function distance(begins, ends, first, last) {
    if (begins >= first && ends <= last) return 0;
    if (ends - begins > last - first) return begins - first;
    return (begins + ends - first - last) / 2;
  }

  // Only the panel scrolls. Where the window cuts off its lower part, and the place with it, it
  // becomes as high as is seen.
  function scrollToPlace() {
    const box = place.getBoundingClientRect();
    const panel = pages.getBoundingClientRect();
    const top = Math.max(panel.top, 0);
    const bottom = Math.min(panel.bottom, innerHeight);
    if (box.bottom + MARGIN > bottom) pages.style.maxHeight = `${bottom - panel.top}px`;
    pages.scrollBy({
      left: distance(box.left - MARGIN, box.right + MARGIN, panel.left, panel.right),
      top: distance(box.top - MARGIN, box.bottom + MARGIN, top, bottom),
      behavior: behavior(),
    });
  }

  function show() {
    const field = pointed || focused;
    // Beside the fields of a narrow window the pages stay only while a field is focused: a panel
    // that came under the pointer would take it from the field.
    viewer.classList.toggle("showing", focused !== null);
    pages.style.maxHeight = "";
    const page = field?.dataset.box
      && pages.querySelector(`[data-page="${field.dataset.page}"] .sheet`);
    if (!page) { place.remove(); return; }
    const [left, top, right, bottom] = field.dataset.box.split(" ").map(Number);
    place.style.left = `${left * 100}%`;
    place.style.top = `${top * 100}%`;
    place.style.width = `${(right - left) * 100}%`;
    place.style.height = `${(bottom - top) * 100}%`;
    page.append(place);
    const image = page.querySelector("img");
    image.loading = "eager";
    if (!image.complete) image.addEventListener("load", scrollToPlace, { once: true });
    scrollToPlace();
  }

  function focus(field) {
    focused = field;
    show();
    if (field) field.scrollIntoView({ block: "nearest", inline: "nearest", behavior: behavior() });
  }

  // Where values are edited, every one is a field: a click on a word of the page may fill it.
  const FIELD = "[data-box], [data-path]";
  const fieldOf = (event) => event.target.closest(FIELD);
  const isEditing = fields.matches(".editing");
  const tools = viewer.querySelector(".viewer-tools");
  fields.addEventListener("pointerover", (event) => {
    const field = event.target.closest("[data-box]");
    if (event.pointerType !== "mouse" || field === pointed) return;
    pointed = field;
    show();
  });
  fields.addEventListener("pointerleave", () => { pointed = null; show(); });
  fields.addEventListener("placed", show);
  fields.addEventListener("focusin", (event) => focus(fieldOf(event)));
  function leave(event) {
    const next = event.relatedTarget;
    const stays = fields.contains(next) || (isEditing ? viewer : tools).contains(next);
    if (!stays) focus(null);
  }
  fields.addEventListener("focusout", leave);
  viewer.addEventListener("focusout", leave);
  pages.addEventListener("resized", () => { if (place.isConnected) scrollToPlace(); });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    pointed = null;
    focus(null);
  });
  // A link to a field focuses it, perhaps before this script runs.
  if (fields.contains(document.activeElement)) focus(document.activeElement.closest(FIELD));
})();
