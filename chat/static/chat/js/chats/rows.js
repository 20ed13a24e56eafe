/** What all places that show a chat have of it. */

import { ngettext } from "../base/i18n.js";
import { avatar } from "../dom/dom.js";

/** @param {import("../types.js").Chat} chat @param {boolean} online */
export function chatAvatar(chat, online) {
  const who = chat.peer ?? { id: chat.id, name: chat.title };
  return avatar(who, { square: chat.kind !== "direct", online });
}

/** @param {number} count */
export function memberCount(count) {
  return ngettext("%(count)s member", "%(count)s members", count);
}
