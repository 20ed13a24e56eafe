/**
 * The open chat's messages on screen: draws what changed, keeps what is being read where it is.
 *
 * Emits "near-start" and "near-end" (older or newer messages are wanted), "scrolled", "drawn".
 */

import { byId, el } from "./dom.js";
import { Emitter } from "./emitter.js";
import { dayHeading } from "./format.js";
import { gettext } from "./i18n.js";
import { MessageView } from "./message-view.js";
import { timelineItems } from "./timeline-items.js";

/** @typedef {import("./timeline-items.js").Item} Item */

export const MOST_NODES = 400;
const STICKS_WITHIN_PX = 80;
const WANTS_MORE_PX = 800;
const HOLE_SHOWS_MS = 300;

export class Timeline extends Emitter {
  scroller = byId("scroller");
  #list = byId("timeline");
  #context;
  /** @type {Map<string, {node: HTMLElement, view: ?MessageView}>} */
  #shown = new Map();
  /** @type {Item[]} */
  items = [];
  isAtBottom = true;
  #scheduled = false;
  #holeSince = 0;
  #height = 0;
  /** @type {() => any} */
  #read = () => null;

  /** @param {import("./message-view.js").Context} context */
  constructor(context) {
    super();
    this.#context = context;
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    const observer = new ResizeObserver(() => this.#resized());
    observer.observe(this.scroller);
    observer.observe(this.#list);
    this.#list.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#walk(event));
  }

  /** Begins with another chat. @param {() => any} read  what to draw: the arguments of timelineItems, or null */
  show(read) {
    this.#read = read;
    this.placehold();
    this.isAtBottom = true;
    this.draw();
  }

  /** Until messages are drawn, these stand in their place. @param {...HTMLElement} nodes */
  placehold(...nodes) {
    this.#shown.clear();
    this.#list.replaceChildren(...nodes);
  }

  /** Draws before the next frame, however often it is asked for. */
  schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const later = document.hidden ? (/** @type {() => void} */ f) => setTimeout(f, 250) : requestAnimationFrame;
    later(() => this.#scheduled && this.draw());
  }

  draw() {
    this.#scheduled = false;
    const from = this.#read();
    if (!from) return;
    this.#list.classList.toggle("direct", this.#context.chat()?.kind === "direct");
    // Where newer messages are not in memory yet, the end is not the bottom: sticking to it would race on.
    if (from.afterMore) this.isAtBottom = false;
    const anchor = this.isAtBottom ? null : this.#anchor();
    this.items = this.#withoutFreshHoles(timelineItems(from));
    this.#place(this.items);
    if (anchor) this.scroller.scrollTop += anchor.node.getBoundingClientRect().top - anchor.top;
    else if (this.isAtBottom) this.scroller.scrollTop = this.scroller.scrollHeight;
    this.emit("drawn");
    this.#wantMore();
  }

  toBottom() {
    this.isAtBottom = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  /** @param {(item: Item) => boolean} isIt @returns {HTMLElement|undefined} */
  nodeOf(isIt) {
    const item = this.items.find(isIt);
    return item && this.#shown.get(item.key)?.node;
  }

  /** Puts a node a third down the page. @param {HTMLElement} node */
  reveal(node) {
    const offset = node.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top;
    this.isAtBottom = false;
    this.scroller.scrollTop += offset - this.scroller.clientHeight / 3;
    this.#noteBottom();
  }

  /** The highest seq whose end is on screen. */
  newestSeenSeq() {
    const bottom = this.scroller.getBoundingClientRect().bottom + 8;
    for (let place = this.items.length - 1; place >= 0; place -= 1) {
      const { key, message } = this.items[place];
      const node = message?.seq && this.#shown.get(key)?.node;
      if (node && node.getBoundingClientRect().bottom <= bottom) return message.seq;
    }
    return 0;
  }

  /** A hole that closes at once is not worth a blink. @param {Item[]} items */
  #withoutFreshHoles(items) {
    const hasHole = items.some((item) => item.kind === "hole");
    if (!hasHole) {
      this.#holeSince = 0;
      return items;
    }
    this.#holeSince ||= Date.now();
    const left = this.#holeSince + HOLE_SHOWS_MS - Date.now();
    if (left <= 0) return items;
    setTimeout(() => this.schedule(), left + 10);
    return items.filter((item) => item.kind !== "hole");
  }

  /** @param {Item[]} items */
  #place(items) {
    const wanted = new Set(items.map((item) => item.key));
    for (const [key, { node }] of this.#shown) {
      if (wanted.has(key)) continue;
      node.remove();
      this.#shown.delete(key);
    }
    let next = this.#list.firstChild;
    for (const item of items) {
      const shown = this.#shown.get(item.key) ?? this.#make(item);
      shown.view?.update(item);
      if (shown.node === next) next = next.nextSibling;
      else this.#list.insertBefore(shown.node, next);
    }
    while (next) {
      const placeholder = next;
      next = next.nextSibling;
      placeholder.remove();
    }
  }

  /** @param {Item} item */
  #make(item) {
    const view = item.kind === "message" ? new MessageView(this.#context) : null;
    const shown = { node: view?.node ?? this.#marker(item), view };
    this.#shown.set(item.key, shown);
    return shown;
  }

  /** @param {Item} item */
  #marker(item) {
    const { kind, moment } = item;
    if (kind === "day") return el("li.day", {}, dayHeading(/** @type {Date} */ (moment), new Date()));
    if (kind === "new") return el("li.new", {}, gettext("New"));
    if (kind === "hole") return el("li.hole", {}, gettext("Some messages are missing here. They are being fetched…"));
    if (kind === "older") return el("li.start", {}, gettext("Earlier messages…"));
    return el("li.start", {}, gettext("The chat begins here."));
  }

  /** The first message in view, and where it is. */
  #anchor() {
    const top = this.scroller.getBoundingClientRect().top;
    for (const node of this.#list.children) {
      const box = node.getBoundingClientRect();
      if (box.bottom > top && node.classList.contains("message")) return { node, top: box.top };
    }
    return null;
  }

