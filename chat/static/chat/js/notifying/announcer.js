/** Tells a screen reader of new messages: politely, and as one sentence when many come at once. */

import { lineOf } from "../messages/attachments.js";
import { byId, el } from "../dom/dom.js";
import { shortName } from "../base/format.js";
import { gettext, ngettext } from "../base/i18n.js";

const JOIN_MS = 1000;
const KEPT = 20;

export class Announcer {
  #log = byId("announcer");
  /** @type {import("../types.js").Message[]} */
  #waiting = [];
  #timer = 0;

  /** @param {import("../types.js").Message} message */
  message(message) {
    this.#waiting.push(message);
    this.#timer ||= setTimeout(() => this.#speak(), JOIN_MS);
  }

  #speak() {
    const messages = this.#waiting;
    this.#waiting = [];
    this.#timer = 0;
    this.say(
      messages.length === 1
        ? gettext("%(name)s: %(text)s", {
            name: shortName(messages[0].sender),
            text: lineOf(messages[0]),
          })
        : this.#summary(messages),
    );
  }

  /** @param {import("../types.js").Message[]} messages */
  #summary(messages) {
    const names = [...new Set(messages.map((message) => shortName(message.sender)))];
    return ngettext(
      "%(count)s new message from %(names)s",
      "%(count)s new messages from %(names)s",
      messages.length,
      {
        names: names.length > 3 ? `${names.slice(0, 3).join(", ")}…` : names.join(", "),
      },
    );
  }

  /** @param {string} text */
  say(text) {
    this.#log.append(el("p", {}, text));
    while (this.#log.childElementCount > KEPT) this.#log.firstElementChild.remove();
  }
}
