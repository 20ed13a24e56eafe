/** The bell with its number, and the list behind it: what one was told of, the way there, "all seen". */

import { loadedList, openDialog, orSay, toast } from "./dialogs.js";
import { avatar, byId, el, isolated } from "./dom.js";
import { badge, exactTime, shortMoment } from "./format.js";
import { gettext, ngettext } from "./i18n.js";
import { noticeWords } from "./notifications.js";
import { plainText } from "./rich-text.js";
import { canNotify, notifies, switchNotifications } from "./ringer.js";

/** @typedef {import("./types.js").Notice} Notice */

/**
 * @param {import("./notifications.js").Notifications} notifications @param {import("./store.js").Store} store
 * @param {(path: string) => void} open
 */
export function keepBell(notifications, store, open) {
  const bell = byId("bell");
  const count = el("span.badge", { "aria-hidden": "true" });
  bell.append(count);
  const show = () => {
    const unseen = notifications.count;
    count.hidden = !unseen;
    count.textContent = badge(unseen);
    const label = unseen ? ngettext("Notifications, %(count)s new", "Notifications, %(count)s new", unseen) : gettext("Notifications");
    bell.title = label;
    bell.setAttribute("aria-label", label);
  };
  bell.addEventListener("click", () => openPanel(notifications, store, open));
  notifications.on("changed", show);
  show();
}

/** @param {import("./notifications.js").Notifications} notifications @param {import("./store.js").Store} store @param {(path: string) => void} open */
function openPanel(notifications, store, open) {
  const list = loadedList(el("div.list"), {
    none: gettext("Nothing yet. When somebody mentions you, replies to you, writes to you or adds you to a chat, it stands here."),
    name: "notifications",
    read: (before) => notifications.read(before),
    row: (notice) => row(notice, store, () => go(notice)),
  });
  const go = (/** @type {Notice} */ notice) => {
    dialog.close();
    if (!notice.seen) orSay(() => notifications.see([notice.id]));
    open(`/chats/${notice.chat_id}${notice.message ? `#${notice.message.seq}` : ""}`);
  };
  const all = el("button.button.small", { type: "button", onclick: () => orSay(async () => {
    await notifications.seeAll();
    list.load();
  }) }, gettext("Mark all as seen"));
  const outside = canNotify && el("button.button.small", { type: "button", onclick: async () => {
    await switchOutside();
    outside.textContent = outsideWords();
  } }, outsideWords());
  const dialog = openDialog(gettext("Notifications"), [list.node], [outside, all].filter(Boolean));
}

const outsideWords = () => notifies() ? gettext("No notifications outside this page") : gettext("Notify me outside this page, too");

async function switchOutside() {
  const wereOn = notifies();
  const areOn = await switchNotifications();
  if (areOn) toast(gettext("Notifications are on while you look elsewhere."));
  else toast(wereOn ? gettext("Notifications are off.") : gettext("The browser does not allow notifications here. Allow them in its settings for this site."));
}

/** @param {Notice} notice @param {import("./store.js").Store} store @param {() => void} onclick */
function row(notice, store, onclick) {
  const moment = new Date(notice.created_at);
  const text = plainText(notice.message?.content ?? "");
  return el(`button.row${notice.seen ? "" : ".unread"}`, { type: "button", onclick }, avatar(notice.actor),
    el("span.body", {},
      el("span.line", {}, el("span.name.ellipsis", {}, isolated(notice.actor.name), !notice.seen && el("span.unseen", {}, ` ${gettext("(new)")}`)),
        el("time", { dateTime: notice.created_at, title: exactTime(moment) }, shortMoment(moment, new Date()))),
      el("span.sub", {}, noticeWords(notice, store.chats.get(notice.chat_id)?.title ?? "")),
      text && el("span.sub.ellipsis", {}, isolated(text))));
}
