/**
 * What this tab knows: the person, the chats, parts of their messages. The only place that changes them.
 *
 * Emits: "chats" (the list may look different), "messages" ({chatId, fresh}: the part in memory changed;
 * fresh are new messages of others that came live), "status" ({chatId}: cursors moved), "removed" ({chatId}).
 */

import { Emitter } from "./emitter.js";
import { MessageWindow } from "./message-window.js";
import { isQuiet } from "./notify-level.js";

/** @typedef {import("./types.js").Chat} Chat */
/** @typedef {import("./types.js").Message} Message */

// Other chats' messages are kept for an instant return, the least recently opened go first.
const WINDOWS_KEPT = 12;
const KEPT_WHEN_CLOSED = 60;

export class Store extends Emitter {
  /** @type {import("./types.js").Person} */
  me;
  /** @type {{content: number, upload: number}} */
  limits;
  /** @type {Map<number, Chat>} */
  chats = new Map();
  /** @type {Map<number, MessageWindow>} */
  windows = new Map();
  /** @type {Set<number>} */
  online = new Set();
  /** Whom this person has blocked. @type {Set<number>} */
  blocked;
  openChatId = 0;

  /** @param {{user: any, limits: any, chats: Chat[], blocked: number[]}} start */
  constructor(start) {
    super();
    this.me = start.user;
    this.limits = start.limits;
    this.blocked = new Set(start.blocked);
    for (const chat of start.chats) this.#put(chat);
  }

  /** The chats as the server has them now, all of them. @param {Chat[]} chats */
  replaceChats(chats) {
    const present = new Set(chats.map((chat) => chat.id));
    this.online.clear();
    for (const chatId of [...this.chats.keys()]) if (!present.has(chatId)) this.remove(chatId);
    for (const chat of chats) this.#put(chat);
    this.emit("chats");
    for (const chat of chats) this.emit("status", { chatId: chat.id });
  }

  /** @param {Chat} chat */
  add(chat) {
    this.#put(chat);
    this.emit("chats");
    this.emit("status", { chatId: chat.id });
  }

  /** @param {number} chatId */
  remove(chatId) {
    if (!this.chats.delete(chatId)) return;
    this.windows.delete(chatId);
    this.emit("removed", { chatId });
    this.emit("chats");
  }

  /** @param {number} chatId @param {Partial<Chat>} fields */
  update(chatId, fields) {
    const chat = this.chats.get(chatId);
    if (!chat) return;
    Object.assign(chat, fields);
    this.emit("chats");
    this.emit("status", { chatId });
  }

  /** Somebody has another name, wherever it stands. @param {import("./types.js").Person} user */
  rename(user) {
    const named = (/** @type {any} */ shown) => {
      if (shown?.sender.id === user.id) shown.sender = user;
    };
    for (const chat of this.chats.values()) {
      if (chat.peer?.id === user.id) Object.assign(chat, { peer: user, title: user.name });
      named(chat.last_message);
      for (const message of this.windows.get(chat.id)?.messages ?? []) {
        named(message);
        named(message.reply_to);
      }
      this.emit("messages", { chatId: chat.id, fresh: [] });
    }
    this.emit("chats");
  }

  /** Newest first. */
  get orderedChats() {
    const moment = (/** @type {Chat} */ chat) => chat.last_message?.created_at ?? chat.created_at;
    return [...this.chats.values()].sort((a, b) => (moment(a) < moment(b) ? 1 : -1));
  }

  /** @param {number} chatId @param {{messages: Message[], before_more: boolean, after_more: boolean}} page */
  openWindow(chatId, page) {
    const window = new MessageWindow(page);
    this.windows.delete(chatId);
    this.windows.set(chatId, window);
    this.#forgetWindows();
    this.emit("messages", { chatId, fresh: [] });
    return window;
  }

  /** @param {number} chatId */
  closeWindow(chatId) {
    const window = this.windows.get(chatId);
    if (!window) return;
    if (window.afterMore) this.windows.delete(chatId);
    else window.dropOlder(KEPT_WHEN_CLOSED);
  }

  /** @param {number} chatId */
  dropWindow(chatId) {
    this.windows.delete(chatId);
  }

  /**
   * A message's newest state. Harmless when it is not new.
   * @param {Message} message @param {number} [liveAfter]  what has a greater seq was written just now
   */
  upsert(message, liveAfter = Infinity) {
    const chat = this.chats.get(message.chat_id);
    if (!chat) return;
    const isFresh = message.seq > Math.max(liveAfter, chat.read_seq);
    const isOwn = message.sender.id === this.me.id;
    if (message.seq >= chat.last_seq) this.#summarise(chat, message);
    // Whoever writes has read what stood there.
    if (isOwn && chat.read_seq === message.seq - 1) chat.read_seq = message.seq;
    chat.unread = Math.max(0, chat.last_seq - chat.read_seq);
    this.#show(message);
    this.emit("messages", { chatId: chat.id, fresh: isFresh && !isOwn ? [message] : [] });
    this.emit("chats");
  }

