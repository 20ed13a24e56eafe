/**
 * The open chat: which part of it is in memory, where reading stopped, what lies below.
 * Draws through Timeline; asks through Sync.
 */

import { toast } from "../dom/toasts.js";
import { byId, el, icon, iconButton } from "../dom/dom.js";
import { onNewDay } from "../base/days.js";
import { momentOfDay } from "../base/format.js";
import { gettext, ngettext } from "../base/i18n.js";
import { MAX_NODES } from "./timeline.js";

const PAGE = 50;
const LOADING_AFTER_MS = 300;
const AGAIN_MS = 5000;
const FLASH_MS = 1700;

export class OpenChat {
  #store;
  #sync;
  #unsent;
  #timeline;
  #receipts;
  #pill = byId("pill");
  #since = byId("since");
  #empty = byId("empty");
  chatId = 0;
  /** The line above what is new stands before this seq until the chat is left; 0: there is none. */
  #newFromSeq = 0;
  /** The message that a link leads to, until it or something else is read; 0: none. */
  #wanted = 0;
  /** The request that is under way: what an earlier one brings is no longer wanted. @type {?object} */
  #asking = null;
  /** Why the chat could not be read on, and at which end. @type {?{end: "older"|"newer", reason: string}} */
  #trouble = null;
  /** A message of ours stands below a part that could not be read yet. */
  #isAhead = false;
  #retryAt = 0;
  /** Says again since when there is something new. */
  #showWhen = () => {};

