/**
 * Up to which revision each chat is known here without a hole. Pure.
 *
 * An event with the next revision moves it on; one beyond that is remembered until the hole before it
 * is filled by `reached`.
 */
export class Revisions {
  /** @type {Map<number, {known: number, head: number, ahead: Set<number>}>} */
  #chats = new Map();

  /** Everything up to `revision` is here. @param {number} chatId @param {number} revision */
  start(chatId, revision) {
    this.#chats.set(chatId, { known: revision, head: revision, ahead: new Set() });
  }

  /** @param {number} chatId */
  forget(chatId) {
    this.#chats.delete(chatId);
  }

  /** @param {number} chatId */
  has(chatId) {
    return this.#chats.has(chatId);
  }

  /** @param {number} chatId */
  known(chatId) {
    return this.#chats.get(chatId)?.known ?? 0;
  }

  /**
   * A change arrived.
   * @param {number} chatId @param {number} revision
   * @returns {"next"|"old"|"gap"}
   */
  note(chatId, revision) {
    const chat = this.#chats.get(chatId);
    if (!chat || revision <= chat.known) return "old";
    chat.head = Math.max(chat.head, revision);
    chat.ahead.add(revision);
    const isNext = revision === chat.known + 1;
    this.#advance(chat);
    return isNext ? "next" : "gap";
  }

  /** Everything up to `revision` is here now. @param {number} chatId @param {number} revision */
  reached(chatId, revision) {
    const chat = this.#chats.get(chatId);
    if (!chat) return;
    chat.known = Math.max(chat.known, revision);
    chat.head = Math.max(chat.head, chat.known);
    this.#advance(chat);
  }

  /** The chat is said to be at `head`. @param {number} chatId @param {number} head */
  heard(chatId, head) {
    const chat = this.#chats.get(chatId);
    if (chat) chat.head = Math.max(chat.head, head);
    return this.isBehind(chatId);
  }

  /** @param {number} chatId */
  isBehind(chatId) {
    const chat = this.#chats.get(chatId);
    return chat !== undefined && chat.known < chat.head;
  }

  /** @returns {number[]} */
  behind() {
    return [...this.#chats.keys()].filter((chatId) => this.isBehind(chatId));
  }

  /** @param {{known: number, ahead: Set<number>}} chat */
  #advance(chat) {
    while (chat.ahead.delete(chat.known + 1)) chat.known += 1;
    for (const revision of chat.ahead) if (revision <= chat.known) chat.ahead.delete(revision);
  }
}
