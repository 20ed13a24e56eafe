/** Dialogs, the lists that fill them, and short notes at the foot of the page. */

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

const LOADING_AFTER_MS = 300;
const ASK_AFTER_MS = 250;

/** Where the routes count pages. @param {{more: boolean}} answer @param {number} page */
export const nextPage = ({ more }, page) => more && page + 1;

/**
 * @param {HTMLElement} list
 * @param {object} how
 * @param {string} how.name  of the items in an answer
 * @param {(from: number) => Promise<any>} how.read  0: from the first
 * @param {(answer: any, from: number) => number|boolean|undefined|null} [how.next]  from where the next page is
 *   read, if there is one; otherwise from the id of the last item
 * @param {(item: any, drop: () => void) => Element} how.row  `drop` takes it off the list
 * @param {string|(() => string)} how.none  said while there is nothing
 * @param {string} [how.further]  on the button that reads the next page
 * @param {(answer: any) => void} [how.drawn]
 */
export function loadedList(list, { name, read, next = ({ more, [name]: items }) => more && items.at(-1).id, row, none, further = gettext("Show more"), drawn }) {
  const end = el("div.end", { role: "status" });
  /** Only the answer to the newest question counts. */
  let asked = 0;
  let timer = 0;
  const say = (/** @type {string} */ text, kind = "hint") => end.replaceChildren(text && el(`p.${kind}`, {}, text));
  const offer = (/** @type {string} */ text, /** @type {number} */ from) => end.append(el("button.button.small.wide", { onclick: () => load(from) }, text));
  const add = (/** @type {any[]} */ ...items) => {
    const rows = items.map((item) => {
      const node = row(item, () => {
        node.remove();
        add();
      });
      return node;
    });
    list.append(...rows);
    list.hidden = !list.firstChild;
    say(!list.hidden ? "" : typeof none === "string" ? none : none());
    return rows;
  };
  const load = async (from = 0) => {
    const mine = ++asked;
    clearTimeout(timer);
    const loading = setTimeout(() => mine === asked && say(gettext("Loading…")), LOADING_AFTER_MS);
    try {
      const answer = await read(from);
      if (mine !== asked) return;
      if (!from) list.replaceChildren();
      const [first] = add(...answer[name]);
      const following = next(answer, from);
      if (following) offer(further, Number(following));
      drawn?.(answer);
      // The button that was pressed is gone.
      if (from && document.activeElement === document.body) /** @type {?HTMLElement} */ (first?.matches("a, button") ? first : first?.querySelector("a, button"))?.focus();
    } catch (error) {
      if (mine !== asked) return;
      say(/** @type {Error} */ (error).message, "problem");
      offer(gettext("Try again"), from);
    } finally {
      clearTimeout(loading);
    }
  };
  /** While somebody types: once they pause. */
  const soon = () => {
    asked += 1;
    clearTimeout(timer);
    timer = setTimeout(load, ASK_AFTER_MS);
  };
  load();
  return { node: el("div", {}, list, end), add, load: () => load(), soon };
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