  #scrolled() {
    this.#noteBottom();
    this.emit("scrolled");
    this.#wantMore();
  }

  #resized() {
    this.#height = this.scroller.clientHeight;
    if (this.isAtBottom) this.toBottom();
  }

  #noteBottom() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    // A smaller window is no scrolling: the observer puts things right.
    if (clientHeight !== this.#height) return;
    this.isAtBottom = scrollHeight - scrollTop - clientHeight <= STICKS_WITHIN_PX;
  }

  #wantMore() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    if (scrollTop < WANTS_MORE_PX) this.emit("near-start");
    if (scrollHeight - scrollTop - clientHeight < WANTS_MORE_PX) this.emit("near-end");
  }

  /** Arrow keys go from message to message, Enter opens a message's menu, Tab reaches its buttons. @param {KeyboardEvent} event */
  #walk(event) {
    const current = /** @type {HTMLElement} */ (event.target).closest(".message");
    if (!current) return;
    if (event.key === "Enter" && event.target === current) {
      event.preventDefault();
      /** @type {?HTMLElement} */ (current.querySelector(".tools button:last-child"))?.click();
    }
    if (!["ArrowUp", "ArrowDown"].includes(event.key)) return;
    let next = event.key === "ArrowUp" ? current.previousElementSibling : current.nextElementSibling;
    while (next && !next.classList.contains("message")) next = event.key === "ArrowUp" ? next.previousElementSibling : next.nextElementSibling;
    if (!next) return;
    event.preventDefault();
    this.focus(/** @type {HTMLElement} */ (next));
  }

  /** @param {HTMLElement} node */
  focus(node) {
    for (const button of this.#list.querySelectorAll(".tools button[tabindex='0']")) button.tabIndex = -1;
    for (const button of node.querySelectorAll(".tools button")) button.tabIndex = 0;
    node.focus({ preventScroll: true });
    node.scrollIntoView({ block: "nearest" });
  }
}
