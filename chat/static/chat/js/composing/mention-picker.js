/** Offers the chat's members while a name is typed after "@". */

import { api } from "../net/api.js";
import { avatar, el, isolated, tag } from "../dom/dom.js";
import { gettext } from "../base/i18n.js";

const ASK_AFTER_MS = 150;
const MOST = 6;
const BEGUN = /(^|[\s(])@([\u0300-\u036f\p{L}\p{N}_@.+-]{0,64})$/u;

export class MentionPicker {
  #field;
  #chatId = 0;
  #timer = 0;
  /** Only the answer to the newest question counts. */
  #asked = 0;
  /** @type {import("../types.js").Person[]} */
  #people = [];
  #chosen = 0;

  /** @param {HTMLTextAreaElement} field */
  constructor(field) {
    this.#field = field;
    this.list = el("ul.names", {
      id: "names",
      role: "listbox",
      "aria-label": gettext("Members"),
      hidden: true,
    });
    field.addEventListener("input", () => this.#typed());
    field.addEventListener("blur", () => this.close());
  }

  /** @param {import("../types.js").Chat} chat */
  open(chat) {
    this.#chatId = chat.kind === "direct" ? 0 : chat.id;
  }

  /** Keys that choose a name; true when one was taken. @param {KeyboardEvent} event */
  pressed(event) {
    if (this.list.hidden) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.#choose(this.#chosen + step);
    else if (event.key === "Enter" || event.key === "Tab") this.#take(this.#people[this.#chosen]);
    else if (event.key === "Escape") this.close();
    else return false;
    event.preventDefault();
    return true;
  }

  #typed() {
    clearTimeout(this.#timer);
    this.#asked += 1;
    const begun = this.#begun();
    if (begun === null || !this.#chatId) return this.close();
    this.#timer = setTimeout(() => this.#ask(begun, this.#asked), ASK_AFTER_MS);
  }

  /** What stands between "@" and the cursor; null when no name is being typed. */
  #begun() {
    return BEGUN.exec(this.#field.value.slice(0, this.#field.selectionStart))?.[2] ?? null;
  }

  /** @param {string} words @param {number} asked */
  async #ask(words, asked) {
    try {
      const { people } = await api(
        "GET",
        `chats/${this.#chatId}/mentionable?q=${encodeURIComponent(words)}`,
      );
      if (asked === this.#asked) this.#show(people.slice(0, MOST));
    } catch {
      // Without suggestions a name can still be typed.
      if (asked === this.#asked) this.close();
    }
  }

  /** @param {import("../types.js").Person[]} people */
  #show(people) {
    this.#people = people;
    this.list.hidden = !people.length;
    this.list.replaceChildren(
      ...people.map((person, place) =>
        el(
          "li",
          {
            id: `name-${place}`,
            role: "option",
            // Before the field loses the focus.
            onpointerdown: (/** @type {Event} */ event) => {
              event.preventDefault();
              this.#take(person);
            },
          },
          avatar(person, { small: true }),
          el("span.ellipsis", {}, isolated(person.name)),
          tag(person),
        ),
      ),
    );
    if (people.length) this.#choose(0);
  }

  /** @param {number} place */
  #choose(place) {
    this.#chosen = (place + this.#people.length) % this.#people.length;
    for (const [at, row] of [...this.list.children].entries())
      row.setAttribute("aria-selected", String(at === this.#chosen));
    this.#field.setAttribute("aria-controls", "names");
    this.#field.setAttribute("aria-activedescendant", `name-${this.#chosen}`);
  }

  /** @param {import("../types.js").Person} person */
  #take(person) {
    const end = this.#field.selectionStart;
    const start = end - (this.#begun() ?? "").length;
    this.#field.setRangeText(`${person.username} `, start, end, "end");
    this.close();
    this.#field.dispatchEvent(new Event("input"));
  }

  /** An answer that is still on its way shows nothing, either. */
  close() {
    clearTimeout(this.#timer);
    this.#asked += 1;
    this.list.hidden = true;
    this.#field.removeAttribute("aria-activedescendant");
  }
}
