/** Dialogs of those who manage a chat: bringing people in, and letting those back who were removed. */

import { api } from "../net/api.js";
import { personRow } from "./found-rows.js";
import { confirmed, openDialog } from "../dom/dialogs.js";
import { orSay, toast } from "../dom/toasts.js";
import { loadedList, nextPage } from "../dom/loaded-list.js";
import { avatar, el, isolated, searchField, tag } from "../dom/dom.js";
import { exactTime, fullName } from "../base/format.js";
import { gettext } from "../base/i18n.js";

/** @typedef {{user: import("../types.js").Person, removed_at: string, removed_by: ?import("../types.js").Sender}} Removed */

/** @param {number} chatId @param {() => void} changed  somebody is in it now */
export function addPeople(chatId, changed) {
  const add = async (/** @type {import("../types.js").Person} */ person) => {
    const answer = await orSay(() =>
      api("POST", `chats/${chatId}/members`, { user_id: person.id }),
    );
    if (!answer) return;
    dialog.close();
    if (answer.invited)
      toast(
        gettext("Invited. %(name)s left this chat before, so they have to accept.", {
          name: fullName(person),
        }),
      );
    else changed();
  };
  const field = searchField(gettext("Name or username"), () => list.soon());
  const list = loadedList(el("div.list", { "aria-live": "polite" }), {
    none: () => (field.value.trim() ? gettext("Nobody found.") : ""),
    name: "people",
    read: async () =>
      field.value.trim()
        ? api("GET", `people?q=${encodeURIComponent(field.value.trim())}`)
        : { people: [] },
    row: (person) => personRow(person, () => add(person)),
  });
  const dialog = openDialog(gettext("Add people"), [field, list.node]);
  field.focus();
}

/** @param {number} chatId */
export function showRemoved(chatId) {
  const path = `chats/${chatId}/removed`;
  const letBack = async (/** @type {import("../types.js").Person} */ user) => {
    const title = gettext("Let %(name)s back in?", { name: fullName(user) });
    const text = gettext(
      "They will be able to join, use a link or be added. This alone does not add them.",
    );
    if (!(await confirmed({ title, text, action: gettext("Let back in") }))) return;
    if (!(await orSay(() => api("DELETE", `${path}/${user.id}`)))) return;
    toast(gettext("%(name)s can join again.", { name: fullName(user) }));
    // From the first page: the others have moved up.
    list.load();
    dialog.querySelector("button")?.focus();
  };
  const list = loadedList(el("div.list"), {
    none: gettext("Nobody has been removed from this chat."),
    name: "removed",
    read: (page) => api("GET", `${path}?page=${page}`),
    next: nextPage,
    row: (removed) => removedRow(removed, letBack),
  });
  const hint = el(
    "p.hint",
    {},
    gettext(
      "People who were removed cannot come back, even with a link, until they are let back in.",
    ),
  );
  const dialog = openDialog(gettext("Removed people"), [hint, list.node]);
}

/** @param {Removed} removed @param {(user: import("../types.js").Person) => void} letBack */
function removedRow({ user, removed_at: removedAt, removed_by: removedBy }, letBack) {
  const time = exactTime(new Date(removedAt));
  const words = removedBy
    ? gettext("removed by %(name)s, %(time)s", { name: fullName(removedBy), time })
    : gettext("removed %(time)s", { time });
  const label = gettext("Let %(name)s back in", { name: user.name });
  return el(
    "div.row",
    {},
    avatar(user),
    el(
      "span.body",
      {},
      el("span.name.ellipsis", {}, isolated(user.name), " ", tag(user)),
      el("span.sub", {}, words),
    ),
    el(
      "button.button.small",
      { "aria-label": label, onclick: () => letBack(user) },
      gettext("Let back in"),
    ),
  );
}
