/**
 * Sends what was written, in order, until the server has it: over reloads, offline times and restarts.
 *
 * Note [One sender]: each item belongs to the tab that wrote it, and a tab shows that it lives by holding
 * a lock of its name. Only the items of a tab that is gone are taken over, by one tab at a time. The
 * client_message_id makes even a second sending harmless.
 *
 * Emits "changed" ({chatId}), "saved" ({chatId, seq, revision}) when the server has one, and "refused" ({chatId}).
 */

import { Emitter } from "../base/emitter.js";
import { delayBefore } from "../base/backoff.js";
import { UnsentStorage } from "./unsent-storage.js";
import { asksFirst, inOrder, nextPlace, nextToSend } from "./unsent-queue.js";

/** @typedef {import("../types.js").UnsentMessage} UnsentMessage */

const tabLock = (/** @type {string} */ tab) => `webchat.tab.${tab}`;
const ADOPTION_LOCK = "webchat.adoption";
// A reply came but not the event that shows the message: the server's word is enough after this long.
const FORGET_SENT_MS = 60_000;

export class Unsent extends Emitter {
  tab = newId();
  #storage;
  #gateway;
  /** Being sent at this moment. @type {Set<string>} */
  #sending = new Set();
  /** @type {Map<number, number>} */
  #attempts = new Map();
  /** Chats that wait before they try again. @type {Set<number>} */
  #resting = new Set();

  /** @param {number} userId @param {import("../net/gateway.js").Gateway} gateway */
  constructor(userId, gateway) {
    super();
    this.#storage = new UnsentStorage(userId);
    this.#gateway = gateway;
    this.#storage.onOtherChat((chatId) => this.emit("changed", { chatId }));
    gateway.on("online", () => this.#wake());
    this.#holdTabLock();
  }

  /** What is on its way in a chat, in order. @param {number} chatId */
  of(chatId) {
    return inOrder(this.#storage.all().filter((item) => item.chat_id === chatId));
  }

  /** Written just now. @param {{chatId: number, content: string, replyTo: any, attachments: any[]}} message */
  add({ chatId, content, replyTo, attachments }) {
    const now = Date.now();
    /** @type {UnsentMessage} */
    const item = {
      client_message_id: newId(),
      chat_id: chatId,
      content,
      reply_to: replyTo,
      attachments,
      written_at: now,
      place: nextPlace(this.#storage.all(), now),
      tab: this.tab,
      state: "waiting",
      reason: null,
      seq: null,
    };
    this.#change(item);
    this.drain();
    return item;
  }

  /** The message is on the server: this tab has seen it. @param {string} clientMessageId */
  settle(clientMessageId) {
    const item = this.#storage.get(clientMessageId);
    if (!item) return;
    this.#storage.remove(clientMessageId);
    this.emit("changed", { chatId: item.chat_id });
    this.drain();
  }

  /** @param {UnsentMessage} item */
  retry(item) {
    this.#resting.delete(item.chat_id);
    this.#change({ ...item, tab: this.tab, state: "waiting", reason: null, wanted_at: Date.now() });
    this.drain();
  }

  /** @param {UnsentMessage} item */
  discard(item) {
    this.settle(item.client_message_id);
  }

  /** Chats with unsent messages. */
  get chatIds() {
    return new Set(this.#storage.all().map((item) => item.chat_id));
  }

  drain() {
    if (!this.#gateway.isOnline) return;
    this.#holdOld();
    for (const item of nextToSend(this.#storage.all(), this.tab)) {
      if (this.#sending.has(item.client_message_id) || this.#resting.has(item.chat_id)) continue;
      this.#send(item);
    }
  }

  /** Even in a page that stayed open: the machine may have been asleep. */
  #holdOld() {
    for (const item of this.#storage.all()) {
      const isOurs = item.tab === this.tab && !this.#sending.has(item.client_message_id);
      if (isOurs && asksFirst(item, Date.now())) this.#change({ ...item, state: "held" });
    }
  }

  /** @param {UnsentMessage} item */
  async #send(item) {
    const { client_message_id, chat_id, content, reply_to, attachments = [] } = item;
    this.#sending.add(client_message_id);
    try {
      const reply = await this.#gateway.request("message.send", {
        chat_id,
        client_message_id,
        content,
        ...(reply_to ? { reply_to: reply_to.id } : {}),
        ...(attachments.length ? { attachments: attachments.map(({ id }) => id) } : {}),
      });
      this.#attempts.delete(chat_id);
      this.#sent(client_message_id, reply.seq);
      this.emit("saved", { ...reply, chatId: chat_id });
    } catch (error) {
      this.#failed(client_message_id, /** @type {any} */ (error));
    } finally {
      this.#sending.delete(client_message_id);
    }
    this.drain();
  }

  /** @param {string} id @param {number} seq */
  #sent(id, seq) {
    const item = this.#storage.get(id);
    // The message itself may have been here before the reply.
    if (!item) return;
    this.#change({ ...item, state: "sent", seq });
    setTimeout(() => this.settle(id), FORGET_SENT_MS);
  }

  /** @param {string} id @param {import("../net/api.js").RequestError} error */
  #failed(id, error) {
    const item = this.#storage.get(id);
    if (!item) return;
    if (!error.isPassing) {
      this.#change({ ...item, state: "failed", reason: error.message });
      return this.emit("refused", { chatId: item.chat_id });
    }
    if (error.code === "offline" || error.code === "signed_out") return;
    const attempt = this.#attempts.get(item.chat_id) ?? 0;
    this.#attempts.set(item.chat_id, attempt + 1);
    this.#resting.add(item.chat_id);
    setTimeout(
      () => {
        this.#resting.delete(item.chat_id);
        this.drain();
      },
      delayBefore(attempt, (error.retryAfterSeconds ?? 0) * 1000),
    );
  }

  #wake() {
    this.#resting.clear();
    this.#attempts.clear();
    this.drain();
  }

