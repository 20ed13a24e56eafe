/**
 * Unsent messages in localStorage: one entry each, so that two tabs never write over one another.
 * When the browser has no room or no storage, they live as long as the page.
 */

/** @typedef {import("./types.js").OutboxItem} OutboxItem */

export class OutboxStorage {
  #prefix;
  /** @type {Map<string, OutboxItem>} */
  #items = new Map();

  /** @param {number} userId */
  constructor(userId) {
    this.#prefix = `webchat.outbox.${userId}.`;
    try {
      for (const key of Object.keys(localStorage)) this.#load(key);
    } catch {
      // No storage: this page's own memory has to do.
    }
  }

  /** @returns {OutboxItem[]} */
  all() {
    return [...this.#items.values()];
  }

  /** @param {string} id */
  get(id) {
    return this.#items.get(id);
  }

  /** @param {OutboxItem} item */
  put(item) {
    this.#items.set(item.client_message_id, item);
    try {
      localStorage.setItem(this.#prefix + item.client_message_id, JSON.stringify(item));
    } catch {
      // Full, or switched off.
    }
  }

  /** @param {string} id */
  remove(id) {
    this.#items.delete(id);
    try {
      localStorage.removeItem(this.#prefix + id);
    } catch {
      // Switched off.
    }
  }

  /** Another tab wrote. @param {(chatId: number) => void} listener */
  onOther(listener) {
    addEventListener("storage", ({ key }) => {
      if (!key?.startsWith(this.#prefix)) return;
      const before = this.#items.get(key.slice(this.#prefix.length));
      this.#items.delete(key.slice(this.#prefix.length));
      const after = this.#load(key);
      listener((after ?? before)?.chat_id ?? 0);
    });
  }

  /** @param {string} key */
  #load(key) {
    if (!key.startsWith(this.#prefix)) return undefined;
    try {
      const item = JSON.parse(localStorage.getItem(key) ?? "");
      if (!item.client_message_id || !item.chat_id) return undefined;
      this.#items.set(item.client_message_id, item);
      return item;
    } catch {
      return undefined;
    }
  }
}
