/**
 * The part of a chat that is in memory: messages in the order of `seq`, newest state of each. Pure.
 *
 * `beforeMore` and `afterMore` say whether the chat goes on beyond either end. Inside, a missing seq is
 * a hole that is being filled.
 */

/** @typedef {import("../types.js").MessageFields} Message */

export class MessageWindow {
  /** @type {Message[]} */
  messages = [];
  beforeMore = false;
  afterMore = false;

  /** @param {{messages: Message[], before_more: boolean, after_more: boolean}} page */
  constructor(page) {
    this.messages = [...page.messages].sort((a, b) => a.seq - b.seq);
    this.beforeMore = page.before_more;
    this.afterMore = page.after_more;
  }

  get firstSeq() {
    return this.messages[0]?.seq ?? 0;
  }

  get lastSeq() {
    return this.messages[this.messages.length - 1]?.seq ?? 0;
  }

  /**
   * A message's newer state, or a new message that belongs to this part of the chat.
   * @param {Message} message
   */
  upsert(message) {
    this.#refreshQuotes(message);
    const place = this.#placeOf(message.seq);
    const present = this.messages[place];
    if (present?.seq === message.seq) {
      if (present.revision < message.revision) this.messages[place] = message;
      return;
    }
    const isBeyond =
      place === 0 ? this.beforeMore : place === this.messages.length && this.afterMore;
    if (!isBeyond) this.messages.splice(place, 0, message);
  }

  /** @param {{messages: Message[], before_more: boolean}} page */
  addOlder(page) {
    this.beforeMore = false;
    for (const message of page.messages) this.upsert(message);
    this.beforeMore = page.before_more;
  }

  /** @param {{messages: Message[], after_more: boolean}} page */
  addNewer(page) {
    this.afterMore = false;
    for (const message of page.messages) this.upsert(message);
    this.afterMore = page.after_more;
  }

  /** Keeps the newest `count`. @param {number} count */
  dropOlder(count) {
    if (this.messages.length <= count) return;
    this.messages = this.messages.slice(-count);
    this.beforeMore = true;
  }

  /** Keeps the oldest `count`. @param {number} count */
  dropNewer(count) {
    if (this.messages.length <= count) return;
    this.messages = this.messages.slice(0, count);
    this.afterMore = true;
  }

  /** @param {Message} message */
  #refreshQuotes(message) {
    for (const [place, reply] of this.messages.entries()) {
      if (reply.reply_to?.id !== message.id) continue;
      const content = message.deleted ? "" : [...message.content].slice(0, 120).join("");
      this.messages[place] = {
        ...reply,
        reply_to: { ...reply.reply_to, content, deleted: message.deleted, hidden: message.hidden },
      };
    }
  }

  /** The first place whose seq is not below. @param {number} seq */
  #placeOf(seq) {
    let low = 0;
    let high = this.messages.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.messages[middle].seq < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
