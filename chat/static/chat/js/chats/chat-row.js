/** A chat in the list of chats. */

import { badge, exactTime, fullName, shortMoment } from "../base/format.js";
import { gettext, ngettext } from "../base/i18n.js";
import { el, icon, isolated } from "../dom/dom.js";
import { isMuted, isQuiet } from "../state/notify-level.js";
import { chatAvatar } from "./rows.js";

/** @typedef {import("../types.js").Chat} Chat */

/**
 * @param {Chat} chat
 * @param {{said: Array<[string, string]>, moment: Date, now: Date, isOpen: boolean, isOnline: boolean}} look
 *   `said`: the parts of what was said last, each a class and a text
 * @param {() => void} open
 */
export function chatLink(chat, { said, moment, now, isOpen, isOnline }, open) {
  const onclick = (/** @type {MouseEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open();
  };
  const iso = moment.toISOString();
  const time = el("time", { dateTime: iso, title: exactTime(moment) }, shortMoment(moment, now));
  return el(
    `a.row${chat.unread ? ".unread" : ""}`,
    { href: `/chats/${chat.id}`, "aria-current": isOpen ? "page" : null, onclick },
    chatAvatar(chat, isOnline),
    el(
      "span.body",
      {},
      el("span.line", {}, name(chat), isMuted(chat) && muted(), time),
      el("span.line", {}, el("span.sub.ellipsis", {}, ...said.map(sayingPart)), ...badges(chat)),
    ),
  );
}

/** @param {Chat} chat */
function name({ kind, peer, title }) {
  const picture = kind !== "direct" && icon(kind);
  return el(
    "span.name.ellipsis",
    { title: peer ? fullName(peer) : null },
    picture,
    isolated(title),
  );
}

function muted() {
  const label = gettext("Muted");
  return el("span.muted", { title: label }, icon("bell-off"), el("span.unseen", {}, label));
}

/** @param {Chat} chat */
function badges(chat) {
  const { mentions, unread } = chat;
  const words = (/** @type {string} */ text) => el("span.unseen", {}, ` ${text}`);
  return [
    mentions > 0 &&
      el(
        "span.badge.mentions",
        {},
        `@${badge(mentions)}`,
        words(ngettext("mention", "mentions", mentions)),
      ),
    unread > 0 &&
      el(
        `span.badge${isQuiet(chat) ? ".quiet" : ""}`,
        {},
        badge(unread),
        words(ngettext("unread message", "unread messages", unread)),
      ),
  ];
}

/** @param {[string, string]} part */
function sayingPart([style, text]) {
  if (style === "b") return el("b", {}, text);
  return el(style ? `span.${style}` : "bdi", {}, text);
}
