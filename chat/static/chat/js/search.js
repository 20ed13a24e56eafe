/**
 * The search panel: finds messages by their words in all of one's chats, or in one, and leads to them.
 *
 * Beside a wide page it stays open. On a narrow one it lies over the chat: going to what was found leaves it,
 * the Back button comes back to it.
 */

import { api } from "./api.js";
import { loadedList } from "./dialogs.js";
import { avatar, el, icon, iconButton, isolated, searchField } from "./dom.js";
import { exactTime, fullName, shortMoment, shortName } from "./format.js";
import { gettext, ngettext } from "./i18n.js";
import { SidePanel } from "./side-panel.js";

/** @typedef {{excerpt: string, hits: Array<[number, number]>, seq: number, message_id: number, created_at: string,
 *   sender: import("./types.js").Sender, chat: {id: number, title: string}}} Result */

export class SearchPanel extends SidePanel {
  #results = el("div");
  #count = el("p.unseen", { role: "status" });
  #field = searchField(gettext("Words of a message"), () => this.#ask());
  #where = el("select", { "aria-label": gettext("Where"), onchange: () => this.#ask() });
  #from = el("select", { "aria-label": gettext("From whom"), onchange: () => this.#ask() });
  #store;
  #go;
  #list;

  /** @param {import("./store.js").Store} store @param {(path: string) => void} go */
  constructor(store, go) {
    super("search", "message");
    this.#store = store;
    this.#go = go;
    this.#list = loadedList(this.#results, {
      none: () => (this.#field.value.trim() ? gettext("Nothing was found. Try fewer words, or other ones.") : gettext("Finds messages in your chats. Put words in quotes to find them side by side.")),
      name: "results",
      read: (before) => this.#read(before),
      next: ({ before }) => before,
      row: (result) => this.#row(result),
      further: gettext("Search further back"),
      drawn: ({ results }) => this.#drawn(results),
    });
    this.panel.append(
      el("header.side-head", {}, el("h2", {}, gettext("Search")), iconButton("close", gettext("Close"), () => this.close())),
      el("div.filter", {}, icon("search"), this.#field), el("div.filters", {}, this.#where, this.#from), this.#count, el("div.side-body", {}, this.#list.node));
    this.panel.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#pressed(event));
  }

  /** @param {number} [chatId]  only in this chat */
  open(chatId = 0) {
    this.#offer(chatId);
    super.open();
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
    fill(this.#where, [[0, gettext("In all chats")], ...(chat ? [/** @type {[number, string]} */ ([chat.id, gettext("In “%(name)s”", { name: chat.title })])] : [])], chatId);
    this.#fillPeople([...chats.values()].flatMap(({ peer }) => peer ?? []));
  }

  /** @param {import("./types.js").Sender[]} people */
  #fillPeople(people) {
    const { me } = this.#store;
    const known = [...this.#from.options].slice(2).map(({ value, text }) => [Number(value), text]);
    const names = new Map([...known, ...people.map((person) => [person.id, fullName(person)])].filter(([id]) => id !== me.id));
    fill(this.#from, [[0, gettext("From anybody")], [me.id, gettext("From me")], ...names], Number(this.#from.value));
  }

  #ask() {
    this.#count.textContent = "";
    this.#list.soon();
  }

  /** @param {number} before  0: from the newest */
  async #read(before) {
    const q = this.#field.value.trim();
    const given = Object.entries({ chat: this.#where.value, from: this.#from.value, before: String(before) });
    return q ? api("GET", `search?${new URLSearchParams([["q", q], ...given.filter(([, value]) => value && value !== "0")])}`) : { results: [] };
  }

  /** @param {Result[]} results */
  #drawn(results) {
    this.#fillPeople(results.map(({ sender }) => sender));
    const count = this.#results.children.length;
    this.#count.textContent = count ? ngettext("%(count)s message found", "%(count)s messages found", count) : "";
  }

  /** @param {Result} result */
  #row({ chat, sender, seq, created_at: createdAt, excerpt, hits }) {
    const moment = new Date(createdAt);
    const path = `/chats/${chat.id}#${seq}`;
    const isOneChat = this.#where.value !== "0";
    const words = el("span.sub", { dir: "auto" }, !isOneChat && el("span.live", {}, isolated(shortName(sender)), ": "), ...marked(excerpt, hits));
    return el("a.row.found", { href: path, onclick: (/** @type {MouseEvent} */ event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.#go(path);
    } },
      avatar(sender, { small: true }),
      el("span.body", {}, el("span.line", {}, el("span.name.ellipsis", {}, isolated(isOneChat ? shortName(sender) : chat.title)),
        el("time", { dateTime: createdAt, title: exactTime(moment) }, shortMoment(moment, new Date()))), words));
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.target instanceof HTMLSelectElement) return;
    event.preventDefault();
    const all = [this.#field, ...this.panel.querySelectorAll(".side-body :is(a, button)")];
    const place = all.indexOf(document.activeElement);
    all[Math.min(Math.max(0, place + step), all.length - 1)].focus();
  }
}

/** @param {HTMLSelectElement} select @param {Array<[number, string]>} choices @param {number} chosen */
function fill(select, choices, chosen) {
  select.replaceChildren(...choices.map(([value, text]) => el("option", { value: String(value) }, text)));
  select.value = String(chosen);
  if (!select.value) select.value = "0";
}

/** Places are counted in code points, as the server counts. @param {string} text @param {Array<[number, number]>} hits */
function marked(text, hits) {
  const letters = [...text];
  const between = (/** @type {number} */ from, /** @type {number} [to] */ to) => letters.slice(from, to).join("");
  let end = 0;
  const parts = hits.flatMap(([from, to]) => {
    const part = [between(end, from), el("mark", {}, between(from, to))];
    end = to;
    return part;
  });
  return [...parts, between(end)];
}
