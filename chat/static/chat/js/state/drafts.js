/** What stands in the message field of each chat, kept in this browser. */

import { Shelf } from "../base/shelf.js";

/**
 * @typedef {object} Draft
 * @property {string} text
 * @property {?import("../types.js").Quote} replyTo
 * @property {?import("../types.js").Message} editing
 * @property {?{text: string, replyTo: ?import("../types.js").Quote}} setAside  what was being written when the edit began
 * @property {import("../types.js").Attachment[]} attachments
 */

/** By chat. */
export class Drafts extends Shelf {
  /** @param {number} userId */
  constructor(userId) {
    super(`webchat.draft.${userId}.`);
  }

  /** @param {number} chatId @returns {Draft} */
  get(chatId) {
    return {
      text: "",
      replyTo: null,
      editing: null,
      setAside: null,
      attachments: [],
      ...this.read(chatId),
    };
  }

  /** @param {number} chatId @param {Partial<Draft>} changes */
  change(chatId, changes) {
    const draft = { ...this.get(chatId), ...changes };
    const isSomething = Object.values(draft).some((part) =>
      Array.isArray(part) ? part.length : part,
    );
    this.write(chatId, isSomething ? draft : null);
  }
}