  /** Someone's cursors (one's own come from another device), or a message that failed. @param {any} status */
  applyStatus({ chat_id: chatId, user_id: userId, published_seq, delivered_seq, read_seq, message_id: messageId, error }) {
    const chat = this.chats.get(chatId);
    if (!chat) return;
    if (messageId) chat.errors = { ...chat.errors, [messageId]: error };
    if (published_seq) chat.published_seq = Math.max(chat.published_seq, published_seq);
    if (userId === this.me.id) this.markRead(chatId, read_seq ?? 0);
    else if (userId) forward(cursorOf(chat, userId), { delivered_seq, read_seq });
    this.emit("status", { chatId });
  }

  /** Only forward. @param {number} chatId @param {number} seq */
  markRead(chatId, seq) {
    const chat = this.chats.get(chatId);
    if (!chat || seq <= chat.read_seq) return false;
    chat.read_seq = Math.min(seq, chat.last_seq);
    chat.unread = Math.max(0, chat.last_seq - chat.read_seq);
    this.emit("chats");
    return true;
  }

  /** @param {number} userId @param {boolean} isOnline */
  setOnline(userId, isOnline) {
    if (isOnline) this.online.add(userId);
    else this.online.delete(userId);
    this.emit("chats");
    for (const chat of this.chats.values()) if (chat.peer?.id === userId) this.emit("status", { chatId: chat.id });
  }

  /** @param {number} userId @param {boolean} isBlocked */
  setBlocked(userId, isBlocked) {
    if (isBlocked) this.blocked.add(userId);
    else this.blocked.delete(userId);
    this.emit("chats");
  }

  /** What is worth looking here for; of a quiet chat only what concerns oneself. */
  get unreadTotal() {
    let total = 0;
    for (const chat of this.chats.values()) total += isQuiet(chat) ? chat.mentions : chat.unread;
    return total;
  }

  get mentionsTotal() {
    let total = 0;
    for (const chat of this.chats.values()) total += chat.mentions;
    return total;
  }

  /** @param {Chat} chat */
  #put(chat) {
    const before = this.chats.get(chat.id);
    // What was read here a moment ago may not have reached the server yet.
    let read = Math.max(chat.read_seq, before?.read_seq ?? 0);
    if (read === chat.last_seq - 1 && chat.last_message?.sender.id === this.me.id) read = chat.last_seq;
    this.chats.set(chat.id, { ...chat, read_seq: read, unread: Math.max(0, chat.last_seq - read) });
    for (const userId of chat.present) this.online.add(userId);
  }

  /** @param {Chat} chat @param {Message} message */
  #summarise(chat, message) {
    chat.last_seq = message.seq;
    const { seq, sender, created_at, deleted, hidden } = message;
    const content = [...message.content.slice(0, 240)].slice(0, 120).join("");
    chat.last_message = { seq, sender, created_at, deleted, hidden, content, attachment: message.attachments?.[0] };
  }

  /** @param {Message} message */
  #show(message) {
    const window = this.windows.get(message.chat_id);
    window?.upsert(message);
    if (message.chat_id !== this.openChatId) window?.dropOlder(KEPT_WHEN_CLOSED);
  }

  #forgetWindows() {
    for (const chatId of this.windows.keys()) {
      if (this.windows.size <= WINDOWS_KEPT) return;
      if (chatId !== this.openChatId) this.windows.delete(chatId);
    }
  }
}

/**
 * Of someone who has just come, by the server's clock: this machine's may be wrong. Not known yet: "".
 * @param {number} userId @param {string} [joinedAt] @returns {import("./types.js").Cursor}
 */
export function newCursor(userId, joinedAt = "") {
  return { user_id: userId, joined_at: joinedAt, delivered_seq: 0, read_seq: 0 };
}

/** @param {Chat} chat @param {number} userId */
function cursorOf(chat, userId) {
  let cursor = chat.cursors.find((one) => one.user_id === userId);
  if (!cursor) chat.cursors.push((cursor = newCursor(userId)));
  return cursor;
}

/** @param {import("./types.js").Cursor} cursor @param {{delivered_seq?: number, read_seq?: number}} to */
function forward(cursor, { delivered_seq = 0, read_seq }) {
  cursor.delivered_seq = Math.max(cursor.delivered_seq, delivered_seq);
  if (read_seq !== undefined) cursor.read_seq = Math.max(cursor.read_seq ?? 0, read_seq);
}
