// Light, dark or as the system has it; kept in this browser. Loaded early, so that nothing flashes.
"use strict";
(() => {
  const ORDER = ["auto", "light", "dark"];
  const WORDS = { auto: "as the system", light: "light", dark: "dark" };

  function chosen() {
    const kept = localStorage.getItem("theme");
    return ORDER.includes(kept) ? kept : "auto";
  }

  function show(theme) {
    document.documentElement.dataset.theme = theme;
    const button = document.querySelector("[data-theme-switch]");
    if (button) {
      button.setAttribute("aria-label", `Colour theme: ${WORDS[theme]}`);
      button.title = `Colour theme: ${WORDS[theme]}`;
    }
  }

  show(chosen());
  document.addEventListener("DOMContentLoaded", () => show(chosen()));
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-switch]")) return;
    const next = ORDER[(ORDER.indexOf(chosen()) + 1) % ORDER.length];
    localStorage.setItem("theme", next);
    show(next);
  });
})();
