/** Short notes at the foot of the page. */

import { gettext } from "../base/i18n.js";
import { el } from "./dom.js";

/** Present before its first text: a live region that is added together with its text is not announced. */
export const toasts = () => el("div.toasts", { role: "status" });
document.body.append(toasts());

const TOAST_MS = 6000;

/** @param {string} text */
export function toast(text) {
  // The page around an open dialog is inert: a note there would not be announced.
  const place = [...document.querySelectorAll("body > .toasts, dialog[open] > .toasts")].pop();
  const note = el("div.toast", {}, text);
  place?.append(note);
  setTimeout(() => note.remove(), TOAST_MS);
}

/** Runs it; when it fails, says why. @template T @param {() => Promise<T>} work @returns {Promise<T|undefined>} */
export async function orSay(work) {
  try {
    return await work();
  } catch (error) {
    toast(/** @type {Error} */ (error).message);
    return undefined;
  }
}

/** @param {string} text */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(gettext("Copied."));
  } catch {
    toast(gettext("The browser did not allow copying. Select the text and copy it yourself."));
  }
}
