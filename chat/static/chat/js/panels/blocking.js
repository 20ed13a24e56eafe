/** Blocking somebody, unblocking them, and the list of those whom one has blocked. */

import { api } from "../net/api.js";
import { lookAgain } from "../composing/closed-chat.js";
import { confirmed, openDialog } from "../dom/dialogs.js";
import { orSay, toast } from "../dom/toasts.js";
import { loadedList, nextPage } from "../dom/loaded-list.js";
import { avatar, el, isolated } from "../dom/dom.js";
import { gettext } from "../base/i18n.js";

/** @typedef {import("../state/store.js").Store} Store */
/** @typedef {{id: number, name: string}} Person */

/** Asks first, and says what it means. @param {Store} store @param {Person} person */
export async function block(store, person) {
  const name = { name: person.name };
  const text = [
    gettext("%(name)s will not be told.", name),
    gettext(
      "You will not be able to write to, add or mention each other, or see when the other is online or typing.",
    ),
    gettext("In chats you share, you will still see each other's messages and read receipts."),
  ].join(" ");
  if (await confirmed({ title: gettext("Block %(name)s?", name), text, action: gettext("Block") }))
    await put(store, person, true);
}

/** @param {Store} store @param {Person} person */
export async function unblock(store, person) {
  return put(store, person, false);
}

/** Whoever is written to must not be blocked: asks, and says whether that is so now. @param {Store} store @param {Person} person */
export async function unblockToWrite(store, person) {
  const name = { name: person.name };
  const isSure = await confirmed({
    title: gettext("You have blocked %(name)s", name),
    text: gettext("Unblock to write."),
    action: gettext("Unblock"),
  });
  return isSure && unblock(store, person);
}

/** @param {Store} store @param {Person} person @param {boolean} isBlocked  whether it worked */
async function put(store, person, isBlocked) {
  if (!(await orSay(() => api(isBlocked ? "PUT" : "DELETE", `blocks/${person.id}`)))) return false;
  store.setBlocked(person.id, isBlocked);
  const name = { name: person.name };
  const direct = [...store.chats.values()].find((chat) => chat.peer?.id === person.id);
  // The open chat says so itself.
  if (!direct || direct.id !== store.openChatId)
    toast(
      isBlocked
        ? gettext("You have blocked %(name)s.", name)
        : gettext("You have unblocked %(name)s.", name),
    );
  // Without a socket no event says so.
  if (direct) await lookAgain(store, direct.id);
  return true;
}

/** @param {Store} store */
export function showBlocked(store) {
  const list = loadedList(el("div.list"), {
    none: gettext(
      "You have not blocked anyone. You can do so from the menu of a direct chat or from a chat's list of members.",
    ),
    name: "blocks",
    read: (page) => api("GET", `blocks?page=${page}`),
    next: nextPage,
    row: ({ user }, drop) => row(user, async () => (await unblock(store, user)) && drop()),
  });
  openDialog(gettext("Blocked people"), [list.node]);
}

/** @param {import("../types.js").Person} user @param {() => void} onclick */
function row(user, onclick) {
  const label = gettext("Unblock %(name)s", { name: user.name });
  return el(
    "div.row",
    {},
    avatar(user),
    el(
      "span.body",
      {},
      el("span.name.ellipsis", {}, isolated(user.name)),
      el("span.sub.ellipsis", {}, `@${user.username}`),
    ),
    el("button.button.small", { "aria-label": label, onclick }, gettext("Unblock")),
  );
}
