/** Dialogs about a message: its edit history, who has seen it, and whether to delete it. */

import { api } from "../net/api.js";
import { confirmed, openDialog } from "../dom/dialogs.js";
import { orSay } from "../dom/toasts.js";
import { loadedList, nextPage } from "../dom/loaded-list.js";
import { avatar, el, isolated } from "../dom/dom.js";
import { exactTime } from "../base/format.js";
import { gettext, number } from "../base/i18n.js";

export function confirmDelete() {
  return confirmed({
    title: gettext("Delete this message?"),
    text: gettext("Its text will be removed for everyone and cannot be restored."),
    action: gettext("Delete"),
  });
}

/** @param {number} messageId */
export async function showVersions(messageId) {
  const found = await orSay(() => api("GET", `messages/${messageId}/edits`));
  if (!found) return;
  const version = (/** @type {string} */ content, /** @type {string} */ until) =>
    el(
      "li",
      {},
      el("div", { dir: "auto" }, content),
      el("small.role", {}, gettext("until %(time)s", { time: exactTime(new Date(until)) })),
    );
  openDialog(gettext("Edit history"), [
    el(
      "ol.versions",
      {},
      ...found.edits.map((/** @type {any} */ edit) => version(edit.content, edit.edited_at)),
    ),
  ]);
}

/** Who has received and read a message of ours. @param {number} messageId */
export function showSeenBy(messageId) {
  const sum = el("p");
  const list = loadedList(el("div.list"), {
    none: gettext("Nobody else was in the chat when it was written."),
    name: "people",
    read: (page) => api("GET", `messages/${messageId}/receipts?page=${page}`),
    next: nextPage,
    row,
    drawn: (found) => {
      sum.textContent = inWords(found);
    },
  });
  openDialog(gettext("Seen by"), [sum, list.node]);
}

/** @param {{members: number, delivered: number, read?: number}} found */
function inWords({ members, delivered, read }) {
  if (!members) return "";
  const others = number(members);
  const reached = gettext("Delivered to %(count)s of %(others)s", {
    count: number(delivered),
    others,
  });
  const seen =
    read === undefined
      ? gettext("You do not share read receipts, so you cannot see those of others.")
      : gettext("Read by %(count)s of %(others)s", { count: number(read), others });
  return `${reached}. ${seen}${read === undefined ? "" : "."}`;
}

/** @param {{user: import("../types.js").Person, delivered: boolean, read?: boolean}} person */
function row({ user, delivered, read }) {
  const state = read
    ? gettext("Read")
    : delivered
      ? gettext("Delivered")
      : gettext("Not delivered yet");
  const name = el("span.name.ellipsis", {}, isolated(user.name));
  return el(
    "div.row",
    {},
    avatar(user),
    el(
      "span.body",
      {},
      el("span.line", {}, name, el("span.role", {}, state)),
      el("span.sub.ellipsis", {}, `@${user.username}`),
    ),
  );
}
