/** The list of chats: newest first, with what was said last and how much is unread. Also finds people and public chats. */

import { lineOf } from "../messages/attachments.js";
import { later } from "../dom/later.js";
import { beforeNextFrame, byId, el } from "../dom/dom.js";
import { Emitter } from "../base/emitter.js";
import { onNewDay } from "../base/days.js";
import { folded, goneWords, shortMoment, shortName } from "../base/format.js";
import { gettext } from "../base/i18n.js";
import { chatLink } from "./chat-row.js";
import { isMuted, isQuiet } from "../state/notify-level.js";

/** @typedef {import("../types.js").Chat} Chat */

const ASK_AFTER_MS = 250;
const finder = () => import("./finder.js");

/** Emits "open" (chatId), "write-to" (person), "join" (public chat). */
export class ChatList extends Emitter {
  #store;
  #typing;
  #unsent;
  #list = byId("chat-list");
  #found = byId("found-people");
  #filter = byId("filter");
  /** @type {Map<number, {node: HTMLElement, drawn: string}>} */
  #rows = new Map();
  #scheduled = false;
  #asked = 0;
  #timer = 0;

  /** @param {import("../state/store.js").Store} store @param {import("../state/typing.js").Typing} typing @param {import("../state/unsent.js").Unsent} unsent */
  constructor(store, typing, unsent) {
    super();
    this.#store = store;
    this.#typing = typing;
    this.#unsent = unsent;
    store.on("chats", () => this.schedule());
    typing.on("changed", () => this.schedule());
    unsent.on("changed", () => this.schedule());
    this.#filter.addEventListener("input", () => this.#filtered());
    this.#filter.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) =>
      this.#pressed(event),
    );
    setInterval(() => this.schedule(), 60_000);
    onNewDay(() => this.schedule());
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
    if (!chats.length && !words && !this.#found.firstChild)
      this.#found.append(
        el(
          "p.list-title",
          {},
          gettext("No chats yet. Type a name above to find someone, or create a chat with +."),
        ),
      );
    else if (chats.length && !words) this.#found.replaceChildren();
  }

  get #words() {
    return folded(this.#filter.value.trim());
  }

  /** @param {Chat} chat */
  #row(chat) {
    const isOpen = chat.id === this.#store.openChatId;
    const now = new Date();
    const said = this.#lastSaid(chat);
    const moment = new Date(chat.last_message?.created_at ?? chat.created_at);
    const isOnline = chat.peer ? this.#store.online.has(chat.peer.id) : false;
    const drawn = JSON.stringify([
      chat.title,
      chat.unread,
      chat.mentions,
      isQuiet(chat),
      isMuted(chat),
      isOpen,
      said,
      shortMoment(moment, now),
      isOnline,
    ]);
    const row = this.#rows.get(chat.id) ?? { node: el("li"), drawn: "" };
    this.#rows.set(chat.id, row);
    if (row.drawn === drawn) return row.node;
    row.drawn = drawn;
    const hadFocus = row.node.contains(document.activeElement);
    const link = chatLink(chat, { said, moment, now, isOpen, isOnline }, () =>
      this.emit("open", chat.id),
    );
    row.node.replaceChildren(link);
    if (hadFocus) link.focus();
    return row.node;
  }

  /** @param {Chat} chat @returns {Array<[string, string]>} parts: a class and a text */
  #lastSaid(chat) {
    const stuck = this.#unsent
      .of(chat.id)
      .filter((item) => item.state === "failed" || item.state === "held");
    if (stuck.length)
      return [
        ["b", gettext("Not sent: ")],
        ["", lineOf(stuck[0])],
      ];
    const typing = this.#typing.inWords(chat.id);
    if (typing) return [["live", typing]];
    const last = chat.last_message;
    if (!last)
      return [["", chat.kind === "direct" ? gettext("Say hello") : gettext("No messages yet")]];
    const gone = goneWords(last);
    if (gone) return [["", gone]];
    const text = lineOf(last);
    const isMine = last.sender.id === this.#store.me.id;
    return chat.kind === "direct" && !isMine
      ? [["", text]]
      : [
          ["", isMine ? gettext("You") : shortName(last.sender)],
          ["", ": "],
          ["", text],
        ];
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
  #ask(asked) {
    const known = new Set([...this.#store.chats.values()].map((chat) => chat.peer?.id));
    const query = this.#filter.value.trim();
    return later(finder, async ({ find }) => {
      const nodes = await find(query, known, (name, detail) => this.#chose(name, detail));
      // Answers to an earlier question come too late.
      if (asked !== this.#asked) return;
      this.#found.replaceChildren(...nodes);
      if (!this.#found.firstChild && !this.#list.firstChild)
        this.#found.append(el("p.list-title", {}, gettext("No people or chats found.")));
    });
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
    const first = /** @type {?HTMLElement} */ (
      this.#list.querySelector("a") ?? this.#found.querySelector("button")
    );
    if (event.key === "ArrowDown") first?.focus();
    else if (event.key === "Enter" && first && this.#words) {
      first.click();
      this.clearFilter();
    }
  }
}

/** @param {Chat} chat @param {string} words */
function matches(chat, words) {
  return folded(`${chat.title} ${chat.peer?.username ?? ""}`).includes(words);
}
