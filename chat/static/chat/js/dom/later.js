/** Loads what reading and writing do not need, only when it is opened. */

import { gettext } from "../base/i18n.js";
import { toast } from "./toasts.js";

/**
 * Escape meanwhile ends this alone, as it would end what opens.
 * @template T
 * @param {() => Promise<T>} load  an `import()`: after a failure the next call asks again
 * @param {(module: T) => unknown} use
 */
export async function later(load, use) {
  let isWanted = true;
  const pressed = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    isWanted = false;
  };
  addEventListener("keydown", pressed, true);
  let module;
  try {
    module = await load();
  } catch {
    toast(
      gettext(
        "This part of the page could not be loaded. Check the connection, or reload the page.",
      ),
    );
    return;
  } finally {
    removeEventListener("keydown", pressed, true);
  }
  if (isWanted) await use(module);
}
