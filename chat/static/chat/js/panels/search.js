/**
 * The search panel: finds messages by their words in all of one's chats, or in one, and leads to them.
 *
 * Beside a wide page it stays open. On a narrow one it lies over the chat: going to what was found leaves it,
 * the Back button comes back to it.
 */

import { api } from "../net/api.js";
import { loadedList } from "../dom/loaded-list.js";
import { avatar, el, icon, iconButton, isolated, searchField } from "../dom/dom.js";
import { exactTime, fullName, shortMoment, shortName } from "../base/format.js";
import { gettext, ngettext } from "../base/i18n.js";

/** @typedef {{excerpt: string, hits: Array<[number, number]>, seq: number, message_id: number, created_at: string,
 *   sender: import("../types.js").Sender, chat: {id: number, title: string}}} Result */

export class Search {
  #place;
  #results = el("div");
  #count = el("p.unseen", { role: "status" });
  #field = searchField(gettext("Words in a message"), () => this.#ask());
  #where = el("select", { "aria-label": gettext("Where"), onchange: () => this.#ask() });
  #from = el("select", { "aria-label": gettext("Sender"), onchange: () => this.#ask() });
  #store;
  #go;
  #list;

  /**
   * @param {import("../dom/side-panel.js").Place} place
   * @param {{store: import("../state/store.js").Store, go: (path: string) => void}} parts
   */
  constructor(place, { store, go }) {
    this.#place = place;
    this.#store = store;
    this.#go = go;
    this.#list = loadedList(this.#results, {
      none: () =>
        this.#field.value.trim()
          ? gettext("Nothing found. Try fewer or different words.")
          : gettext(
              "Search the messages in your chats. Put words in quotes to find an exact phrase.",
            ),
      name: "results",
      read: (before) => this.#read(before),
      next: ({ before }) => before,
      row: (result) => this.#row(result),
      further: gettext("Search further back"),
      drawn: ({ results }) => this.#drawn(results),
    });
    this.#place.panel.append(
      el(
        "header.side-head",
        {},
        el("h2", {}, gettext("Search")),
        iconButton("close", gettext("Close"), () => place.close()),
      ),
      el("div.filter", {}, icon("search"), this.#field),
      el("div.filters", {}, this.#where, this.#from),
      this.#count,
      el("div.side-body", {}, this.#list.node),
    );
    this.#place.panel.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) =>
      this.#pressed(event),
    );
  }

  /** A new search. @param {number} [chatId]  only in this chat */
  begin(chatId = 0) {
    this.#offer(chatId);
    this.#field.select();
    this.#list.load();
  }

  prepare() {
    if (!this.#where.options.length) this.#offer(0);
  }

  /** @param {number} chatId */
  #offer(chatId) {
    const { openChatId, chats } = this.#store;
    const chat = chats.get(chatId || openChatId);
    fill(
      this.#where,
      [
        [0, gettext("In all chats")],
        ...(chat
          ? [
              /** @type {[number, string]} */ ([
                chat.id,
                gettext("In “%(name)s”", { name: chat.title }),
              ]),
            ]
          : []),
      ],
      chatId,
    );
    this.#fillPeople([...chats.values()].flatMap(({ peer }) => peer ?? []));
  }

  /** @param {import("../types.js").Sender[]} people */
  #fillPeople(people) {
    const { me } = this.#store;
    /** @type {Map<number, string>} */
    const names = new Map();
    for (const { value, text } of [...this.#from.options].slice(2)) names.set(Number(value), text);
    for (const person of people) if (person.id !== me.id) names.set(person.id, fullName(person));
    fill(
      this.#from,
      [[0, gettext("From anyone")], [me.id, gettext("From me")], ...names],
      Number(this.#from.value),
    );
  }

  #ask() {
    this.#count.textContent = "";
    this.#list.soon();
  }

  /** @param {number} before  0: from the newest */
  async #read(before) {
    const q = this.#field.value.trim();
    const given = Object.entries({
      chat: this.#where.value,
      from: this.#from.value,
      before: String(before),
    });
    return q
      ? api(
          "GET",
          `search?${new URLSearchParams([["q", q], ...given.filter(([, value]) => value && value !== "0")])}`,
        )
      : { results: [] };
  }

  /** @param {Result[]} results */
  #drawn(results) {
    this.#fillPeople(results.map(({ sender }) => sender));
    const count = this.#results.children.length;
    this.#count.textContent = count
      ? ngettext("%(count)s message found", "%(count)s messages found", count)
      : "";
  }

  /** @param {Result} result */
  #row({ chat, sender, seq, created_at: createdAt, excerpt, hits }) {
    const moment = new Date(createdAt);
    const path = `/chats/${chat.id}#${seq}`;
    const isOneChat = this.#where.value !== "0";
    const words = el(
      "span.sub",
      { dir: "auto" },
      !isOneChat && el("span.live", {}, isolated(shortName(sender)), ": "),
      ...marked(excerpt, hits),
    );
    return el(
      "a.row.found",
      {
        href: path,
        onclick: (/** @type {MouseEvent} */ event) => {
          if (event.ctrlKey || event.metaKey || event.shiftKey) return;
          event.preventDefault();
          this.#go(path);
        },
      },
      avatar(sender, { small: true }),
      el(
        "span.body",
        {},
        el(
          "span.line",
          {},
          el("span.name.ellipsis", {}, isolated(isOneChat ? shortName(sender) : chat.title)),
          el(
            "time",
            { dateTime: createdAt, title: exactTime(moment) },
            shortMoment(moment, new Date()),
          ),
        ),
        words,
      ),
    );
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.target instanceof HTMLSelectElement) return;
    event.preventDefault();
    const all = [this.#field, ...this.#place.panel.querySelectorAll(".side-body :is(a, button)")];
    const place = all.indexOf(document.activeElement);
    all[Math.min(Math.max(0, place + step), all.length - 1)].focus();
  }
}

/** @param {HTMLSelectElement} select @param {Array<[number, string]>} choices @param {number} chosen */
function fill(select, choices, chosen) {
  select.replaceChildren(
    ...choices.map(([value, text]) => el("option", { value: String(value) }, text)),
  );
  select.value = String(chosen);
  if (!select.value) select.value = "0";
}

/** Places are counted in code points, as the server counts. @param {string} text @param {Array<[number, number]>} hits */
function marked(text, hits) {
  const letters = [...text];
  const between = (/** @type {number} */ from, /** @type {number|undefined} */ to = undefined) =>
    letters.slice(from, to).join("");
  let end = 0;
  const parts = hits.flatMap(([from, to]) => {
    const part = [between(end, from), el("mark", {}, between(from, to))];
    end = to;
    return part;
  });
  return [...parts, between(end)];
}
