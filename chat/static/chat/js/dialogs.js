/** Dialogs, the lists that fill them, and short notes at the foot of the page. */

import { el, iconButton } from "./dom.js";
import { gettext } from "./i18n.js";

let opened = 0;

/**
 * @param {string} title @param {Node[]} body @param {Node[]} [foot]
 * @returns {HTMLDialogElement}
 */
export function openDialog(title, body, foot = []) {
  const heading = el("h2", { id: `dialog-${(opened += 1)}` }, title);
  const dialog = el("dialog", { "aria-labelledby": heading.id });
  dialog.append(
    el("header.dialog-head", {}, heading, iconButton("close", gettext("Close"), () => dialog.close())),
    el("div.dialog-body", {}, ...body),
  );
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
    const no = el("button.button", { type: "button", onclick: () => dialog.close() }, gettext("Cancel"));
    const yes = el("button.button.danger", { type: "button", onclick: () => {
      resolve(true);
      dialog.close();
    } }, action);
    const dialog = openDialog(title, [el("p", {}, text)], [no, yes]);
    dialog.addEventListener("close", () => resolve(false));
    no.focus();
  });
}

const LOADING_AFTER_MS = 300;

/**
 * Fills a list page by page from the server: says that it loads, what failed, that nothing is there.
 * @param {HTMLElement} list
 * @param {{none: string, name: string, read: (before: number) => Promise<any>, row: (item: any, drop: () => void) => Element}} how
 *   `read` asks for what comes after the one with this id (0: from the first), and has the items under `name`;
 *   `drop` takes a row off the list
 */
export function loadedList(list, { none, name, read, row }) {
  const end = el("div", { role: "status" });
  const add = (/** @type {any[]} */ ...items) => {
    for (const item of items) {
      const node = row(item, () => {
        node.remove();
        add();
      });
      list.append(node);
    }
    list.hidden = !list.firstChild;
    end.replaceChildren(...(list.hidden ? [el("p.hint", {}, none)] : []));
  };
  const load = async (/** @type {number} */ before = 0) => {
    const button = (/** @type {string} */ text, /** @type {number} */ from) => el("button.button.small.wide", { type: "button", onclick: () => load(from) }, text);
    const timer = setTimeout(() => end.replaceChildren(el("p.hint", {}, gettext("Loading…"))), LOADING_AFTER_MS);
    try {
      const { [name]: items, more } = await read(before);
      if (!before) list.replaceChildren();
      add(...items);
      if (more) end.append(button(gettext("Show more"), items[items.length - 1].id));
    } catch (error) {
      end.replaceChildren(el("p.problem", {}, /** @type {Error} */ (error).message), button(gettext("Try again"), before));
    }
    clearTimeout(timer);
  };
  load();
  return { node: el("div", {}, list, end), add, load: () => load() };
}

const TOAST_MS = 6000;

/** @param {string} text */
export function toast(text) {
  // Around an open dialog the page is inert: nobody would hear it.
  const place = [...document.querySelectorAll("dialog[open]")].pop() ?? document.body;
  let toasts = place.querySelector(":scope > .toasts");
  if (!toasts) place.append((toasts = el("div.toasts", { role: "status" })));
  const note = el("div.toast", {}, text);
  toasts?.append(note);
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
