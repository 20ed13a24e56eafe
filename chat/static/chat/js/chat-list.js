/** The list of chats: newest first, with what was said last and how much is unread. Also finds people and public chats. */

import { lineOf } from "./attachments.js";
import { api } from "./api.js";
import { avatar, beforeNextFrame, byId, el, icon, isolated, tag } from "./dom.js";
import { Emitter } from "./emitter.js";
import { badge, exactTime, fullName, goneWords, shortMoment, shortName } from "./format.js";
import { gettext, ngettext } from "./i18n.js";
import { isMuted, isQuiet } from "./notify-level.js";

/** @typedef {import("./types.js").Chat} Chat */

const ASK_AFTER_MS = 250;

/** Emits "open" (chatId), "write-to" (person), "join" (public chat). */
export class ChatList extends Emitter {
  #store;
  #typing;
  #outbox;
  #list = byId("chat-list");
  #found = byId("found-people");
  #filter = byId("filter");
  /** @type {Map<number, {node: HTMLElement, drawn: string}>} */
  #rows = new Map();
  #scheduled = false;
  #asked = 0;
  #timer = 0;

  /** @param {import("./store.js").Store} store @param {import("./typing.js").Typing} typing @param {import("./outbox.js").Outbox} outbox */
  constructor(store, typing, outbox) {
    super();
    this.#store = store;
    this.#typing = typing;
    this.#outbox = outbox;
    store.on("chats", () => this.schedule());
    typing.on("changed", () => this.schedule());
    outbox.on("changed", () => this.schedule());
    this.#filter.addEventListener("input", () => this.#filtered());
    this.#filter.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#pressed(event));
    setInterval(() => this.schedule(), 60_000);
    this.draw();
  }

  focusFilter() {
    this.#filter.focus();
    this.#filter.select();
  }

  clearFilter() {
    if (!this.#filter.value) return;
    this.#filter.value = "";
    this.#filtered();
  }

  schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    beforeNextFrame(() => this.draw());
  }

  draw() {
    this.#scheduled = false;
    const words = this.#words;
    const chats = this.#store.orderedChats.filter((chat) => !words || matches(chat, words));
    const wanted = new Set(chats.map((chat) => chat.id));
    for (const [chatId, { node }] of this.#rows) {
      if (wanted.has(chatId)) continue;
      node.remove();
      this.#rows.delete(chatId);
    }
    let next = this.#list.firstChild;
    for (const chat of chats) {
      const node = this.#row(chat);
      if (node === next) next = next.nextSibling;
      else this.#list.insertBefore(node, next);
    }
    if (!chats.length && !words && !this.#found.firstChild) this.#found.append(el("p.list-title", {}, gettext("No chats yet. Type a name above to find somebody, or make a chat with +.")));
    else if (chats.length && !words) this.#found.replaceChildren();
  }

  get #words() {
    return this.#filter.value.trim().toLocaleLowerCase();
  }

