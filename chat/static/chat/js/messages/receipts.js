/**
 * Tells the server what has arrived here and what was read: cumulative, only forward, batched.
 *
 * Read means: the page is visible and has the focus, and the message was on screen for half a second.
 */

const JOIN_MS = 1000;
const SEEN_MS = 500;

/** @typedef {{delivered_seq?: number, read_seq?: number}} Cursors */

export class Receipts {
  #store;
  #gateway;
  #timeline;
  /** By chat. @type {Map<number, Cursors>} */
  #waiting = new Map();
  /** What the server was told, so that it is told once. @type {Map<number, Cursors>} */
  #told = new Map();
  #timer = 0;
  #seenTimer = 0;

  /** @param {import("../state/store.js").Store} store @param {import("../net/gateway.js").Gateway} gateway @param {import("./timeline.js").Timeline} timeline */
  constructor(store, gateway, timeline) {
    this.#store = store;
    this.#gateway = gateway;
    this.#timeline = timeline;
    timeline.on("scrolled", () => this.look());
    timeline.on("drawn", () => this.look());
    addEventListener("focus", () => this.look());
    document.addEventListener("visibilitychange", () => this.look());
    gateway.on("online", () => this.#everything());
  }

  /** A chat's messages are here up to its last one. @param {number} chatId */
  delivered(chatId) {
    const chat = this.#store.chats.get(chatId);
    if (
      !chat ||
      chat.last_seq <= Math.max(chat.delivered_seq, this.#told.get(chatId)?.delivered_seq ?? 0)
    )
      return;
    this.#wait(chatId, { delivered_seq: chat.last_seq });
  }

  /** Whether someone is looking, and nothing lies over the messages. */
  get isWatched() {
    return !document.hidden && document.hasFocus() && this.#timeline.isVisible;
  }

  /** Something came into view: if it is still there in half a second, it is read. */
  look() {
    // Half a second from the first look: what keeps changing must not put it off for ever.
    if (this.#seenTimer) return;
    const chatId = this.#store.openChatId;
    const chat = this.#store.chats.get(chatId);
    if (!chat || !this.isWatched) return;
    const seen = this.#timeline.newestSeenSeq();
    const told = Math.max(
      this.#told.get(chatId)?.read_seq ?? 0,
      this.#waiting.get(chatId)?.read_seq ?? 0,
    );
    if (seen <= chat.read_seq && seen <= told) return;
    this.#seenTimer = setTimeout(() => {
      this.#seenTimer = 0;
      if (this.isWatched && this.#store.openChatId === chatId)
        this.read(chatId, Math.min(seen, this.#timeline.newestSeenSeq()));
      this.look();
    }, SEEN_MS);
  }

  /** @param {number} chatId @param {number} seq */
  read(chatId, seq) {
    const told = this.#told.get(chatId)?.read_seq ?? 0;
    if (!seq || seq <= told) return;
    this.#store.markRead(chatId, seq);
    this.#wait(chatId, { read_seq: seq });
  }

  /** Whoever writes has read what stands above, unless more came while it waited to go. @param {number} chatId @param {number} seq */
  wrote(chatId, seq) {
    if (Number(this.#store.chats.get(chatId)?.read_seq) >= seq - 1) this.read(chatId, seq);
  }

  /** @param {number} chatId @param {Cursors} cursors */
  #wait(chatId, cursors) {
    raise(this.#waiting, chatId, cursors);
    this.#timer ||= setTimeout(() => this.#flush(), JOIN_MS);
  }

  #flush() {
    this.#timer = 0;
    if (!this.#gateway.isOnline) return;
    for (const [chatId, cursors] of this.#waiting) {
      if (!this.#gateway.tell("receipt", { chat_id: chatId, ...cursors })) continue;
      raise(this.#told, chatId, cursors);
      this.#waiting.delete(chatId);
    }
  }

  /** After a break the server may have missed what it was told. */
  #everything() {
    this.#told.clear();
    for (const chatId of this.#store.chats.keys()) this.delivered(chatId);
    this.#timer ||= setTimeout(() => this.#flush(), JOIN_MS);
    this.look();
  }
}

/** Only forward. @param {Map<number, any>} chats @param {number} chatId @param {Cursors} cursors */
function raise(chats, chatId, cursors) {
  const known = { ...chats.get(chatId) };
  for (const [name, seq] of Object.entries(cursors)) known[name] = Math.max(known[name] ?? 0, seq);
  chats.set(chatId, known);
}
