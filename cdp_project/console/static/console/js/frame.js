// Menus of the frame: one open at a time; Escape closes and gives the focus back.
"use strict";
(() => {
  const menus = () => document.querySelectorAll("details.c-menu[open]");

  document.addEventListener("click", (event) => {
    for (const menu of menus()) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of menus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
  // The stock pages' way back.
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".cancel-link")) return;
    event.preventDefault();
    history.back();
  });
})();
