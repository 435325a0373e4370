// Says so when the page has heard nothing for a while, and lets the print buttons print.
(() => {
  const PATIENCE_MS = 15000;
  let heardAt = Date.now();
  const lost = document.getElementById("lost");
  const arm = () => {
    for (const button of document.querySelectorAll("[data-print]")) button.hidden = false;
  };
  document.addEventListener("htmx:sse:after:message", () => {
    heardAt = Date.now();
    lost.hidden = true;
    arm();
  });
  document.addEventListener("visibilitychange", () => {
    heardAt = Date.now(); // the stream pauses while nobody looks
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
  });
  setInterval(() => {
    lost.hidden = document.hidden || Date.now() - heardAt < PATIENCE_MS;
  }, 1000);
  arm();
})();
