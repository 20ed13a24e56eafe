/** Loads what reading and writing do not need when it is opened: the first page is spared it. */

import { toast } from "./dialogs.js";
import { gettext } from "./i18n.js";

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
    toast(gettext("This part of the page could not be loaded. Check the connection, or load the page again."));
    return;
  }
  await use(module);
}
