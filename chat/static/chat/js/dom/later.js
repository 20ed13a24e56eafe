/** Loads what reading and writing do not need, only when it is opened. */

import { toast } from "./toasts.js";
import { gettext } from "../base/i18n.js";

/**
 * @template T
 * @param {() => Promise<T>} load  an `import()`: after a failure the next call asks again
 * @param {(module: T) => unknown} use
 */
export async function later(load, use) {
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
  }
  await use(module);
}
