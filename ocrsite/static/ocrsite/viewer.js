// The pages of a document: fit width, 100 %, 200 %, turned by 90°, moved by dragging and by keys.
"use strict";

(() => {
  const viewer = document.getElementById("viewer");
  const panel = viewer.querySelector(".page-images");
  const tools = viewer.querySelector(".viewer-tools");
  const position = viewer.querySelector(".position");
  const pages = [...panel.querySelectorAll(".page")];
  const imageOf = (page) => page.querySelector("img");
  // CSS pixels: the longer side of A4, 297 mm, at 96 to the inch. It is the size of 100 %.
  const PAPER_SIDE = 1123;
  // Pixels: the longer side of the images that the pages come with.
  const STORED_SIDE = 1920;
  const STEP = 60; // CSS pixels that an arrow key moves the pages
  const ZOOMS = ["fit", "100", "200"];
  const KEYS = { 0: "fit", 1: "100", 2: "200", r: "turn", n: "next", p: "previous" };
  let zoom = "fit";

  const behavior = () =>
    matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth";
  const turnOf = (page) => Number(page.dataset.turn);
  const isOnItsSide = (page) => turnOf(page) % 180 !== 0;

  // Width by height of the image, of A4 until it is loaded.
  function ratioOf(page) {
    const { naturalWidth, naturalHeight } = imageOf(page);
    return naturalWidth ? naturalWidth / naturalHeight : 210 / 297;
  }

  function layOut(page) {
    const ratio = ratioOf(page);
    const sheet = page.querySelector(".sheet");
    const side = PAPER_SIDE * (zoom === "200" ? 2 : 1);
    const [width, height] = ratio < 1 ? [side * ratio, side] : [side, side / ratio];
    page.style.width = zoom === "fit" ? "" : `${isOnItsSide(page) ? height : width}px`;
    page.style.aspectRatio = isOnItsSide(page) ? `1 / ${ratio}` : "";
    sheet.style.width = isOnItsSide(page) ? `${ratio * 100}%` : "";
  }

  // Larger images are fetched for the pages that are seen.
  function sharpen(page) {
    const image = imageOf(page);
    const { width, height } = page.getBoundingClientRect();
    const side = Math.round(Math.max(width, height) * devicePixelRatio);
    if (side <= Number(page.dataset.side || STORED_SIDE)) return;
    page.dataset.side = side;
    const larger = new Image();
    larger.src = `${page.dataset.image}?side=${Math.min(side, 9999)}`;
    larger.decode().then(() => { image.src = larger.src; }, () => {});
  }

  const seen = new Set();
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) seen.delete(target);
      else { seen.add(target); sharpen(target); }
    }
  }, { root: panel });

  // The page that fills most of the panel.
  function current() {
    const { top, bottom } = panel.getBoundingClientRect();
    const shown = (page) => {
      const box = page.getBoundingClientRect();
      return Math.min(box.bottom, bottom) - Math.max(box.top, top);
    };
    return pages.reduce((best, page) => (shown(page) > shown(best) + 1 ? page : best));
  }

  function tellPosition() {
    const number = pages.indexOf(current()) + 1;
    const text = position.dataset.text.replace("{number}", number).replace("{pages}", pages.length);
    if (position.textContent !== text) position.textContent = text;
  }

  function goTo(step) {
    const page = pages[pages.indexOf(current()) + step];
    if (!page) return;
    const top = page.getBoundingClientRect().top - panel.getBoundingClientRect().top;
    panel.scrollBy({ top: top - 8, behavior: behavior() });
  }

  // What was in the middle stays there.
  function keepingTheMiddle(change) {
    const x = (panel.scrollLeft + panel.clientWidth / 2) / panel.scrollWidth;
    const y = (panel.scrollTop + panel.clientHeight / 2) / panel.scrollHeight;
    change();
    panel.scrollTo({
      left: x * panel.scrollWidth - panel.clientWidth / 2,
      top: y * panel.scrollHeight - panel.clientHeight / 2,
      behavior: "instant",
    });
    seen.forEach(sharpen);
    tellPosition();
    // The place that is outlined comes into view again.
    panel.dispatchEvent(new Event("resized"));
  }

  function zoomTo(next) {
    keepingTheMiddle(() => {
      zoom = next;
      panel.classList.toggle("fits", zoom === "fit");
      panel.classList.toggle("movable", zoom !== "fit");
      for (const button of tools.querySelectorAll("[aria-pressed]")) {
        button.setAttribute("aria-pressed", String(button.dataset.view === zoom));
      }
      pages.forEach(layOut);
    });
  }

  function turn(degrees) {
    const page = current();
    keepingTheMiddle(() => {
      page.dataset.turn = (turnOf(page) + degrees) % 360;
      layOut(page);
    });
    const token = tools.querySelector('[name="csrfmiddlewaretoken"]').value;
    // Where it is not stored, the page is turned for this look at it.
    fetch(page.dataset.turning, {
      method: "POST",
      body: new URLSearchParams({ degrees: page.dataset.turn, csrfmiddlewaretoken: token }),
    }).catch(() => {});
  }

  function act(view) {
    if (view === "next") goTo(1);
    else if (view === "previous") goTo(-1);
    else if (view === "turn") turn(90);
    else zoomTo(view);
  }

  tools.addEventListener("click", (event) => {
    const button = event.target.closest("[data-view]");
    if (button) act(button.dataset.view);
  });
  // A click leaves the focus at its value, whose place stays outlined.
  tools.addEventListener("mousedown", (event) => event.preventDefault());
  let last = null;
  document.querySelector(".fields")?.addEventListener("focusin", ({ target }) => { last = target; });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "F6" || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    if (viewer.contains(document.activeElement) && last?.isConnected) last.focus();
    else panel.focus();
  });
  // Single letters are keys only while the pages themselves are focused, where nothing is typed.
  panel.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = ZOOMS.indexOf(zoom);
    const key = event.key.toLowerCase();
    const arrows = {
      arrowleft: [-STEP, 0], arrowright: [STEP, 0], arrowup: [0, -STEP], arrowdown: [0, STEP],
    };
    if (key === "r" && event.shiftKey) turn(270);
    else if (key in KEYS) act(KEYS[key]);
    else if (key === "+" || key === "=") zoomTo(ZOOMS[Math.min(at + 1, 2)]);
    else if (key === "-") zoomTo(ZOOMS[Math.max(at - 1, 0)]);
    else if (key in arrows) panel.scrollBy({ left: arrows[key][0], top: arrows[key][1] });
    else return;
    event.preventDefault();
  });
  panel.addEventListener("scroll", tellPosition, { passive: true });

  // Dragging, but on a word that is to fill a field: words.js prevents the default there.
  let from = null;
  panel.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse" || event.button > 1 || event.defaultPrevented) return;
    const box = panel.getBoundingClientRect();
    const isOnScrollbar = event.clientX - box.left > panel.clientLeft + panel.clientWidth
      || event.clientY - box.top > panel.clientTop + panel.clientHeight;
    if (isOnScrollbar) return;
    from = [event.clientX, event.clientY, panel.scrollLeft, panel.scrollTop];
    panel.setPointerCapture(event.pointerId);
  });
  panel.addEventListener("pointermove", (event) => {
    if (!from) return;
    panel.classList.add("moving");
    panel.scrollTo({
      left: from[2] + from[0] - event.clientX, top: from[3] + from[1] - event.clientY,
      behavior: "instant",
    });
  });
  const release = () => { from = null; panel.classList.remove("moving"); };
  panel.addEventListener("pointerup", release);
  panel.addEventListener("pointercancel", release);
  panel.addEventListener("dragstart", (event) => event.preventDefault());

  for (const page of pages) {
    // The link to the image is for those without a script.
    page.removeAttribute("href");
    if (imageOf(page).complete) layOut(page);
    imageOf(page).addEventListener("load", () => layOut(page));
    observer.observe(page);
  }
  panel.classList.add("fits");
  tools.hidden = false;
  addEventListener("resize", () => { seen.forEach(sharpen); tellPosition(); });
})();