  /** @param {{store: import("../state/store.js").Store, sync: import("../state/sync.js").Sync, unsent: import("../state/unsent.js").Unsent, timeline: import("./timeline.js").Timeline, receipts: import("./receipts.js").Receipts}} parts */
  constructor({ store, sync, unsent, timeline, receipts }) {
    this.#store = store;
    this.#sync = sync;
    this.#unsent = unsent;
    this.#timeline = timeline;
    this.#receipts = receipts;
    store.on("messages", ({ chatId, fresh }) => chatId === this.chatId && this.#changed(fresh));
    store.on("chats", () => this.#showPill());
    store.on("status", ({ chatId }) => chatId === this.chatId && timeline.schedule());
    unsent.on("changed", ({ chatId }) => chatId === this.chatId && timeline.schedule());
    sync.on("catching-up", ({ chatId }) => chatId === this.chatId && timeline.schedule());
    timeline.on("near-start", () => this.#older());
    timeline.on("near-end", () => this.#newer());
    timeline.on("scrolled", () => this.#showPill());
    timeline.on("drawn", () => this.#showPill());
    timeline.on("again", () => this.again());
    this.#pill.addEventListener("click", () => this.toNewest());
    setInterval(() => this.#lookAgain(), 500);
    onNewDay(() => this.#showWhen());
  }

  get chat() {
    return this.#store.chats.get(this.chatId);
  }

  /** What of it is in memory. */
  get window() {
    return this.#store.windows.get(this.chatId);
  }

  /** @param {number} chatId @param {{seq?: number}} [at]  a message to show */
  async open(chatId, { seq } = {}) {
    if (this.chatId) this.#store.closeWindow(this.chatId);
    this.chatId = chatId;
    this.#store.setOpen(chatId);
    this.#since.hidden = true;
    this.#forgetRequests();
    this.#wanted = seq ?? 0;
    const chat = this.chat;
    if (!chat) return;
    const firstUnread = chat.unread ? chat.read_seq + 1 : 0;
    this.#newFromSeq = firstUnread;
    this.#timeline.show(() => this.#drawing());
    this.#showEmpty();
    const wanted = seq && seq <= chat.last_seq ? seq : firstUnread;
    if (!this.#holds(wanted) && !(await this.#load(wanted))) return;
    if (this.chatId !== chatId) return;
    if (seq) this.jump(seq);
    else if (firstUnread) this.#beginAtLine(chat.unread);
  }

  close() {
    if (this.chatId) this.#store.closeWindow(this.chatId);
    this.#forgetRequests();
    this.chatId = 0;
    this.#store.setOpen(0);
    this.#timeline.show(() => null);
    this.#pill.hidden = this.#since.hidden = true;
  }

  /** A message of ours was just written: it is on screen before the next frame. */
  async echo() {
    this.#newFromSeq = this.#wanted = 0;
    this.#showEmpty();
    this.#timeline.isAtBottom = true;
    this.#timeline.draw();
    this.#timeline.toBottom();
    if (!this.window?.afterMore) return;
    // What stands between comes after it, as soon as it can be read.
    this.#isAhead = true;
    if (await this.#load(0)) this.#timeline.toBottom();
  }

  /** @param {number} seq */
  async jump(seq) {
    const { chatId } = this;
    this.#wanted = seq;
    this.#isAhead = false;
    const isIt = (/** @type {any} */ item) => item.message?.seq === seq;
    const isThere = seq <= (this.chat?.last_seq ?? 0);
    if (isThere && !this.#timeline.nodeOf(isIt)) {
      if (!this.#holds(seq) && !(await this.#load(seq))) return;
      if (this.chatId !== chatId) return;
      this.#timeline.draw();
    }
    this.#wanted = 0;
    const node = this.#timeline.nodeOf(isIt);
    if (!node) return toast(gettext("This message does not exist. The link may be wrong."));
    this.#timeline.reveal(node);
    this.#timeline.focus(node);
    node.classList.remove("flash");
    requestAnimationFrame(() => node.classList.add("flash"));
    setTimeout(() => node.classList.remove("flash"), FLASH_MS);
  }

  async toNewest() {
    this.#since.hidden = true;
    this.#wanted = 0;
    if (this.window?.afterMore) await this.#load(0);
    this.#timeline.draw();
    this.#timeline.toBottom();
    this.#receipts.look();
  }

  #drawing() {
    const pending = this.#unsent.of(this.chatId);
    const { chat } = this;
    // What was written here is shown also before anything else could be read.
    const window =
      this.window ??
      (pending.length ? { messages: [], beforeMore: true, afterMore: true, lastSeq: 0 } : null);
    if (!window || !chat) return null;
    const isBehind = this.#sync.isBehind(this.chatId) && window.lastSeq < chat.last_seq;
    const { messages, beforeMore, afterMore } = window;
    return {
      messages,
      beforeMore,
      afterMore,
      pending,
      me: this.#store.me,
      newFromSeq: this.#newFromSeq,
      isBehind,
      trouble: this.#trouble,
    };
  }

  /** Whether the part in memory has this place; 0 stands for the newest. @param {number} seq */
  #holds(seq) {
    const { window } = this;
    if (!window) return false;
    return seq
      ? seq >= window.firstSeq && (seq <= window.lastSeq || !window.afterMore)
      : !window.afterMore;
  }

  /** Begins with another part of the chat, or says why not. @param {number} seq  0: the newest */
  async #load(seq) {
    const { chatId } = this;
    const mine = (this.#asking = {});
    const timer = setTimeout(() => this.#asking === mine && this.#showLoading(), LOADING_AFTER_MS);
    try {
      const { page, settle } = await this.#sync.readPage(chatId, seq ? { around_seq: seq } : {});
      if (this.#asking !== mine) return false;
      this.#forgetRequests();
      this.#store.openWindow(chatId, page);
      settle();
    } catch (error) {
      if (this.#asking === mine) this.#showFailure(/** @type {Error} */ (error));
      return false;
    } finally {
      clearTimeout(timer);
      if (this.#asking === mine) this.#asking = null;
    }
    this.#showEmpty();
    // The newest are read from their end.
    if (!seq) this.#timeline.isAtBottom = true;
    this.#timeline.draw();
    return true;
  }

  #forgetRequests() {
    this.#asking = this.#trouble = null;
    this.#isAhead = false;
    this.#retryAt = 0;
  }

  /** There is a connection again, or somebody asks for it: what could not be read is read now. */
  again() {
    this.#retryAt = 0;
    if (!this.chatId) return;
    if (this.#isAhead) this.echo();
    else if (!this.window) this.open(this.chatId, { seq: this.#wanted });
    else if (this.#wanted) this.jump(this.#wanted);
    else this.#timeline.schedule();
  }

  #older() {
    const { window } = this;
    if (window?.beforeMore) this.#more("older", { before_seq: window.firstSeq });
  }

  #newer() {
    const { window } = this;
    if (window?.afterMore) this.#more("newer", { before_seq: window.lastSeq + PAGE + 1 });
  }

  /** @param {"older"|"newer"} end @param {object} where */
  async #more(end, where) {
    if (this.#asking || Date.now() < this.#retryAt) return;
    const { chatId, window } = this;
    const mine = (this.#asking = {});
    try {
      const { page, settle } = await this.#sync.readPage(chatId, where);
      if (this.#asking !== mine || this.window !== window) return;
      this.#trouble = null;
      this.#store.extendWindow(chatId, end, page, this.#most);
      settle();
    } catch (error) {
      if (this.#asking !== mine) return;
      this.#trouble = { end, reason: /** @type {Error} */ (error).message };
      this.#retryAt = Date.now() + AGAIN_MS;
      // Drawing asks for what is missing at the place that is read.
      setTimeout(() => this.#timeline.schedule(), AGAIN_MS);
    } finally {
      if (this.#asking === mine) {
        this.#asking = null;
        this.#timeline.draw();
      }
    }
  }

  get #most() {
    return Math.max(PAGE, MAX_NODES - this.#unsent.of(this.chatId).length);
  }

  /** @param {import("../types.js").Message[]} fresh */
  #changed(fresh) {
    const { chat } = this;
    if (fresh.length && chat && !this.#receipts.isWatched && !this.#newFromSeq)
      this.#newFromSeq = chat.read_seq + 1;
    // A long talk does not grow the page: what is farthest from the reader's eyes goes.
    const farthest = this.#timeline.isAtBottom ? "older" : "newer";
    this.#store.trimWindow(this.chatId, farthest, this.#most);
    this.#showEmpty();
    this.#timeline.schedule();
  }

  #lookAgain() {
    const { chat } = this;
    // Whatever covered the messages may be gone.
    if (chat?.unread) this.#receipts.look();
    // Looking away with everything read: the next message goes below a new line.
    else if (chat && !this.#receipts.isWatched) this.#newFromSeq = 0;
  }

  /** @param {number} count */
  #beginAtLine(count) {
    const line = this.#timeline.nodeOf((item) => item.kind === "new");
    // Only the person's own messages are new: there is nowhere to start reading.
    if (!line) return this.toNewest();
    this.#timeline.reveal(line);
    this.#showPill();
    const first = this.window?.messages.find((message) => message.seq >= this.#newFromSeq);
    if (this.#timeline.isAtBottom || !first) return;
    const close = () => {
      this.#since.hidden = true;
    };
    this.#since.replaceChildren(
      el("button.go", { onclick: () => this.toNewest() }),
      iconButton("close", gettext("Close"), close),
    );
    const moment = new Date(first.created_at);
    this.#showWhen = () => {
      const when = momentOfDay(moment, new Date());
      /** @type {HTMLElement} */ (this.#since.firstChild).textContent = ngettext(
        "%(count)s new since %(when)s",
        "%(count)s new since %(when)s",
        count,
        { when },
      );
    };
    this.#showWhen();
    this.#since.hidden = false;
  }

  #showPill() {
    const { chat, window } = this;
    const isBelow = Boolean(chat && window && (!this.#timeline.isAtBottom || window.afterMore));
    this.#pill.hidden = !isBelow;
    if (!isBelow) this.#since.hidden = true;
    if (!isBelow || !chat) return;
    const text = chat.unread ? ngettext("%(count)s new", "%(count)s new", chat.unread) : "";
    if (this.#pill.dataset.text === text && this.#pill.firstChild) return;
    this.#pill.dataset.text = text;
    this.#pill.classList.toggle("bare", !text);
    this.#pill.setAttribute(
      "aria-label",
      text
        ? `${text}. ${gettext("Go to the newest messages")}`
        : gettext("Go to the newest messages"),
    );
    this.#pill.replaceChildren(icon("down"), text);
  }

  #showEmpty() {
    const { window, chat } = this;
    const isEmpty = Boolean(
      chat && window && !window.messages.length && !this.#unsent.of(this.chatId).length,
    );
    this.#empty.hidden = !isEmpty;
    if (!isEmpty || !chat) return;
    const [title, text] =
      chat.kind === "direct"
        ? [gettext("Say hello"), gettext("This is where your conversation begins.")]
        : [
            gettext("It is quiet here"),
            chat.role === "member"
              ? gettext("Write the first message.")
              : gettext("Write the first message, or add people from the list of members."),
          ];
    showEmpty(chat.kind === "direct" ? "person" : chat.kind, title, text);
  }

  #showLoading() {
    if (this.#drawing()) return;
    this.#timeline.placehold(
      ...Array.from({ length: 7 }, () => el("li.skeleton")),
      el("li.unseen", {}, gettext("Loading…")),
    );
  }

  /** @param {Error} error */
  #showFailure(error) {
    // What is being read stays.
    if (this.window) return toast(error.message);
    if (this.#drawing()) {
      this.#trouble = { end: "older", reason: error.message };
      return this.#timeline.draw();
    }
    this.#timeline.placehold();
    showEmpty("failed", gettext("The messages could not be loaded"), error.message, [
      gettext("Try again"),
      () => this.again(),
    ]);
  }
}

/**
 * What stands where no messages do, and what can be done there.
 * @param {string} picture @param {string} title @param {string} text @param {...[string, () => void]} choices  the first is meant
 */
export function showEmpty(picture, title, text, ...choices) {
  const empty = byId("empty");
  const buttons = choices.map(([label, onclick], place) =>
    el(`button.button${place ? "" : ".primary"}`, { onclick }, label),
  );
  empty.hidden = false;
  empty.replaceChildren(
    icon(picture),
    el("h2", { dir: "auto" }, title),
    el("p", {}, text),
    buttons[0] ? el("div.choices", {}, ...buttons) : "",
  );
  empty.firstChild.classList.add("huge");
}
