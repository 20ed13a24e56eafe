/** Which names in messages are of somebody in the chat: the server is asked for several at once, and once for each. */

import { api } from "../net/api.js";
import { isNamed } from "./rich-text.js";

const MOST = 50;

export class Named {
  /** By chat and username in normal form. @type {Map<number, Map<string, Promise<boolean>>>} */
  #answers = new Map();
  /** Still to be asked for. @type {Map<number, Map<string, (isNamed: boolean) => void>>} */
  #wanted = new Map();

  /** Shows that a node names somebody, as soon as it is known. @param {HTMLElement} node @param {import("../types.js").Chat|undefined} chat @param {string} username */
  async mark(node, chat, username) {
    if (chat && (await this.#isOfMember(chat, username))) node.classList.add("mention");
  }

  /** Somebody has come or gone. @param {number} chatId */
  forget(chatId) {
    this.#answers.delete(chatId);
  }

  /** @param {import("../types.js").Chat} chat @param {string} username */
  #isOfMember({ id, kind, peer }, username) {
    if (kind === "direct") return isNamed(username, peer?.username ?? "");
    const answers = this.#answers.get(id) ?? new Map();
    this.#answers.set(id, answers);
    if (!answers.has(username)) answers.set(username, this.#answer(id, username));
    return answers.get(username);
  }

  /** @param {number} chatId @param {string} username @returns {Promise<boolean>} */
  #answer(chatId, username) {
    return new Promise((resolve) => {
      const names = this.#wanted.get(chatId) ?? new Map();
      if (!names.size) setTimeout(() => this.#ask(chatId));
      this.#wanted.set(chatId, names.set(username, resolve));
    });
  }

  /** @param {number} chatId */
  async #ask(chatId) {
    const wanted = [...(this.#wanted.get(chatId) ?? [])];
    this.#wanted.delete(chatId);
    for (let start = 0; start < wanted.length; start += MOST) {
      const some = wanted.slice(start, start + MOST);
      const names = encodeURIComponent(some.map(([name]) => name).join(" "));
      try {
        const { usernames } = await api("GET", `chats/${chatId}/named?names=${names}`);
        for (const [name, resolve] of some) resolve(usernames.includes(name));
      } catch {
        // Words without a mark can be read; it is asked for again when they are drawn again.
        for (const [name, resolve] of some) {
          this.#answers.get(chatId)?.delete(name);
          resolve(false);
        }
      }
    }
  }
}
