/** The list behind the bell, and the dialog that says of what a chat tells. */

import { api } from "./api.js";
import { loadedList, openDialog, orSay, toast } from "./dialogs.js";
import { avatar, el, isolated, tag } from "./dom.js";
import { exactTime, placeOf, shortMoment, timeOfDay } from "./format.js";
import { gettext } from "./i18n.js";
import { invitationRow } from "./invitations.js";
import { noticeWords } from "./notifications.js";
import { isMuted } from "./notify-level.js";
import { plainText } from "./rich-text.js";
import { canNotify, notifies, switchNotifications } from "./ringer.js";

const HOUR = 60;
// A hundred years.
const FOR_GOOD = 100 * 365 * 24 * HOUR;

/** @typedef {import("./types.js").Notice} Notice */

/**
 * @param {import("./notifications.js").Notifications} notifications @param {import("./store.js").Store} store
 * @param {(path: string) => void} open @param {(chat: any) => void} accepted  an invitation to this chat
 */
export function showNotifications(notifications, store, open, accepted) {
  const list = loadedList(el("div.list"), {
    none: gettext("Nothing yet. When somebody mentions you, replies to you, writes to you or adds you to a chat, it stands here."),
    name: "notifications",
    read: (before) => notifications.read(before),
    row: (notice, drop) => notice.invitation ? invitationRow(notice, { drop, accepted: enter }) : row(notice, store, () => go(notice)),
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
  const all = el("button.button.small", { onclick: () => orSay(async () => {
    await notifications.seeAll();
    list.load();
  }) }, gettext("Mark all as seen"));
  const outside = canNotify && el("button.button.small", { onclick: async () => {
    toast(await switchNotifications());
    outside.textContent = outsideWords();
  } }, outsideWords());
  const dialog = openDialog(gettext("Notifications"), [list.node], [outside, all].filter(Boolean));
}

const outsideWords = () => notifies() ? gettext("No notifications outside this page") : gettext("Notify me outside this page, too");

/** @param {Notice} notice @param {import("./store.js").Store} store @param {() => void} onclick */
function row(notice, store, onclick) {
  const moment = new Date(notice.created_at);
  const text = plainText(notice.message?.content ?? "");
  return el(`button.row${notice.seen ? "" : ".unread"}`, { onclick }, avatar(notice.actor),
    el("span.body", {},
      el("span.line", {}, el("span.name.ellipsis", {}, isolated(notice.actor.name), !notice.seen && el("span.unseen", {}, ` ${gettext("(new)")}`)), tag(notice.actor),
        el("time", { dateTime: notice.created_at, title: exactTime(moment) }, shortMoment(moment, new Date()))),
      el("span.sub", {}, noticeWords(notice, store.chats.get(notice.chat_id)?.title ?? "")),
      text && el("span.sub.ellipsis", {}, isolated(text))));
}

/** Of what one chat tells its member who looks elsewhere: how much, and nothing for a while. @param {import("./store.js").Store} store @param {import("./types.js").Chat} chat */
export function chooseNotify(store, chat) {
  const body = el("div");
  let last = Promise.resolve();
  // One after the other, each from what the one before has made of it: a quick press takes nothing back.
  const put = (/** @type {{level?: string, mute_minutes?: ?number}} */ pressed) => last = last.then(() => orSay(async () => {
    const [now, until] = current();
    const left = until && Math.max(1, Math.round((until.getTime() - Date.now()) / 60_000));
    store.update(chat.id, await api("PUT", `chats/${chat.id}/notify`, { level: now.notify, mute_minutes: left, ...pressed }));
  })).then(draw);
  /** @returns {[import("./types.js").Chat, ?Date]} */
  const current = () => {
    const now = store.chats.get(chat.id) ?? chat;
    return [now, isMuted(now) ? new Date(/** @type {string} */ (now.muted_until)) : null];
  };
  const draw = () => {
    const [now, until] = current();
    const choice = (/** @type {string} */ level, /** @type {string} */ name, /** @type {string} */ text) =>
      el("label.choice", {}, el("input", { type: "radio", name: "level", value: level, checked: now.notify === level, onchange: () => put({ level }) }), el("span", {}, name, el("small", {}, text)));
    const mute = (/** @type {?number} */ minutes, /** @type {string} */ label) => el("button.button.small", { onclick: () => put({ mute_minutes: minutes }) }, label);
    const pressed = /** @type {any} */ (body.contains(document.activeElement) ? document.activeElement : null);
    body.replaceChildren(
      el("fieldset", {}, el("legend.unseen", {}, gettext("Notify me of")),
        choice("all", gettext("Every message"), gettext("Also those that do not mention you.")),
        chat.kind !== "direct" && choice("mentions", gettext("Mentions and replies"), gettext("What is written to you.")),
        choice("nothing", gettext("Nothing"), gettext("Unread messages are still counted."))),
      el("p.label", {}, until ? mutedWords(until) : gettext("Mute for a while")),
      el("div.choices", {}, ...(until ? [mute(null, gettext("Notify again"))]
        : [mute(HOUR, gettext("For an hour")), mute(8 * HOUR, gettext("For 8 hours")), mute(FOR_GOOD, gettext("Until I switch it on"))])));
    // What was just pressed is gone, or redrawn.
    if (pressed) body.querySelector(pressed.value ? `[value=${pressed.value}]` : "button")?.focus();
  };
  draw();
  openDialog(gettext("Notifications in this chat"), [body]);
}

/** @param {Date} until */
function mutedWords(until) {
  const now = new Date();
  if (until.getFullYear() > now.getFullYear() + 1) return gettext("Muted until you switch it on");
  const isSoon = until.getTime() - now.getTime() < 12 * 3_600_000;
  return gettext("Muted until %(time)s", { time: isSoon ? timeOfDay(until) : shortMoment(until, now) });
}
