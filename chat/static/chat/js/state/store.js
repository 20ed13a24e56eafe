/**
 * What this tab knows: the person, the chats, parts of their messages. The only place that changes them.
 *
 * Emits: "chats" (the list may look different), "messages" ({chatId, fresh}: the part in memory changed;
 * fresh are new messages of others that came live), "status" ({chatId}: cursors moved), "removed" ({chatId}).
 */

import { Emitter } from "../base/emitter.js";
import { MessageWindow } from "./message-window.js";
import { isQuiet } from "./notify-level.js";

/** @typedef {import("../types.js").Chat} Chat */
/** @typedef {import("../types.js").ChatFields} ChatFields */
/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../types.js").MessageFields} MessageFields */
/**
 * @template T
 * @typedef {import("../types.js").Held<T>} Held
 */
/** @typedef {{messages: MessageFields[], before_more: boolean, after_more: boolean}} Page */
/**
 * What others see of a MessageWindow.
 * @typedef {{readonly messages: readonly Message[], readonly beforeMore: boolean, readonly afterMore: boolean,
 *   readonly firstSeq: number, readonly lastSeq: number}} View
 */

// Other chats' messages are kept for an instant return, the least recently opened go first.
const WINDOWS_KEPT = 12;
const KEPT_WHEN_CLOSED = 60;

export class Store extends Emitter {
  /** @type {Held<import("../types.js").Person>} */
  me;
  /** @type {{readonly content: number, readonly upload: number}} */
  limits;
  /** @type {Map<number, ChatFields>} */
  #chats = new Map();
  /** @type {Map<number, MessageWindow>} */
  #windows = new Map();
  /** @type {Set<number>} */
  #online = new Set();
  /** @type {Set<number>} */
  #blocked;
  #openChatId = 0;

  /** @param {{user: any, limits: any, chats: ChatFields[], blocked: number[]}} start */
  constructor(start) {
    super();
    this.me = start.user;
    this.limits = start.limits;
    this.#blocked = new Set(start.blocked);
    for (const chat of start.chats) this.#put(chat);
  }

  /** @returns {ReadonlyMap<number, Chat>} */
  get chats() {
    return this.#chats;
  }

  /** The parts of chats that are in memory. @returns {ReadonlyMap<number, View>} */
  get windows() {
    return this.#windows;
  }

  /** @returns {ReadonlySet<number>} */
  get online() {
    return this.#online;
  }

  /** Whom this person has blocked. @returns {ReadonlySet<number>} */
  get blocked() {
    return this.#blocked;
  }

  get openChatId() {
    return this.#openChatId;
  }

  /** @param {number} chatId  0: none */
  setOpen(chatId) {
    this.#openChatId = chatId;
  }

