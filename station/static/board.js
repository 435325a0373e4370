// Says so when the board has heard nothing for a while: an old board must not look like a live one.
(() => {
  const PATIENCE_MS = 6000;
  let heardAt = Date.now();
  const lost = document.getElementById("lost");
  document.addEventListener("htmx:sse:after:message", () => {
    heardAt = Date.now();
    lost.hidden = true;
  });
  setInterval(() => {
    lost.hidden = Date.now() - heardAt < PATIENCE_MS;
  }, 1000);
})();
