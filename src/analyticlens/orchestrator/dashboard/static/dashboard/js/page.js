// What every page does beyond its HTML: menus that close, and news that arrive by themselves.

import { keepControl } from "./control.js";
import { followKinds } from "./kinds.js";
import { startLive } from "./live.js";

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
}

document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details.menu[open]");
  menu?.querySelector("summary").focus();
  closeMenus(null);
});

startLive();
keepControl();
followKinds();
