/** Who is typing where; forgotten a few seconds after the last sign of it. Emits "changed" (chatId). */

import { Emitter } from "../base/emitter.js";
import { gettext } from "../base/i18n.js";

const FORGET_MS = 5000;

export class Typing extends Emitter {
  /** @type {Map<number, Map<number, {name: string, timer: number}>>} */
  #chats = new Map();

  /** @param {number} chatId @param {{id: number, name: string}} user */
  heard(chatId, user) {
    const people = this.#chats.get(chatId) ?? new Map();
    this.#chats.set(chatId, people);
    clearTimeout(people.get(user.id)?.timer);
    people.set(user.id, {
      name: user.name,
      timer: setTimeout(() => this.stopped(chatId, user.id), FORGET_MS),
    });
    this.emit("changed", chatId);
  }

  /** Also when the message itself has come. @param {number} chatId @param {number} userId */
  stopped(chatId, userId) {
    const person = this.#chats.get(chatId)?.get(userId);
    if (!person) return;
    clearTimeout(person.timer);
    this.#chats.get(chatId)?.delete(userId);
    this.emit("changed", chatId);
  }

  /** In words; empty when nobody is. @param {number} chatId */
  inWords(chatId) {
    const names = [...(this.#chats.get(chatId)?.values() ?? [])].map(({ name }) => name);
    if (names.length === 0) return "";
    if (names.length === 1) return gettext("%(name)s is typing…", { name: names[0] });
    if (names.length === 2)
      return gettext("%(first)s and %(second)s are typing…", { first: names[0], second: names[1] });
    return gettext("Several people are typing…");
  }
}
