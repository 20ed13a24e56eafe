/**
 * Brings what the server says into the store, in the order of revisions, and asks for what is missing.
 *
 * Emits "catching-up" ({chatId, isOn}) so that a hole can be seen while it is filled.
 */

import { Emitter } from "./emitter.js";
import { Revisions } from "./revisions.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./gateway.js").Gateway} Gateway */

// Farther behind than this, a chat is read anew instead of change by change.
const WORTH_SYNCING = { open: 2000, closed: 200 };
const AGAIN_MS = 2000;

export class Sync extends Emitter {
  revisions = new Revisions();
  /** @type {Set<number>} */
  catchingUp = new Set();
  #store;
  #gateway;

  /** @param {Store} store @param {Gateway} gateway */
  constructor(store, gateway) {
    super();
    this.#store = store;
    this.#gateway = gateway;
    for (const chat of store.chats.values()) this.revisions.start(chat.id, chat.revision);
    gateway.on("online", () => this.#resume());
  }

  /** All chats as the server has them now; what was missed meanwhile is asked for. @param {any[]} chats */
  welcome(chats) {
    this.#store.replaceChats(chats);
    for (const chat of chats) this.#adopt(chat);
  }

  /** @param {any} chat */
  chatCreated(chat) {
    this.#store.add(chat);
    this.#adopt(chat);
  }

  /** message.created, .edited, .deleted, .reacted. @param {any} event */
  applyEvent({ chat_id: chatId, revision, message }) {
    if (!this.#store.chats.has(chatId)) return;
    const place = this.revisions.note(chatId, revision);
    if (place === "old") return;
    this.#store.upsert(message, { live: true });
    if (place === "gap") this.catchUp(chatId);
  }

  /** A page of changes, asked for or sent unasked. @param {any} page @param {{live?: boolean}} [how] */
  applyChanges({ chat_id: chatId, after, revision, changes }, how) {
    for (const change of changes) this.#store.upsert(change.message, how);
    if (this.revisions.known(chatId) >= after) this.revisions.reached(chatId, revision);
    else this.revisions.heard(chatId, revision);
    if (this.revisions.isBehind(chatId)) this.catchUp(chatId);
  }

  /** @param {Record<string, number>} heads */
  hearHeads(heads) {
    for (const [chatId, revision] of Object.entries(heads)) this.hearHead(Number(chatId), revision);
  }

  /** @param {number} chatId @param {number} revision */
  hearHead(chatId, revision) {
    if (this.revisions.heard(chatId, revision)) this.catchUp(chatId);
  }

  /** Asks page by page until nothing is missing. One at a time per chat. @param {number} chatId */
  async catchUp(chatId) {
    if (this.catchingUp.has(chatId) || !this.#gateway.isOnline) return;
    this.#mark(chatId, true);
    try {
      while (this.revisions.isBehind(chatId)) await this.#page(chatId);
    } catch {
      // Asked again soon, or as soon as there is a connection.
      setTimeout(() => this.revisions.isBehind(chatId) && this.catchUp(chatId), AGAIN_MS);
    } finally {
      this.#mark(chatId, false);
    }
  }

  /** @param {number} chatId */
  async #page(chatId) {
    const after = this.revisions.known(chatId);
    const page = await this.#gateway.request("chat.sync", { chat_id: chatId, revision: after });
    for (const change of page.changes) this.#store.upsert(change.message);
    this.revisions.reached(chatId, page.revision);
    const isDone = !page.more && this.revisions.known(chatId) <= after;
    if (isDone) this.revisions.start(chatId, page.revision);
  }

  /**
   * Reads a page of messages. What changed while it was on its way is asked for again, since the page may
   * not have it yet.
   * @param {number} chatId @param {object} where  before_seq or around_seq
   */
  async readPage(chatId, where) {
    const before = this.revisions.known(chatId);
    const page = await this.#gateway.request("chat.history", { chat_id: chatId, ...where });
    return {
      page,
      settle: () => {
        const now = this.revisions.known(chatId);
        if (now === before || !this.revisions.has(chatId)) return;
        this.revisions.start(chatId, before);
        this.hearHead(chatId, now);
      },
    };
  }

  /** @param {any} chat */
  #adopt(chat) {
    const known = this.revisions.known(chat.id);
    const most = this.#store.openChatId === chat.id ? WORTH_SYNCING.open : WORTH_SYNCING.closed;
    const isKept = this.#store.windows.has(chat.id) && this.revisions.has(chat.id);
    if (isKept && chat.revision - known <= most) {
      this.hearHead(chat.id, chat.revision);
      return;
    }
    this.#store.dropWindow(chat.id);
    this.revisions.start(chat.id, Math.max(known, chat.revision));
  }

  #resume() {
    for (const chatId of this.revisions.behind()) this.catchUp(chatId);
  }

  /** @param {number} chatId @param {boolean} isOn */
  #mark(chatId, isOn) {
    if (isOn) this.catchingUp.add(chatId);
    else this.catchingUp.delete(chatId);
    this.emit("catching-up", { chatId, isOn });
  }
}
