/** What is being written in each chat, kept in this browser over reloads and sign-outs. */

/** @typedef {{text: string, replyTo: any, editing: any}} Draft */

export class Drafts {
  #prefix;

  /** @param {number} userId */
  constructor(userId) {
    this.#prefix = `webchat.draft.${userId}.`;
  }

  /** @param {number} chatId @returns {Draft} */
  get(chatId) {
    try {
      const draft = JSON.parse(localStorage.getItem(this.#prefix + chatId) ?? "{}");
      return { text: String(draft.text ?? ""), replyTo: draft.replyTo ?? null, editing: draft.editing ?? null };
    } catch {
      return { text: "", replyTo: null, editing: null };
    }
  }

  /** @param {number} chatId @param {Draft} draft */
  set(chatId, draft) {
    try {
      if (draft.text || draft.replyTo) localStorage.setItem(this.#prefix + chatId, JSON.stringify(draft));
      else localStorage.removeItem(this.#prefix + chatId);
    } catch {
      // No room, or storage is switched off: the text stays in the page.
    }
  }
}
