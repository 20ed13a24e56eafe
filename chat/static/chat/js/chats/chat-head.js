/** The line above the messages: whose chat it is, who is there, and the way to its members. */

import { byId, el, iconButton, isolated, redrawn } from "../dom/dom.js";
import { chatAvatar, memberCount } from "./rows.js";
import { gettext, number } from "../base/i18n.js";

/**
 * @param {import("../types.js").Chat} chat @param {ReadonlySet<number>} online
 * @param {{back: () => void, members: () => void, menu: (anchor: HTMLElement) => void}} actions
 */
export function drawChatHead(chat, online, actions) {
  const head = byId("chat-head");
  const subtitle = presenceLine(chat, online);
  const drawn = JSON.stringify([chat.id, chat.title, subtitle, chat.kind]);
  head.hidden = false;
  if (head.dataset.drawn === drawn) return;
  head.dataset.drawn = drawn;
  const isOnline = chat.peer ? online.has(chat.peer.id) : false;
  redrawn(head, () =>
    head.replaceChildren(
      iconButton("back", gettext("Back to the chats"), actions.back, {
        className: "icon-button back",
      }),
      chatAvatar(chat, isOnline),
      el(
        "div.who",
        {},
        el("h2", { title: chat.title }, isolated(chat.title)),
        el("p.ellipsis", {}, subtitle),
      ),
      ...(chat.kind === "direct"
        ? []
        : [iconButton("people", gettext("Members"), actions.members, { id: "show-members" })]),
      iconButton("more", gettext("More"), (event) => actions.menu(event.currentTarget), {
        "aria-haspopup": "menu",
      }),
    ),
  );
}

/** @param {import("../types.js").Chat} chat @param {ReadonlySet<number>} online */
function presenceLine(chat, online) {
  if (chat.peer?.deleted) return "";
  if (chat.peer)
    return [`@${chat.peer.username}`, online.has(chat.peer.id) && gettext("online")]
      .filter(Boolean)
      .join(" · ");
  const here = chat.cursors.filter((cursor) => online.has(cursor.user_id)).length;
  const kind = chat.kind === "public" ? gettext("Public chat") : gettext("Group");
  const parts = [kind, memberCount(chat.member_count)];
  if (here) parts.push(gettext("%(count)s online", { count: number(here + 1) }));
  return parts.join(" · ");
}
