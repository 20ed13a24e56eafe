/**
 * What this browser keeps over reloads, sign-outs and offline times: drafts, and messages that are not sent yet.
 * Where there is no storage, or no room in it, they live as long as the page.
 */

/** @typedef {import("./types.js").OutboxItem} OutboxItem */

/** @type {Map<string, string>} */
const homeless = new Map();

/** Values under names of their own, as JSON: two tabs never write over one another's. */
class Shelf {
  #prefix;

  /** @param {string} prefix */
  constructor(prefix) {
    this.#prefix = prefix;
  }

  get ids() {
    try {
      return Object.keys(localStorage).filter((key) => key.startsWith(this.#prefix)).map((key) => key.slice(this.#prefix.length));
    } catch {
      return [];
    }
  }

  /** @param {string|number} id @returns {any} null: nothing is kept */
  read(id) {
    const key = this.#prefix + id;
    try {
      return JSON.parse(homeless.get(key) ?? localStorage.getItem(key) ?? "null");
    } catch {
      return null;
    }
  }

  /** @param {string|number} id @param {any} value  null: forget it */
  write(id, value) {
    const key = this.#prefix + id;
    const text = JSON.stringify(value);
    homeless.delete(key);
    try {
      if (value) localStorage.setItem(key, text);
      else localStorage.removeItem(key);
    } catch {
      homeless.set(key, text);
    }
  }

  /** Another tab wrote. @param {(id: string) => void} listener */
  onOther(listener) {
    addEventListener("storage", ({ key }) => key?.startsWith(this.#prefix) && listener(key.slice(this.#prefix.length)));
  }
}

/**
 * @typedef {object} Draft
 * @property {string} text
 * @property {?import("./types.js").Quote} replyTo
 * @property {?import("./types.js").Message} editing
 * @property {?{text: string, replyTo: ?import("./types.js").Quote}} setAside  what was being written when the edit began
 * @property {import("./types.js").Attachment[]} attachments
 */

/** By chat. */
export class Drafts extends Shelf {
  /** @param {number} userId */
  constructor(userId) {
    super(`webchat.draft.${userId}.`);
  }

  /** @param {number} chatId @returns {Draft} */
  get(chatId) {
    return { text: "", replyTo: null, editing: null, setAside: null, attachments: [], ...this.read(chatId) };
  }

  /** @param {number} chatId @param {Partial<Draft>} changes */
  change(chatId, changes) {
    const draft = { ...this.get(chatId), ...changes };
    const isSomething = Object.values(draft).some((part) => (Array.isArray(part) ? part.length : part));
    this.write(chatId, isSomething ? draft : null);
  }
}

/** Unsent messages, by their client_message_id. */
export class OutboxStorage extends Shelf {
  /** @type {Map<string, OutboxItem>} */
  #items = new Map();

  /** @param {number} userId */
  constructor(userId) {
    super(`webchat.outbox.${userId}.`);
    for (const id of this.ids) this.#load(id);
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

  /** @param {string} id @returns {OutboxItem|undefined} */
  #load(id) {
    const item = this.read(id);
    if (!item?.client_message_id || !item.chat_id) return undefined;
    this.#items.set(id, item);
    return item;
  }
}
