/** Menus that open beside a button: one at a time, closed by Escape or a click elsewhere. */

import { el, icon } from "./dom.js";
import { gettext } from "./i18n.js";

/** @type {?HTMLElement} */
let open = null;

/**
 * @typedef {{label: string, icon?: string, danger?: boolean, onclick: () => void}} Entry
 * @param {HTMLElement} anchor
 * @param {Array<Entry|Node|null|undefined|false|"">} entries
 */
export function openMenu(anchor, entries) {
  open?.hidePopover();
  const menu = el("div.menu", { role: "menu", popover: "auto" }, ...entries.map((entry) => entry && (entry instanceof Node ? entry : button(entry))));
  const message = anchor.closest(".message");
  menu.addEventListener("toggle", (/** @type {any} */ event) => {
    if (event.newState === "open") return;
    anchor.removeAttribute("aria-expanded");
    message?.classList.remove("menu-open");
    const hadFocus = menu.contains(document.activeElement) || document.activeElement === document.body;
    menu.remove();
    if (open === menu) open = null;
    // The button may have been redrawn meanwhile.
    if (hadFocus) (anchor.isConnected ? anchor : message)?.focus({ preventScroll: true });
  });
  menu.addEventListener("keydown", walk);
  // Inside what the button belongs to: around a dialog the page is inert.
  (anchor.closest("dialog, main") ?? document.body).append(menu);
  menu.showPopover();
  open = menu;
  if (anchor.matches("button")) anchor.setAttribute("aria-expanded", "true");
  message?.classList.add("menu-open");
  placeBeside(menu, anchor);
  menu.querySelector("button, a")?.focus({ focusVisible: false });
}

/**
 * What blocks somebody, or unblocks them.
 * @param {import("./store.js").Store} store @param {any} person @param {(person: any) => void} toggle
 */
export function blockEntry(store, person, toggle) {
  const isBlocked = store.blocked.has(person.id);
  return { label: isBlocked ? gettext("Unblock") : gettext("Block"), icon: "block", danger: !isBlocked, onclick: () => toggle(person) };
}

export function closeMenu() {
  open?.hidePopover();
}

/** @param {Entry} entry */
function button({ label, icon: name, danger, onclick }) {
  return el(`button${danger ? ".danger" : ""}`, { role: "menuitem", onclick: () => {
    closeMenu();
    onclick();
  } }, name && icon(name), label);
}

/** @param {HTMLElement} menu @param {HTMLElement} anchor */
function placeBeside(menu, anchor) {
  const at = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const left = Math.min(Math.max(8, at.right - width), innerWidth - width - 8);
  const below = at.bottom + 4;
  const top = below + height > innerHeight - 8 ? Math.max(8, at.top - height - 4) : below;
  menu.style.left = `${left}px`;
  menu.style.top = `${top}px`;
}

/** @param {KeyboardEvent} event */
function walk(event) {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const all = [.../** @type {HTMLElement} */ (event.currentTarget).querySelectorAll("button, a")];
  const place = all.indexOf(/** @type {any} */ (document.activeElement));
  all[(place + step + all.length) % all.length]?.focus();
}
