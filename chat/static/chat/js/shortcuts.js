/** Keys that work everywhere on the page, and the dialog that lists them. */

import { openDialog } from "./dialogs.js";
import { el, isTyping } from "./dom.js";
import { gettext } from "./i18n.js";

/**
 * @param {{find: () => void, search: () => void, step: (by: number) => void, escape: () => void}} actions
 */
export function listenForShortcuts({ find, search, step, escape }) {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open], :popover-open")) return;
    const isCommand = event.ctrlKey || event.metaKey;
    if (isCommand && event.code === "KeyK") act(event, find);
    else if (isCommand && event.shiftKey && event.code === "KeyF") act(event, search);
    else if (event.altKey && !isCommand && event.key === "ArrowUp") act(event, () => step(-1));
    else if (event.altKey && !isCommand && event.key === "ArrowDown") act(event, () => step(1));
    else if (event.key === "?" && !isTyping(event.target)) act(event, showShortcuts);
    else if (event.key === "Escape") escape();
  });
}

/** @param {Event} event @param {() => void} action */
function act(event, action) {
  event.preventDefault();
  action();
}

export function showShortcuts() {
  const rows = [
    [["Ctrl", "K"], gettext("Find a chat or a person")],
    [["Ctrl", "Shift", "F"], gettext("Search messages")],
    [["Alt", "↑"], gettext("Previous chat")],
    [["Alt", "↓"], gettext("Next chat")],
    [["Enter"], gettext("Send")],
    [["Shift", "Enter"], gettext("New line")],
    [["↑"], gettext("Edit the last message, in an empty field")],
    [["Esc"], gettext("Cancel an edit or a reply, go to the newest messages")],
    [["?"], gettext("These keys")],
  ];
  const keys = (/** @type {string[]} */ names) => el("dt", {}, ...names.flatMap((name, place) => (place ? [" + ", el("kbd", {}, name)] : [el("kbd", {}, name)])));
  openDialog(gettext("Keys"), [el("dl.keys", {}, ...rows.flatMap(([names, text]) => [keys(/** @type {string[]} */ (names)), el("dd", {}, /** @type {string} */ (text))]))]);
}