  /** The chats as the server has them now, all of them. @param {ChatFields[]} chats */
  replaceChats(chats) {
    const present = new Set(chats.map((chat) => chat.id));
    this.#online.clear();
    for (const chatId of [...this.#chats.keys()]) if (!present.has(chatId)) this.remove(chatId);
    for (const chat of chats) this.#put(chat);
    this.emit("chats");
    for (const chat of chats) this.emit("status", { chatId: chat.id });
  }

  /** @param {ChatFields} chat */
  add(chat) {
    this.#put(chat);
    this.emit("chats");
    this.emit("status", { chatId: chat.id });
  }

  /** @param {number} chatId */
  remove(chatId) {
    if (!this.#chats.delete(chatId)) return;
    this.#windows.delete(chatId);
    this.emit("removed", { chatId });
    this.emit("chats");
  }

  /** @param {number} chatId @param {Partial<ChatFields>} fields */
  update(chatId, fields) {
    const chat = this.#chats.get(chatId);
    if (!chat) return;
    Object.assign(chat, fields);
    this.emit("chats");
    this.emit("status", { chatId });
  }

  /**
   * Also said when somebody's role changes.
   * @param {{chat_id: number, user: import("../types.js").Person, role: Chat["role"], joined_at: string, member_count: number}} event
   */
  memberJoined({ chat_id: chatId, user, role, joined_at: joinedAt, member_count: count }) {
    const chat = this.#chats.get(chatId);
    if (!chat) return;
    const isMe = user.id === this.me.id;
    const isKnown = isMe || user.is_bot || chat.cursors.some((one) => one.user_id === user.id);
    const cursors = isKnown ? chat.cursors : [...chat.cursors, newCursor(user.id, joinedAt)];
    this.update(chatId, { member_count: count, cursors, ...(isMe ? { role } : {}) });
  }

  /** @param {{chat_id: number, user_id: number, member_count: number}} event */
  memberLeft({ chat_id: chatId, user_id: userId, member_count: count }) {
    const chat = this.#chats.get(chatId);
    if (!chat) return;
    const cursors = chat.cursors.filter((one) => one.user_id !== userId);
    this.update(chatId, { member_count: count, cursors });
  }

  /** Somebody has another name, wherever it stands. @param {import("../types.js").Person} user */
  rename(user) {
    const named = (/** @type {any} */ shown) => {
      if (shown?.sender.id === user.id) shown.sender = user;
    };
    for (const chat of this.#chats.values()) {
      if (chat.peer?.id === user.id) Object.assign(chat, { peer: user, title: user.name });
      named(chat.last_message);
      for (const message of this.#windows.get(chat.id)?.messages ?? []) {
        named(message);
        named(message.reply_to);
      }
      this.emit("messages", { chatId: chat.id, fresh: [] });
    }
    this.emit("chats");
  }

  /** Newest first. @returns {Chat[]} */
  get orderedChats() {
    const moment = (/** @type {Chat} */ chat) => chat.last_message?.created_at ?? chat.created_at;
    return [...this.#chats.values()].sort((a, b) => (moment(a) < moment(b) ? 1 : -1));
  }

  /** @param {number} chatId @param {Page} page */
  openWindow(chatId, page) {
    this.#windows.delete(chatId);
    this.#windows.set(chatId, new MessageWindow(page));
    this.#forgetWindows();
    this.emit("messages", { chatId, fresh: [] });
  }

  /** @param {number} chatId */
  closeWindow(chatId) {
    const window = this.#windows.get(chatId);
    if (!window) return;
    if (window.afterMore) this.#windows.delete(chatId);
    else window.dropOlder(KEPT_WHEN_CLOSED);
  }

  /**
   * A page that follows at one end of the part in memory; at the other end what is too much goes.
   * @param {number} chatId @param {"older"|"newer"} end @param {Page} page @param {number} most
   */
  extendWindow(chatId, end, page, most) {
    const window = this.#windows.get(chatId);
    if (end === "older") window?.addOlder(page);
    else window?.addNewer(page);
    this.trimWindow(chatId, end === "older" ? "newer" : "older", most);
  }

  /** @param {number} chatId @param {"older"|"newer"} end  that goes @param {number} most  what stays */
  trimWindow(chatId, end, most) {
    const window = this.#windows.get(chatId);
    if (end === "older") window?.dropOlder(most);
    else window?.dropNewer(most);
  }

  /** @param {number} chatId */
  dropWindow(chatId) {
    this.#windows.delete(chatId);
  }

  /**
   * A message's newest state. Harmless when it is not new.
   * @param {MessageFields} message @param {number} [liveAfter]  what has a greater seq was written just now
   */
  upsert(message, liveAfter = Infinity) {
    const chat = this.#chats.get(message.chat_id);
    if (!chat) return;
    const isFresh = message.seq > Math.max(liveAfter, chat.read_seq);
    const isOwn = message.sender.id === this.me.id;
    if (message.seq >= chat.last_seq) this.#summarise(chat, message);
    // Anyone who writes has read what came before.
    if (isOwn && chat.read_seq === message.seq - 1) chat.read_seq = message.seq;
    chat.unread = Math.max(0, chat.last_seq - chat.read_seq);
    this.#show(message);
    this.emit("messages", { chatId: chat.id, fresh: isFresh && !isOwn ? [message] : [] });
    this.emit("chats");
  }

  /** Someone's cursors (one's own come from another device), or a message that failed. @param {any} status */
  applyStatus({
    chat_id: chatId,
    user_id: userId,
    published_seq,
    delivered_seq,
    read_seq,
    message_id: messageId,
    error,
  }) {
    const chat = this.#chats.get(chatId);
    if (!chat) return;
    if (messageId) chat.errors = { ...chat.errors, [messageId]: error };
    if (published_seq) chat.published_seq = Math.max(chat.published_seq, published_seq);
    if (userId === this.me.id) this.markRead(chatId, read_seq ?? 0);
    else if (userId) forward(cursorOf(chat, userId), { delivered_seq, read_seq });
    this.emit("status", { chatId });
  }

  /** Only forward. @param {number} chatId @param {number} seq */
  markRead(chatId, seq) {
    const chat = this.#chats.get(chatId);
    if (!chat || seq <= chat.read_seq) return false;
    chat.read_seq = Math.min(seq, chat.last_seq);
    chat.unread = Math.max(0, chat.last_seq - chat.read_seq);
    this.emit("chats");
    return true;
  }

  /** @param {number} userId @param {boolean} isOnline */
  setOnline(userId, isOnline) {
    if (isOnline) this.#online.add(userId);
    else this.#online.delete(userId);
    this.emit("chats");
    for (const chat of this.#chats.values())
      if (chat.peer?.id === userId) this.emit("status", { chatId: chat.id });
  }

  /** Whom this person has blocked, all of them. @param {number[]} userIds */
  replaceBlocked(userIds) {
    this.#blocked = new Set(userIds);
  }

  /** @param {number} userId @param {boolean} isBlocked */
  setBlocked(userId, isBlocked) {
    if (isBlocked) this.#blocked.add(userId);
    else this.#blocked.delete(userId);
    this.emit("chats");
  }

  /** Part of a change that listeners are being told of already: emits nothing. @param {(chat: Chat) => boolean} isMeant */
  forgetMentions(isMeant) {
    for (const chat of this.#chats.values()) if (isMeant(chat)) chat.mentions = 0;
  }

  /** What is worth coming to this tab for; of a quiet chat only what concerns the person. */
  get unreadTotal() {
    let total = 0;
    for (const chat of this.#chats.values()) total += isQuiet(chat) ? chat.mentions : chat.unread;
    return total;
  }

  get mentionsTotal() {
    let total = 0;
    for (const chat of this.#chats.values()) total += chat.mentions;
    return total;
  }

  /** @param {ChatFields} chat */
  #put(chat) {
    const before = this.#chats.get(chat.id);
    // What was read here a moment ago may not have reached the server yet.
    let read = Math.max(chat.read_seq, before?.read_seq ?? 0);
    if (read === chat.last_seq - 1 && chat.last_message?.sender.id === this.me.id)
      read = chat.last_seq;
    this.#chats.set(chat.id, {
      ...chat,
      read_seq: read,
      unread: Math.max(0, chat.last_seq - read),
    });
    for (const userId of chat.present) this.#online.add(userId);
  }

  /** @param {ChatFields} chat @param {MessageFields} message */
  #summarise(chat, message) {
    chat.last_seq = message.seq;
    const { seq, sender, created_at, deleted, hidden } = message;
    const content = [...message.content.slice(0, 240)].slice(0, 120).join("");
    chat.last_message = {
      seq,
      sender,
      created_at,
      deleted,
      hidden,
      content,
      attachment: message.attachments?.[0],
    };
  }

  /** @param {MessageFields} message */
  #show(message) {
    const window = this.#windows.get(message.chat_id);
    window?.upsert(message);
    if (message.chat_id !== this.#openChatId) window?.dropOlder(KEPT_WHEN_CLOSED);
  }

  #forgetWindows() {
    for (const chatId of this.#windows.keys()) {
      if (this.#windows.size <= WINDOWS_KEPT) return;
      if (chatId !== this.#openChatId) this.#windows.delete(chatId);
    }
  }
}

/**
 * Of someone who has just joined, by the server's clock: this machine's may be wrong. "" while it is unknown.
 * @param {number} userId @param {string} [joinedAt] @returns {import("../types.js").Cursor}
 */
function newCursor(userId, joinedAt = "") {
  return { user_id: userId, joined_at: joinedAt, delivered_seq: 0, read_seq: 0 };
}

/** @param {ChatFields} chat @param {number} userId */
function cursorOf(chat, userId) {
  let cursor = chat.cursors.find((one) => one.user_id === userId);
  if (!cursor) chat.cursors.push((cursor = newCursor(userId)));
  return cursor;
}

/** @param {import("../types.js").Cursor} cursor @param {{delivered_seq?: number, read_seq?: number}} to */
function forward(cursor, { delivered_seq = 0, read_seq }) {
  cursor.delivered_seq = Math.max(cursor.delivered_seq, delivered_seq);
  if (read_seq !== undefined) cursor.read_seq = Math.max(cursor.read_seq ?? 0, read_seq);
}
