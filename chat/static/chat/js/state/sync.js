/**
 * Brings what the server says into the store, in the order of revisions, and asks for what is missing.
 *
 * Emits "catching-up" ({chatId}) when it begins and ends, so that a hole can be seen while it is filled.
 */

import { Emitter } from "../base/emitter.js";
import { Revisions } from "./revisions.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("../net/gateway.js").Gateway} Gateway */

// Further behind than this, a chat is reloaded instead of caught up change by change.
const WORTH_SYNCING = { open: 2000, closed: 200 };
const AGAIN_MS = 2000;

export class Sync extends Emitter {
  #revisions = new Revisions();
  /** @type {Set<number>} */
  #catchingUp = new Set();
  /** While polling: how far each chat was known before. @type {Map<number, number>} */
  #liveAfter = new Map();
  #store;
  #gateway;

  /** @param {Store} store @param {Gateway} gateway */
  constructor(store, gateway) {
    super();
    this.#store = store;
    this.#gateway = gateway;
    for (const chat of store.chats.values()) this.#revisions.start(chat.id, chat.revision);
    gateway.on("online", () => this.#resume());
  }

  /** All chats as the server has them now; what was missed meanwhile is asked for. @param {any[]} chats @param {boolean} [isLive]  missed for seconds only */
  welcome(chats, isLive = false) {
    this.#liveAfter = new Map(
      isLive ? [...this.#store.chats.values()].map((chat) => [chat.id, chat.last_seq]) : [],
    );
    this.#store.replaceChats(chats);
    for (const chat of chats) this.#adopt(chat);
  }

  /** @param {any} chat */
  chatCreated(chat) {
    this.#store.add(chat);
    this.#adopt(chat);
  }

  /** @param {number} chatId */
  chatRemoved(chatId) {
    this.#revisions.forget(chatId);
    this.#store.remove(chatId);
  }

  /** Newer changes exist and are being read. @param {number} chatId */
  isBehind(chatId) {
    return this.#revisions.isBehind(chatId);
  }

  /** message.created, .edited, .deleted, .reacted. @param {any} event */
  applyEvent({ chat_id: chatId, revision, message }) {
    if (!this.#store.chats.has(chatId)) return;
    const place = this.#revisions.note(chatId, revision);
    if (place === "old") return;
    this.#store.upsert(message, this.#store.chats.get(chatId)?.last_seq);
    if (place === "gap") this.catchUp(chatId);
  }

  /** Changes that were sent unasked: the server's own hole, just filled. @param {any} page */
  applyChanges({ chat_id: chatId, after, revision, changes }) {
    const liveAfter = this.#store.chats.get(chatId)?.last_seq;
    for (const change of changes) this.#store.upsert(change.message, liveAfter);
    if (this.#revisions.known(chatId) >= after) this.#revisions.reached(chatId, revision);
    else this.#revisions.heard(chatId, revision);
    if (this.#revisions.isBehind(chatId)) this.catchUp(chatId);
  }

  /** @param {Record<string, number>} heads */
  hearHeads(heads) {
    for (const [chatId, revision] of Object.entries(heads)) this.hearHead(Number(chatId), revision);
  }

  /** @param {number} chatId @param {number} revision */
  hearHead(chatId, revision) {
    if (this.#revisions.heard(chatId, revision)) this.catchUp(chatId);
  }

  /** Asks page by page until nothing is missing. One at a time per chat. @param {number} chatId */
  async catchUp(chatId) {
    if (this.#catchingUp.has(chatId) || !this.#gateway.isOnline) return;
    this.#catchingUp.add(chatId);
    this.emit("catching-up", { chatId });
    try {
      while (this.#revisions.isBehind(chatId)) await this.#page(chatId);
    } catch (error) {
      const { retryAfterSeconds = 0 } = /** @type {import("../net/api.js").RequestError} */ (error);
      // Asked again soon, not before the server said, or as soon as there is a connection again.
      setTimeout(
        () => this.#revisions.isBehind(chatId) && this.catchUp(chatId),
        AGAIN_MS + retryAfterSeconds * 1000,
      );
    } finally {
      this.#catchingUp.delete(chatId);
      this.emit("catching-up", { chatId });
    }
  }

  /** @param {number} chatId */
  async #page(chatId) {
    const after = this.#revisions.known(chatId);
    const page = await this.#gateway.request("chat.sync", { chat_id: chatId, revision: after });
    for (const change of page.changes)
      this.#store.upsert(change.message, this.#liveAfter.get(chatId));
    this.#revisions.reached(chatId, page.revision);
    const isDone = !page.more && this.#revisions.known(chatId) <= after;
    if (isDone) this.#revisions.start(chatId, page.revision);
  }

  /**
   * Reads a page of messages. What changed while it was on its way is asked for again, since the page may
   * not have it yet.
   * @param {number} chatId @param {object} where  before_seq or around_seq
   */
  async readPage(chatId, where) {
    const before = this.#revisions.known(chatId);
    const page = await this.#gateway.request("chat.history", { chat_id: chatId, ...where });
    return {
      page,
      settle: () => {
        const now = this.#revisions.known(chatId);
        if (now === before || !this.#revisions.has(chatId)) return;
        this.#revisions.start(chatId, before);
        this.hearHead(chatId, now);
      },
    };
  }

  /** @param {any} chat */
  #adopt(chat) {
    const known = this.#revisions.known(chat.id);
    const most = this.#store.openChatId === chat.id ? WORTH_SYNCING.open : WORTH_SYNCING.closed;
    // While polling nothing else brings what is new, so it is asked for even in chats that were never opened.
    const isKept =
      (this.#store.windows.has(chat.id) || this.#liveAfter.has(chat.id)) &&
      this.#revisions.has(chat.id);
    if (isKept && chat.revision - known <= most) {
      this.hearHead(chat.id, chat.revision);
      return;
    }
    this.#store.dropWindow(chat.id);
    this.#revisions.start(chat.id, Math.max(known, chat.revision));
  }

  #resume() {
    for (const chatId of this.#revisions.behind()) this.catchUp(chatId);
  }
}
