// Before the first paint, so that nobody sees the other theme flash. The choice stays in this browser.
"use strict";
(() => {
  let chosen = null;
  try { chosen = localStorage.getItem("lp-theme"); } catch { /* a browser without storage follows the system */ }
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
})();
