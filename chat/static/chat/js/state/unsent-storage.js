/** Unsent messages, kept in this browser until the server has them. */

import { Shelf } from "../base/shelf.js";

/** @typedef {import("../types.js").UnsentMessage} UnsentMessage */

/** Unsent messages, by their client_message_id. */
export class UnsentStorage extends Shelf {
  /** @type {Map<string, UnsentMessage>} */
  #items = new Map();

  /** @param {number} userId */
  constructor(userId) {
    // The name under which browsers have kept them from the first version on.
    super(`webchat.outbox.${userId}.`);
    for (const id of this.ids) this.#load(id);
  }

  /** @returns {UnsentMessage[]} */
  all() {
    return [...this.#items.values()];
  }

  /** @param {string} id */
  get(id) {
    return this.#items.get(id);
  }

  /** @param {UnsentMessage} item */
  put(item) {
    this.#items.set(item.client_message_id, item);
    this.write(item.client_message_id, item);
  }

  /** @param {string} id */
  remove(id) {
    this.#items.delete(id);
    this.write(id, null);
  }

  /** Another tab wrote. @param {(chatId: number) => void} listener */
  onOtherChat(listener) {
    this.onOther((id) => {
      const before = this.#items.get(id);
      this.#items.delete(id);
      listener((this.#load(id) ?? before)?.chat_id ?? 0);
    });
  }

  /** @param {string} id @returns {UnsentMessage|undefined} */
  #load(id) {
    const item = this.read(id);
    if (!item?.client_message_id || !item.chat_id) return undefined;
    this.#items.set(id, item);
    return item;
  }
}
