/** Menus that open beside a button: one at a time, closed by Escape or a click elsewhere. */

import { WITHOUT_RING, el, icon } from "./dom.js";

/** @type {?HTMLElement} */
let open = null;

/**
 * @typedef {{label: string, icon?: string, danger?: boolean, onclick: () => void}} Entry
 * @param {HTMLElement} anchor
 * @param {Array<Entry|Node|null|undefined|false|"">} entries
 */
export function openMenu(anchor, entries) {
  open?.hidePopover();
  /** @type {HTMLElement} */
  const menu = el(
    "div.menu",
    { role: "menu", popover: "auto" },
    ...entries.map((one) => one && (one instanceof Node ? one : button(one))),
  );
  const message = /** @type {?HTMLElement} */ (anchor.closest(".message"));
  menu.addEventListener("toggle", (/** @type {any} */ event) => {
    if (event.newState === "open") return;
    anchor.removeAttribute("aria-expanded");
    message?.classList.remove("menu-open");
    const hadFocus =
      menu.contains(document.activeElement) || document.activeElement === document.body;
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
  /** @type {?HTMLElement} */ (menu.querySelector("button, a"))?.focus(WITHOUT_RING);
}

/** @param {string} label @param {string} picture @param {() => void} onclick @returns {Entry} */
export const entry = (label, picture, onclick) => ({ label, icon: picture, onclick });

/** What takes something away. @param {string} label @param {string} picture @param {() => void} onclick @returns {Entry} */
export const dangerous = (label, picture, onclick) => ({
  ...entry(label, picture, onclick),
  danger: true,
});

export function closeMenu() {
  open?.hidePopover();
}

/** @param {Entry} entry */
function button({ label, icon: name, danger, onclick }) {
  return el(
    `button${danger ? ".danger" : ""}`,
    {
      role: "menuitem",
      onclick: () => {
        closeMenu();
        onclick();
      },
    },
    name && icon(name),
    label,
  );
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
  const menu = /** @type {HTMLElement} */ (event.currentTarget);
  const all = /** @type {HTMLElement[]} */ ([...menu.querySelectorAll("button, a")]);
  const place = all.findIndex((one) => one === document.activeElement);
  all[(place + step + all.length) % all.length]?.focus();
}
