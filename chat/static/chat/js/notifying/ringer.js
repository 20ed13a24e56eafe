/**
 * The browser's own notifications: asked for only after a click, shown only while nobody looks at the chat,
 * by one tab of a browser alone, closed when the message is read. Without a sound.
 */

import { fullName, placeOf, shortName } from "../base/format.js";
import { gettext } from "../base/i18n.js";
import { noticeWords } from "./notifications.js";
import { rings } from "../state/notify-level.js";
import { mentions, plainText } from "../messages/rich-text.js";

/** Where this browser keeps whether they are wanted. */
export const WANTED = "webchat.notify";

export const canNotify = "Notification" in globalThis;

export function notifies() {
  return canNotify && Notification.permission === "granted" && isWanted();
}

function isWanted() {
  try {
    return localStorage.getItem(WANTED) === "on";
  } catch {
    return false;
  }
}

export class Ringer {
  #store;
  #open;
  #isWatched;
  /** Whether this tab is the one that rings: the one that was looked at last. */
  #isOurs = !navigator.locks;
  #isQueued = false;
  /** What has rung, by message. @type {Set<number>} */
  #rung = new Set();
  /** @type {Map<number, {note: Notification, seq: number}>} */
  #shown = new Map();

  /** @param {import("../state/store.js").Store} store @param {(path: string) => void} open @param {(chatId: number) => boolean} isWatched */
  constructor(store, open, isWatched) {
    this.#store = store;
    this.#open = open;
    this.#isWatched = isWatched;
    store.on("chats", () => this.#closeRead());
    addEventListener("focus", () => this.#claim());
    if (document.hasFocus()) this.#claim();
    else this.#queue();
  }

  /** A message that came just now. @param {import("../types.js").Message} message */
  message({ id, chat_id: chatId, seq, sender, content, reply_to: quote }) {
    const chat = this.#store.chats.get(chatId);
    const { me } = this.#store;
    if (
      !chat ||
      this.#store.blocked.has(sender.id) ||
      !rings(
        chat,
        chat.kind === "direct" || quote?.sender.id === me.id || mentions(content, me.username),
      )
    )
      return;
    const title =
      chat.kind === "direct"
        ? fullName(sender)
        : gettext("%(name)s in %(chat)s", { name: shortName(sender), chat: chat.title });
    this.#ring(chat, { id, seq }, title, content);
  }

  /** What the server says that it concerns us: also an edit that names us, an invitation. @param {import("../types.js").Notice} notice */
  told(notice) {
    const chat = this.#store.chats.get(notice.chat_id);
    if (!chat || !rings(chat, true)) return;
    this.#ring(
      chat,
      notice.message,
      `${fullName(notice.actor)} ${noticeWords(notice, chat.title)}`,
      notice.message?.content ?? "",
    );
  }

  /** @param {import("../types.js").Chat} chat @param {?{id: number, seq: number}} message @param {string} title @param {string} content */
  #ring(chat, message, title, content) {
    if (
      !this.#isOurs ||
      !notifies() ||
      this.#isWatched(chat.id) ||
      (message && this.#rung.has(message.id))
    )
      return;
    if (message) this.#rung.add(message.id);
    // One per chat: the newer one takes the older one's place.
    const options = {
      body: plainText(content).slice(0, 200),
      tag: `chat-${chat.id}`,
      renotify: true,
      silent: true,
    };
    const note = new Notification(title, options);
    this.#shown.set(chat.id, { note, seq: message?.seq ?? 0 });
    note.onclick = () => {
      focus();
      this.#open(placeOf(chat.id, message));
      note.close();
    };
  }

  /** A message does not concern us any more; where every message rings, it is still one. @param {import("../types.js").Notice} notice */
  takeBack({ chat_id: chatId, message }) {
    const chat = this.#store.chats.get(chatId);
    const shown = this.#shown.get(chatId);
    if (!message || shown?.seq !== message.seq || (chat && rings(chat, false))) return;
    shown.note.close();
    this.#shown.delete(chatId);
  }

  #closeRead() {
    for (const [chatId, { note, seq }] of this.#shown) {
      const chat = this.#store.chats.get(chatId);
      if (chat && chat.read_seq < seq) continue;
      if (chat && !seq && !this.#isWatched(chatId)) continue;
      note.close();
      this.#shown.delete(chatId);
    }
  }

  /** The lock passes to whichever tab is looked at; when that one goes, to one that waits. */
  #claim() {
    if (!this.#isOurs) this.#hold({ steal: true });
  }

  #queue() {
    if (this.#isQueued || !navigator.locks) return;
    this.#isQueued = true;
    this.#hold({});
  }

  /** @param {{steal?: boolean}} how */
  #hold(how) {
    const holding = navigator.locks.request(`webchat.rings.${this.#store.me.id}`, how, () => {
      this.#isOurs = true;
      if (!how.steal) this.#isQueued = false;
      return new Promise(() => {});
    });
    // Another tab has taken it.
    holding.catch(() => {
      this.#isOurs = false;
      this.#queue();
    });
  }
}
