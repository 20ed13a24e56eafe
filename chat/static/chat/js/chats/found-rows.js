/** People and public chats that were found. */

import { gettext } from "../base/i18n.js";
import { avatar, el, isolated, tag } from "../dom/dom.js";
import { memberCount } from "./rows.js";

/** @param {import("../types.js").Person} person @param {() => void} onclick */
export function personRow(person, onclick) {
  const blocked = person.blocked ? ` · ${gettext("blocked")}` : "";
  return el(
    "button.row",
    { onclick },
    avatar(person),
    el(
      "span.body",
      {},
      el("span.name.ellipsis", {}, isolated(person.name)),
      el("span.sub.ellipsis", {}, tag(person), blocked),
    ),
  );
}

/** @param {{id: number, title: string, member_count: number}} chat @param {() => void} onclick */
export function publicRow(chat, onclick) {
  return el(
    "button.row",
    { onclick },
    avatar({ id: chat.id, name: chat.title }, { square: true }),
    el(
      "span.body",
      {},
      el("span.name.ellipsis", {}, isolated(chat.title)),
      el("span.sub", {}, memberCount(chat.member_count)),
    ),
  );
}
