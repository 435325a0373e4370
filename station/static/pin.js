// A keypad under each PIN field, for a kiosk without a keyboard. Without a script the field is typed into.
(() => {
  const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "⌫", "0"];
  for (const field of document.querySelectorAll("[data-pin]")) {
    const pad = document.createElement("div");
    pad.className = "keypad";
    for (const key of KEYS) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = key;
      button.addEventListener("click", () => {
        field.value = key === "⌫" ? field.value.slice(0, -1) : field.value + key;
      });
      pad.append(button);
    }
    field.after(pad);
    // It stays when the field is left: else the page would move under the finger that is on its
    // way to the button below, and the first tap on that button would be lost.
    field.addEventListener("focus", () => {
      for (const other of document.querySelectorAll(".keypad")) {
        other.style.display = other === pad ? "grid" : "none";
      }
    });
  }
})();