  /** @param {UnsentMessage} item */
  #change(item) {
    this.#storage.put(item);
    this.emit("changed", { chatId: item.chat_id });
  }

  #holdTabLock() {
    if (!navigator.locks) return this.#adopt(new Set());
    navigator.locks.request(tabLock(this.tab), () => {
      this.#adoptOrphans();
      // A page that can send nothing any more leaves it to the others.
      return new Promise((letGo) => {
        this.#gateway.on("state", () => this.#gateway.isOver && letGo(null));
      });
    });
    document.addEventListener("visibilitychange", () => !document.hidden && this.#adoptOrphans());
    this.#gateway.on("online", () => this.#adoptOrphans());
  }

  #adoptOrphans() {
    if (this.#gateway.isOver) return;
    navigator.locks.request(ADOPTION_LOCK, async () => {
      const { held = [] } = await navigator.locks.query();
      this.#adopt(new Set(held.map((lock) => lock.name)));
    });
  }

  /** @param {Set<string|undefined>} heldLocks */
  #adopt(heldLocks) {
    const orphans = this.#storage
      .all()
      .filter((item) => item.tab !== this.tab && !heldLocks.has(tabLock(item.tab)));
    for (const item of orphans) {
      if (item.state === "sent") this.#storage.remove(item.client_message_id);
      else this.#change({ ...item, tab: this.tab });
    }
    this.drain();
  }
}

/** A random UUID, also where the page came over plain HTTP: there the browser's own function is missing. */
function newId() {
  // Of "1" comes any digit, of "8" one that says which kind of UUID it is.
  return "11111111-1111-4111-8111-111111111111".replace(/[18]/g, (digit) => {
    const [random] = crypto.getRandomValues(new Uint8Array(1));
    return (digit === "1" ? random & 15 : (random & 3) | 8).toString(16);
  });
}
