/** The list behind the bell. */

import { openDialog } from "../dom/dialogs.js";
import { orSay, toast } from "../dom/toasts.js";
import { loadedList } from "../dom/loaded-list.js";
import { avatar, el, isolated, tag } from "../dom/dom.js";
import { exactTime, placeOf, shortMoment } from "../base/format.js";
import { gettext } from "../base/i18n.js";
import { invitationRow } from "./invitations.js";
import { noticeWords } from "./notifications.js";
import { plainText } from "../messages/rich-text.js";
import { switchNotifications } from "./browser-notifications.js";
import { canNotify, notifies } from "./ringer.js";

/** @typedef {import("../types.js").Notice} Notice */

/**
 * @param {import("./notifications.js").Notifications} notifications @param {import("../state/store.js").Store} store
 * @param {(path: string) => void} open @param {(chat: any) => void} accepted  an invitation to this chat
 */
export function showNotifications(notifications, store, open, accepted) {
  const list = loadedList(el("div.list"), {
    none: gettext(
      "Nothing yet. When someone mentions you, replies to you, writes to you or adds you to a chat, you will see it here.",
    ),
    name: "notifications",
    read: (before) => notifications.read(before),
    row: (notice, drop) =>
      notice.invitation
        ? invitationRow(notice, { drop, accepted: enter })
        : row(notice, store, () => go(notice)),
  });
  const go = (/** @type {Notice} */ notice) => {
    dialog.close();
    if (!notice.seen) orSay(() => notifications.see([notice.id]));
    open(placeOf(notice.chat_id, notice.message));
  };
  const enter = (/** @type {any} */ chat) => {
    dialog.close();
    accepted(chat);
  };
  const all = el(
    "button.button.small",
    {
      onclick: () =>
        orSay(async () => {
          await notifications.seeAll();
          list.load();
        }),
    },
    gettext("Mark all as seen"),
  );
  const outside =
    canNotify &&
    el(
      "button.button.small",
      {
        onclick: async () => {
          toast(await switchNotifications());
          outside.textContent = outsideWords();
        },
      },
      outsideWords(),
    );
  const dialog = openDialog(gettext("Notifications"), [list.node], [outside, all].filter(Boolean));
}

const outsideWords = () =>
  notifies() ? gettext("Turn off browser notifications") : gettext("Turn on browser notifications");

/** @param {Notice} notice @param {import("../state/store.js").Store} store @param {() => void} onclick */
function row(notice, store, onclick) {
  const moment = new Date(notice.created_at);
  const text = plainText(notice.message?.content ?? "");
  return el(
    `button.row${notice.seen ? "" : ".unread"}`,
    { onclick },
    avatar(notice.actor),
    el(
      "span.body",
      {},
      el(
        "span.line",
        {},
        el(
          "span.name.ellipsis",
          {},
          isolated(notice.actor.name),
          !notice.seen && el("span.unseen", {}, ` ${gettext("(new)")}`),
        ),
        tag(notice.actor),
        el(
          "time",
          { dateTime: notice.created_at, title: exactTime(moment) },
          shortMoment(moment, new Date()),
        ),
      ),
      el("span.sub", {}, noticeWords(notice, store.chats.get(notice.chat_id)?.title ?? "")),
      text && el("span.sub.ellipsis", {}, isolated(text)),
    ),
  );
}
