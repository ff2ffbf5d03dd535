// Keeps up to date what an extraction waits for, until it has ended.
"use strict";

(() => {
  const part = document.getElementById("waiting");
  if (!part) return;
  const EVERY = 5000;

  async function renew() {
    try {
      const response = await fetch(part.dataset.part);
      if (response.status === 204 || response.redirected) return;
      const html = response.ok ? await response.text() : part.innerHTML;
      if (html !== part.innerHTML) part.innerHTML = html;
    } catch {
      // The connection is interrupted: try again.
    }
    setTimeout(renew, EVERY);
  }

  setTimeout(renew, EVERY);
})();
