// Follows an extraction that has not ended, then shows its result.
"use strict";

(() => {
  const state = document.getElementById("state");
  const SLOWEST_POLL = 5000;

  async function follow(pause) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    try {
      const response = await fetch(state.dataset.poll, { headers: { Accept: "application/json" } });
      const body = await response.json();
      if (response.status === 503) throw new Error(body.detail);
      if (!response.ok || body.status !== "pending") { location.reload(); return; }
      const pill = state.querySelector(".pill");
      const label = state.dataset[body.state];
      pill.className = `pill pill-${body.state}`;
      if (pill.textContent !== label) pill.textContent = label;
    } catch {
      // The connection is interrupted, or the service not available: try again.
    }
    follow(Math.min(pause * 1.2, SLOWEST_POLL));
  }

  follow(1000);
})();
