/** Dialogs, and short notes at the foot of the page. */

import { el, iconButton } from "./dom.js";
import { gettext } from "./i18n.js";

let opened = 0;

/** There before its first text: what is made together with it is not heard. */
const toasts = () => el("div.toasts", { role: "status" });
document.body.append(toasts());

/**
 * @param {string} title @param {Node[]} body @param {Node[]} [foot]
 * @returns {HTMLDialogElement}
 */
export function openDialog(title, body, foot = []) {
  const heading = el("h2", { id: `dialog-${(opened += 1)}` }, title);
  const dialog = el("dialog", { "aria-labelledby": heading.id });
  dialog.append(
    el("header.dialog-head", {}, heading, iconButton("close", gettext("Close"), () => dialog.close())),
    el("div.dialog-body", {}, ...body), toasts());
  if (foot.length) dialog.append(el("footer.dialog-foot", {}, ...foot));
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (/** @type {MouseEvent} */ event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** @param {{title: string, text: string, action: string}} question @returns {Promise<boolean>} */
export function confirmed({ title, text, action }) {
  return new Promise((resolve) => {
    const no = el("button.button", { onclick: () => dialog.close() }, gettext("Cancel"));
    const yes = el("button.button.danger", { onclick: () => {
      resolve(true);
      dialog.close();
    } }, action);
    const dialog = openDialog(title, [el("p", {}, text)], [no, yes]);
    dialog.addEventListener("close", () => resolve(false));
    no.focus();
  });
}

const TOAST_MS = 6000;

/** @param {string} text */
export function toast(text) {
  // Around an open dialog the page is inert: nobody would hear it.
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
    toast(gettext("The browser did not allow copying. Select the text and copy it by hand."));
  }
}
