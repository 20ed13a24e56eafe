/** What is being written in each chat, kept in this browser over reloads and sign-outs. */

/** @typedef {{text: string, replyTo: any, editing: any, attachments: import("./types.js").Attachment[]}} Draft */

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
      return { text: String(draft.text ?? ""), replyTo: draft.replyTo ?? null, editing: draft.editing ?? null, attachments: draft.attachments ?? [] };
    } catch {
      return { text: "", replyTo: null, editing: null, attachments: [] };
    }
  }

  /** @param {number} chatId @param {Draft} draft */
  set(chatId, draft) {
    try {
      if (draft.text || draft.replyTo || draft.attachments.length) localStorage.setItem(this.#prefix + chatId, JSON.stringify(draft));
      else localStorage.removeItem(this.#prefix + chatId);
    } catch {
      // No room, or storage is switched off: the text stays in the page.
    }
  }
}
