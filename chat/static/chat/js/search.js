/**
 * The search panel: finds messages by their words in all of one's chats, or in one, and leads to them.
 *
 * Beside a wide page it stays open. On a narrow one it lies over the chat and is a step of the history:
 * going to what was found leaves it, the Back button comes back to it.
 */

import { api } from "./api.js";
import { avatar, byId, el, icon, iconButton, isolated } from "./dom.js";
import { exactTime, shortMoment } from "./format.js";
import { gettext, ngettext } from "./i18n.js";

/** @typedef {{excerpt: string, hits: Array<[number, number]>, seq: number, message_id: number, created_at: string,
 *   sender: import("./types.js").Sender, chat: {id: number, title: string}}} Result */

const ASK_AFTER_MS = 300;
const LOADING_AFTER_MS = 300;
const lies = matchMedia("(max-width: 1100px)");

export class SearchPanel {
  #panel = byId("search");
  #body = el("div.side-body");
  #count = el("p.unseen", { role: "status" });
  #field = el("input", { type: "search", autocomplete: "off", placeholder: gettext("Words of a message"), "aria-label": gettext("Words of a message") });
  #where = el("select", { "aria-label": gettext("Where") });
  #from = el("select", { "aria-label": gettext("From whom") });
  #store;
  #actions;
  #timer = 0;
  /** Only the answer to the newest question counts. */
  #asked = 0;

  /** @param {import("./store.js").Store} store @param {{go: (path: string) => void, opened: () => void}} actions */
  constructor(store, actions) {
    this.#store = store;
    this.#actions = actions;
    this.#panel.append(
      el("header.side-head", {}, el("h2", {}, gettext("Search")), iconButton("close", gettext("Close"), () => this.close())),
      el("div.filter", {}, icon("search"), this.#field), el("div.filters", {}, this.#where, this.#from), this.#count, this.#body);
    this.#field.addEventListener("input", () => this.#ask(ASK_AFTER_MS));
    for (const choice of [this.#where, this.#from]) choice.addEventListener("change", () => this.#ask(0));
    this.#panel.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#pressed(event));
  }

  /** @param {number} [chatId]  only in this chat */
  open(chatId = 0) {
    const { openChatId, chats } = this.#store;
    const chat = chats.get(chatId || openChatId);
    fill(this.#where, [[0, gettext("In all chats")], ...(chat ? [/** @type {[number, string]} */ ([chat.id, gettext("In “%(name)s”", { name: chat.title })])] : [])], chatId);
    const peers = [...chats.values()].map(({ peer }) => peer).filter((peer) => peer !== null);
    this.#fillPeople(peers);
    if (lies.matches && !history.state?.search) history.pushState({ ...history.state, search: true }, "");
    this.#show(true);
    this.#field.select();
    this.#ask(0);
  }

  close() {
    if (this.#panel.hidden) return;
    if (history.state?.search) return history.back();
    this.#show(false);
    byId("message")?.focus();
  }

  /** The address has changed: over a narrow page the panel goes and comes with the history. */
  follow() {
    if (!lies.matches) return;
    const wanted = Boolean(history.state?.search);
    if (wanted && this.#panel.hidden && !this.#where.options.length) this.open();
    else this.#show(wanted);
  }

  /** @param {boolean} isOpen */
  #show(isOpen) {
    this.#panel.hidden = !isOpen;
    if (isOpen) this.#actions.opened();
    byId("panes").classList.toggle("with-side", isOpen || !byId("members").hidden);
  }

  /** @param {Array<{id: number, name: string}>} people */
  #fillPeople(people) {
    const { me } = this.#store;
    const known = [...this.#from.options].slice(2).map(({ value, text }) => ({ id: Number(value), name: text }));
    const names = new Map([...known, ...people].filter(({ id }) => id !== me.id).map(({ id, name }) => [id, name]));
    fill(this.#from, [[0, gettext("From anybody")], [me.id, gettext("From me")], ...names], Number(this.#from.value));
  }

  /** @param {number} afterMs */
  #ask(afterMs) {
    clearTimeout(this.#timer);
    this.#asked += 1;
    this.#count.textContent = "";
    if (this.#field.value.trim()) this.#timer = setTimeout(() => this.#load(), afterMs);
    else this.#body.replaceChildren(el("p.list-title", {}, gettext("Finds messages in your chats. Put words in quotes to find them side by side.")));
  }

  /** @param {number} [before]  the next page */
  async #load(before = 0) {
    const asked = this.#asked;
    const isStale = () => asked !== this.#asked;
    const given = { q: this.#field.value.trim(), chat: this.#where.value, from: this.#from.value, before };
    const query = new URLSearchParams(Object.entries(given).filter(([, value]) => Number(value) !== 0 || value === given.q).map(([name, value]) => [name, String(value)]));
    const loading = setTimeout(() => !isStale() && this.#say(gettext("Searching…")), LOADING_AFTER_MS);
    try {
      const found = await api("GET", `search?${query}`);
      if (!isStale()) this.#draw(found, before > 0);
    } catch (error) {
      if (!isStale()) this.#say(/** @type {Error} */ (error).message, el("button.button.small", { type: "button", onclick: () => this.#load(before) }, gettext("Try again")));
    } finally {
      clearTimeout(loading);
    }
  }

  /** At the end of what is there: what goes on, or went wrong. @param {string} text @param {Node} [button] */
  #say(text, button) {
    this.#body.querySelector(".end")?.remove();
    if (!this.#body.querySelector("a")) this.#body.replaceChildren();
    this.#body.append(el("div.end", { role: "status" }, el("p.list-title", {}, text), button));
  }

  /** @param {{results: Result[], before: ?number}} found @param {boolean} isNextPage */
  #draw({ results, before }, isNextPage) {
    this.#body.querySelector(".end")?.remove();
    const hadFocus = document.activeElement === document.body;
    const rows = results.map((result) => this.#row(result));
    if (isNextPage) this.#body.append(...rows);
    else this.#body.replaceChildren(...rows);
    if (isNextPage && hadFocus) rows[0]?.focus();
    this.#fillPeople(results.map(({ sender }) => sender));
    const count = this.#body.querySelectorAll("a").length;
    this.#count.textContent = count ? ngettext("%(count)s message found", "%(count)s messages found", count) : "";
    if (before) this.#body.append(el("div.end", {}, el("button.button.small.wide", { type: "button", onclick: () => this.#load(before) }, gettext("Search further back"))));
    else if (!count) this.#say(gettext("Nothing was found. Try fewer words, or other ones."));
  }

  /** @param {Result} result */
  #row({ chat, sender, seq, created_at: createdAt, excerpt, hits }) {
    const moment = new Date(createdAt);
    const path = `/chats/${chat.id}#${seq}`;
    const isOneChat = this.#where.value !== "0";
    const words = el("span.sub", { dir: "auto" }, !isOneChat && el("span.live", {}, isolated(sender.name), ": "), ...marked(excerpt, hits));
    return el("a.row.found", { href: path, onclick: (/** @type {MouseEvent} */ event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.#actions.go(path);
    } },
      avatar(sender, { small: true }),
      el("span.body", {}, el("span.line", {}, el("span.name.ellipsis", {}, isolated(isOneChat ? sender.name : chat.title)),
        el("time", { dateTime: createdAt, title: exactTime(moment) }, shortMoment(moment, new Date()))), words));
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.key === "Escape") {
      event.preventDefault();
      return this.close();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.target instanceof HTMLSelectElement) return;
    event.preventDefault();
    const all = [this.#field, ...this.#body.querySelectorAll("a, button")];
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