  /** @param {Chat} chat */
  #row(chat) {
    const isOpen = chat.id === this.#store.openChatId;
    const now = new Date();
    const said = this.#lastSaid(chat);
    const moment = new Date(chat.last_message?.created_at ?? chat.created_at);
    const isOnline = chat.peer ? this.#store.online.has(chat.peer.id) : false;
    const drawn = JSON.stringify([chat.title, chat.unread, chat.mentions, isQuiet(chat), isMuted(chat), isOpen, said, shortMoment(moment, now), isOnline]);
    const row = this.#rows.get(chat.id) ?? { node: el("li"), drawn: "" };
    this.#rows.set(chat.id, row);
    if (row.drawn === drawn) return row.node;
    row.drawn = drawn;
    const hadFocus = row.node.contains(document.activeElement);
    const link = el(`a.row${chat.unread ? ".unread" : ""}`, { href: `/chats/${chat.id}`, "aria-current": isOpen ? "page" : null, onclick: (/** @type {MouseEvent} */ event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.emit("open", chat.id);
    } },
      chatAvatar(chat, isOnline),
      el("span.body", {},
        el("span.line", {}, el("span.name.ellipsis", { title: chat.peer ? fullName(chat.peer) : null }, chat.kind !== "direct" && icon(chat.kind), isolated(chat.title)),
          isMuted(chat) && el("span.muted", { title: gettext("Muted") }, icon("bell-off"), el("span.unseen", {}, gettext("Muted"))),
          el("time", { dateTime: moment.toISOString(), title: exactTime(moment) }, shortMoment(moment, now))),
        el("span.line", {}, el("span.sub.ellipsis", {}, ...said.map((part) => sayingPart(part))),
          chat.mentions > 0 && el("span.badge.mentions", {}, `@${badge(chat.mentions)}`, el("span.unseen", {}, ` ${ngettext("mention", "mentions", chat.mentions)}`)),
          chat.unread > 0 && el(`span.badge${isQuiet(chat) ? ".quiet" : ""}`, {}, badge(chat.unread), el("span.unseen", {}, ` ${ngettext("unread message", "unread messages", chat.unread)}`))),
      ));
    row.node.replaceChildren(link);
    if (hadFocus) link.focus();
    return row.node;
  }

  /** @param {Chat} chat @returns {Array<[string, string]>} parts: a class and a text */
  #lastSaid(chat) {
    const unsent = this.#outbox.of(chat.id).filter((item) => item.state === "failed" || item.state === "held");
    if (unsent.length) return [["b", gettext("Not sent: ")], ["", lineOf(unsent[0])]];
    const typing = this.#typing.inWords(chat.id);
    if (typing) return [["live", typing]];
    const last = chat.last_message;
    if (!last) return [["", chat.kind === "direct" ? gettext("Say hello") : gettext("Nothing was written yet")]];
    const gone = goneWords(last);
    if (gone) return [["", gone]];
    const text = lineOf(last);
    const isMine = last.sender.id === this.#store.me.id;
    return chat.kind === "direct" && !isMine ? [["", text]] : [["", isMine ? gettext("You") : shortName(last.sender)], ["", ": "], ["", text]];
  }

  #filtered() {
    this.draw();
    clearTimeout(this.#timer);
    this.#asked += 1;
    if (!this.#words) {
      this.#found.replaceChildren();
      this.draw();
      return;
    }
    this.#timer = setTimeout(() => this.#ask(this.#asked), ASK_AFTER_MS);
  }

  /** @param {number} asked */
  async #ask(asked) {
    const query = encodeURIComponent(this.#filter.value.trim());
    let found;
    try {
      found = await Promise.all([api("GET", `people?q=${query}`), api("GET", `chats/public?q=${query}`)]);
    } catch (error) {
      if (asked === this.#asked) this.#found.replaceChildren(el("p.list-title", { role: "alert" }, /** @type {Error} */ (error).message));
      return;
    }
    // Answers to an earlier question come too late.
    if (asked !== this.#asked) return;
    const [{ people }, { chats }] = found;
    const known = new Set([...this.#store.chats.values()].map((chat) => chat.peer?.id));
    const others = people.filter((/** @type {any} */ person) => !known.has(person.id));
    const open = chats.filter((/** @type {any} */ chat) => !chat.joined);
    this.#found.replaceChildren(
      ...section(gettext("People"), others.map((/** @type {any} */ person) => personRow(person, () => this.#chose("write-to", person)))),
      ...section(gettext("Public chats"), open.map((/** @type {any} */ chat) => publicRow(chat, () => this.#chose("join", chat)))),
    );
    if (!this.#found.firstChild && !this.#list.firstChild) this.#found.append(el("p.list-title", {}, gettext("Nobody and nothing has that name.")));
  }

  /** @param {string} name @param {any} detail */
  #chose(name, detail) {
    this.clearFilter();
    this.emit(name, detail);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.key === "Escape" && this.#filter.value) {
      event.preventDefault();
      this.clearFilter();
    }
    const first = /** @type {?HTMLElement} */ (this.#list.querySelector("a") ?? this.#found.querySelector("button"));
    if (event.key === "ArrowDown") first?.focus();
    else if (event.key === "Enter" && first && this.#words) {
      first.click();
      this.clearFilter();
    }
  }
}

/** @param {Chat} chat @param {string} words */
function matches(chat, words) {
  return `${chat.title} ${chat.peer?.username ?? ""}`.toLocaleLowerCase().includes(words);
}

/** @param {[string, string]} part */
function sayingPart([style, text]) {
  if (style === "b") return el("b", {}, text);
  return el(style ? `span.${style}` : "bdi", {}, text);
}

/** @param {string} title @param {Node[]} rows */
function section(title, rows) {
  return rows.length ? [el("h2.list-title", {}, title), ...rows] : [];
}

/** @param {Chat} chat @param {boolean} online */
export function chatAvatar(chat, online) {
  const who = chat.peer ?? { id: chat.id, name: chat.title };
  return avatar(who, { square: chat.kind !== "direct", online });
}

/** @param {import("./types.js").Person} person @param {() => void} onclick */
export function personRow(person, onclick) {
  const blocked = person.blocked ? ` · ${gettext("blocked")}` : "";
  return el("button.row", { onclick }, avatar(person),
    el("span.body", {}, el("span.name.ellipsis", {}, isolated(person.name)), el("span.sub.ellipsis", {}, tag(person), blocked)));
}

/** @param {{id: number, title: string, member_count: number}} chat @param {() => void} onclick */
export function publicRow(chat, onclick) {
  return el("button.row", { onclick }, avatar({ id: chat.id, name: chat.title }, { square: true }),
    el("span.body", {}, el("span.name.ellipsis", {}, isolated(chat.title)), el("span.sub", {}, memberCount(chat.member_count))));
}

/** @param {number} count */
export function memberCount(count) {
  return ngettext("%(count)s member", "%(count)s members", count);
}
