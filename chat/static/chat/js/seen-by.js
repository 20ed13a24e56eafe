/** Who has received and read a message of ours: asked of the server when somebody wants to know. */

import { api } from "./api.js";
import { openDialog, orSay } from "./dialogs.js";
import { avatar, el, isolated } from "./dom.js";
import { gettext, number } from "./i18n.js";

/** @param {number} messageId */
export async function showSeenBy(messageId) {
  const found = await ask(messageId, 0);
  if (!found) return;
  const list = el("div.list", {}, ...found.people.map(row));
  const more = el("button.button.small.wide", { type: "button" }, gettext("Show more"));
  let page = 0;
  more.addEventListener("click", async () => {
    const next = await ask(messageId, page + 1);
    if (!next) return;
    page += 1;
    list.append(...next.people.map(row));
    more.hidden = !next.more;
  });
  more.hidden = !found.more;
  openDialog(gettext("Seen by"), [el("p", {}, inWords(found)), list, more]);
}

/** @param {number} messageId @param {number} page */
function ask(messageId, page) {
  return orSay(() => api("GET", `messages/${messageId}/receipts?page=${page}`));
}

/** @param {{members: number, delivered: number, read?: number}} found */
function inWords({ members, delivered, read }) {
  if (!members) return gettext("Nobody else was in the chat when it was written.");
  const others = number(members);
  const reached = gettext("Delivered to %(count)s of %(others)s", { count: number(delivered), others });
  const seen = read === undefined
    ? gettext("You do not show what you have read, so you are not shown what others have.")
    : gettext("Read by %(count)s of %(others)s", { count: number(read), others });
  return `${reached}. ${seen}${read === undefined ? "" : "."}`;
}

/** @param {{user: import("./types.js").Person, delivered: boolean, read?: boolean}} person */
function row({ user, delivered, read }) {
  const state = read ? gettext("Read") : delivered ? gettext("Delivered") : gettext("Not delivered yet");
  const name = el("span.name.ellipsis", {}, isolated(user.name));
  return el("div.row", {}, avatar(user), el("span.body", {}, el("span.line", {}, name, el("span.role", {}, state)), el("span.sub.ellipsis", {}, `@${user.username}`)));
}
