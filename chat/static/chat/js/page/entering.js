/** The ways into a chat: writing to somebody, joining, making one, accepting an invitation. */

import { api } from "../net/api.js";
import { orSay } from "../dom/toasts.js";
import { later } from "../dom/later.js";

/** @typedef {import("../types.js").Chat} Chat */

const chatDialogs = () => import("../chats/chat-dialogs.js");

export class Entering {
  #store;
  #sync;
  #safety;
  #go;

  /**
   * @param {{store: import("../state/store.js").Store, sync: import("../state/sync.js").Sync,
   *   safety: import("./safety.js").Safety, go: (path: string) => void}} parts
   */
  constructor({ store, sync, safety, go }) {
    this.#store = store;
    this.#sync = sync;
    this.#safety = safety;
    this.#go = go;
  }

  /** @param {number} chatId */
  open(chatId) {
    this.#go(`/chats/${chatId}`);
  }

  /** A chat that may be new to us, and is shown now. @param {Chat} chat */
  enter(chat) {
    if (!this.#store.chats.has(chat.id)) this.#sync.chatCreated(chat);
    this.open(chat.id);
  }

  /** @param {{id: number, name: string}} person @returns {Promise<void>} */
  async writeTo(person) {
    const known = [...this.#store.chats.values()].find((chat) => chat.peer?.id === person.id);
    if (known) return this.open(known.id);
    if (this.#store.blocked.has(person.id)) {
      return this.#safety.unblockToWrite(person, () => this.writeTo(person));
    }
    await this.#ask("chats/direct", { user_id: person.id });
  }

  /** @param {{id: number}} chat */
  async join({ id }) {
    await this.#ask(`chats/${id}/join`);
  }

  make() {
    return later(chatDialogs, ({ makeChat }) => makeChat((chat) => this.enter(chat)));
  }

  find() {
    return later(chatDialogs, ({ browsePublicChats }) =>
      browsePublicChats({ open: (chatId) => this.open(chatId), join: (chat) => this.join(chat) }),
    );
  }

  /** @param {string} path  that answers with the chat @param {object} [fields] */
  async #ask(path, fields) {
    const answer = await orSay(() => api("POST", path, fields));
    if (answer) this.enter(answer.chat);
  }
}
