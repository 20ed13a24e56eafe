/** Keys that work everywhere on the page. */

import { isTyping } from "./dom.js";

/**
 * @param {{find: () => void, search: () => void, step: (by: number) => void, escape: () => void, list: () => void}} actions
 */
export function listenForShortcuts({ find, search, step, escape, list }) {
  addEventListener("keydown", (event) => {
    if (
      event.defaultPrevented ||
      event.isComposing ||
      document.querySelector("dialog[open], :popover-open")
    )
      return;
    const isCommand = event.ctrlKey || event.metaKey;
    if (isCommand && event.code === "KeyK") act(event, find);
    else if (isCommand && event.shiftKey && event.code === "KeyF") act(event, search);
    else if (event.altKey && !isCommand && event.key === "ArrowUp") act(event, () => step(-1));
    else if (event.altKey && !isCommand && event.key === "ArrowDown") act(event, () => step(1));
    else if (event.key === "?" && !isTyping(event.target)) act(event, list);
    else if (event.key === "Escape") escape();
  });
}

/** @param {Event} event @param {() => void} action */
function act(event, action) {
  event.preventDefault();
  action();
}
