/**
 * Notifications that are not seen yet: the server keeps them, the newest are known here.
 *
 * Emits "changed", and "told" (notification) for each one that has just come, "gone" (notification) for each
 * that is taken back.
 */

import { api } from "../net/api.js";
import { Emitter } from "../base/emitter.js";
import { gettext } from "../base/i18n.js";

/** @typedef {import("../types.js").Notice} Notice */

// Anyone looking at the chat has read its new message by then: no number flashes up.
const LOOK_MS = 2500;
const ASK_MS = 300;

/** What was done, after the name of whoever did it. @param {Notice} notice @param {string} title  of the chat */
export function noticeWords({ kind }, title) {
  // Kept apart from our own words, whatever their direction.
  const chat = `\u2068${title}\u2069`;
  if (kind === "mention") return gettext("mentioned you in %(chat)s", { chat });
  if (kind === "reply") return gettext("replied to you in %(chat)s", { chat });
  if (kind === "webhook")
    return gettext(
      "created a webhook of %(chat)s that was switched off: its receiver failed for too long",
      { chat },
    );
  if (kind === "paused")
    return gettext(
      "is no longer responsible for a webhook of %(chat)s, which is now paused: take it over or delete it",
      { chat },
    );
  return kind === "direct" ? gettext("wrote to you") : gettext("added you to %(chat)s", { chat });
}

export class Notifications extends Emitter {
  count = 0;
  #store;
  #isWatched;
  /** @type {Map<number, Notice>} */
  #waiting = new Map();
  /** Seen or gone: whatever the server says of them later is not counted again. @type {Set<number>} */
  #done = new Set();
  #timer = 0;
  /** The newest that the server has counted in. */
  #counted = 0;

  /** @param {import("../state/store.js").Store} store @param {any} start @param {(chatId: number) => boolean} isWatched */
  constructor(store, start, isWatched) {
    super();
    this.#store = store;
    this.#isWatched = isWatched;
    store.on("chats", () => this.#followReading());
    store.on("removed", ({ chatId }) => this.#forget((notice) => notice.chat_id === chatId));
    this.replace(start);
  }

  /** How things stand on the server. @param {{unseen: number, newest: Notice[]}} standing @param {boolean} [isLive]  what is not known yet came just now */
  replace({ unseen, newest }, isLive) {
    if (isLive) for (const notice of newest) this.#told(notice);
    const waiting = newest.filter(({ id }) => !this.#done.has(id));
    this.#waiting = new Map(waiting.map((notice) => [notice.id, notice]));
    this.count = unseen - (newest.length - waiting.length);
    this.#counted = Math.max(this.#counted, newest[0]?.id ?? 0);
    this.#followReading();
    this.emit("changed");
  }

  /** A line of the server. @param {{notification?: Notice, seen?: number[], gone?: number[], seen_up_to?: number}} line */
  hear({ notification: notice, seen, gone, seen_up_to: upTo }) {
    if (notice) this.#told(notice);
    const ids = seen ?? gone ?? [];
    for (const id of gone ?? [])
      if (this.#waiting.has(id)) this.emit("gone", this.#waiting.get(id));
    const isUnknown = ids.some((id) => !this.#waiting.has(id) && !this.#done.has(id));
    this.#forget(({ id }) => ids.includes(id) || id <= (upTo ?? 0));
    if (isUnknown || (upTo && this.count > this.#waiting.size)) this.#askSoon();
  }

  /** A page, seen or not; newest first. @param {number} [before] */
  async read(before) {
    const page = await api("GET", before ? `notifications?before=${before}` : "notifications");
    if (!before) this.#adopt(page);
    return page;
  }

  /** @param {number[]} ids */
  async see(ids) {
    this.#forget(({ id }) => ids.includes(id));
    await api("POST", "notifications/seen", { ids });
  }

  async seeAll() {
    await api("POST", "notifications/seen", { all: true });
    this.#forget(() => true);
    this.count = 0;
    for (const { id, mentions } of this.#store.chats.values())
      if (mentions) this.#store.update(id, { mentions: 0 });
    this.emit("changed");
  }

  /** A chat is open: an invitation to it has been noticed. @param {number} chatId */
  opened(chatId) {
    const ids = [...this.#waiting.values()]
      .filter((notice) => notice.chat_id === chatId && notice.kind === "invite")
      .map(({ id }) => id);
    // If it fails, the next welcome brings the number back.
    if (ids.length) this.see(ids).catch(() => {});
  }

  /** @param {Notice} notice */
  #told(notice) {
    if (this.#done.has(notice.id) || this.#waiting.has(notice.id) || this.#isRead(notice)) return;
    // Only the newest of many are known here: this one was most likely counted while it was on its way.
    if (notice.id <= this.#counted) return this.#askSoon();
    this.emit("told", notice);
    setTimeout(() => this.#add(notice), this.#isWatched(notice.chat_id) ? LOOK_MS : 0);
  }

  /** @param {Notice} notice */
  #add(notice) {
    if (this.#done.has(notice.id) || this.#waiting.has(notice.id) || this.#isRead(notice)) return;
    this.#waiting.set(notice.id, notice);
    this.count += 1;
    this.#countMention(notice, 1);
    this.emit("changed");
  }

  /** @param {(notice: Notice) => boolean} isMeant */
  #forget(isMeant) {
    const meant = [...this.#waiting.values()].filter(isMeant);
    for (const notice of meant) {
      // Each once: listeners that are told on the way come back here.
      if (!this.#waiting.delete(notice.id)) continue;
      this.#done.add(notice.id);
      this.count = Math.max(this.count - 1, this.#waiting.size);
      this.#countMention(notice, -1);
    }
    if (meant.length) this.emit("changed");
  }

  /** @param {Notice} notice @param {number} by */
  #countMention({ kind, chat_id: chatId }, by) {
    const chat = this.#store.chats.get(chatId);
    if (chat && (kind === "mention" || kind === "reply"))
      this.#store.update(chatId, { mentions: Math.max(0, chat.mentions + by) });
  }

  #followReading() {
    this.#forget((notice) => this.#isRead(notice));
    // A notification may be here before its message.
    const told = new Set([...this.#waiting.values()].map((notice) => notice.chat_id));
    this.#store.forgetMentions(({ id, unread }) => !unread && !told.has(id));
  }

  /** @param {Notice} notice */
  #isRead({ message, chat_id: chatId }) {
    return Boolean(message && message.seq <= (this.#store.chats.get(chatId)?.read_seq ?? 0));
  }

  /** Something was seen elsewhere that is not known here. */
  #askSoon() {
    clearTimeout(this.#timer);
    // If it fails, the next welcome tells.
    this.#timer = setTimeout(() => this.read().catch(() => {}), ASK_MS);
  }

  /** @param {{notifications: Notice[], unseen: number, mentions: Record<string, number>}} page */
  #adopt({ notifications, unseen, mentions }) {
    for (const chat of this.#store.chats.values())
      if (chat.mentions !== (mentions[chat.id] ?? 0))
        this.#store.update(chat.id, { mentions: mentions[chat.id] ?? 0 });
    this.replace({ unseen, newest: notifications.filter(({ seen }) => !seen) });
  }
}
