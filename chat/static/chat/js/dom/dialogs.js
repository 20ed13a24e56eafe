/** Dialogs. Loaded with the first one that is opened. */

import { el, iconButton } from "./dom.js";
import { gettext } from "../base/i18n.js";
import { toasts } from "./toasts.js";

let opened = 0;

/**
 * @param {string} title @param {Node[]} body @param {Node[]} [foot]
 * @returns {HTMLDialogElement}
 */
export function openDialog(title, body, foot = []) {
  const heading = el("h2", { id: `dialog-${(opened += 1)}` }, title);
  const dialog = el("dialog", { "aria-labelledby": heading.id });
  dialog.append(
    el(
      "header.dialog-head",
      {},
      heading,
      iconButton("close", gettext("Close"), () => dialog.close()),
    ),
    el("div.dialog-body", {}, ...body),
    toasts(),
  );
  if (foot.length) dialog.append(el("footer.dialog-foot", {}, ...foot));
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener(
    "click",
    (/** @type {MouseEvent} */ event) => event.target === dialog && dialog.close(),
  );
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** @param {{title: string, text: string, action: string}} question @returns {Promise<boolean>} */
export function confirmed({ title, text, action }) {
  return new Promise((resolve) => {
    const no = el("button.button", { onclick: () => dialog.close() }, gettext("Cancel"));
    const yes = el(
      "button.button.danger",
      {
        onclick: () => {
          resolve(true);
          dialog.close();
        },
      },
      action,
    );
    const dialog = openDialog(title, [el("p", {}, text)], [no, yes]);
    dialog.addEventListener("close", () => resolve(false));
    no.focus();
  });
}
