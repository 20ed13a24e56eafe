/**
 * The open chat's messages on screen: draws what changed, keeps what is being read where it is.
 *
 * Emits "near-start" and "near-end" (older or newer messages are wanted), "again" (what failed is asked for
 * again), "scrolled", "drawn".
 */

import { beforeNextFrame, byId, el } from "../dom/dom.js";
import { Emitter } from "../base/emitter.js";
import { onNewDay } from "../base/days.js";
import { dayHeading } from "../base/format.js";
import { gettext } from "../base/i18n.js";
import { MessageView, reach } from "./message-view.js";
import { timelineItems } from "./timeline-items.js";

/** @typedef {import("./timeline-items.js").Item} Item */

export const MAX_NODES = 400;
const STICKS_WITHIN_PX = 80;
const WANTS_MORE_PX = 800;
const VISIBLE_PX = 24;
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
  /** Width and height of the place that messages are seen through. */
  #size = "";
  /** What is being read, and where it is. @type {?{node: Element, offset: number}} */
  #reading = null;
  /** The one message at which Tab stops. @type {?HTMLElement} */
  #reached = null;
  /** @type {() => any} */
  #read = () => null;

  /** @param {import("./message-view.js").Context} context */
  constructor(context) {
    super();
    this.#context = context;
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    onNewDay(() => this.schedule());
    const observer = new ResizeObserver(() => this.#resized());
    observer.observe(this.scroller);
    observer.observe(this.#list);
    this.#list.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) =>
      this.#walk(event),
    );
    this.#list.addEventListener("focusin", (/** @type {any} */ event) =>
      this.#reach(event.target.closest(".message")),
    );
    // Tab goes to what is on screen, not through hundreds of messages.
    addEventListener(
      "keydown",
      (event) =>
        event.key === "Tab" &&
        !this.#list.contains(document.activeElement) &&
        this.#reach(this.#lastInView()),
      true,
    );
  }

  /** Whether messages can be seen: no dialog, menu or panel lies over their middle. */
  get isVisible() {
    const { left, top, width, height } = this.scroller.getBoundingClientRect();
    return this.scroller.parentElement.contains(
      document.elementFromPoint(left + width / 2, top + height / 2),
    );
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
    beforeNextFrame(() => this.#scheduled && this.draw());
  }

  draw() {
    this.#scheduled = false;
    const from = this.#read();
    if (!from) return;
    this.#list.classList.toggle("direct", this.#context.chat()?.kind === "direct");
    // While newer messages are not in memory, the end is not the bottom: sticking to it would load on and on.
    if (from.afterMore) this.isAtBottom = false;
    const anchor = this.isAtBottom ? null : this.#anchor();
    this.items = this.#withoutFreshHoles(timelineItems(from));
    this.#place(this.items);
    if (this.isAtBottom) this.toBottom();
    else this.#hold(anchor);
    this.#reading = this.#anchor();
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
    this.#size = this.#sizeNow;
    this.#note();
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

  /** A hole that closes at once is not worth a flicker. @param {Item[]} items */
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
      if (node.contains(document.activeElement)) this.scroller.focus({ preventScroll: true });
      node.remove();
      this.#shown.delete(key);
    }
    let next = this.#list.firstChild;
    for (const item of items) {
      const shown = this.#shown.get(item.key) ?? this.#make(item);
      shown.view?.update(item);
      if (item.kind === "day") showDay(shown.node, /** @type {Date} */ (item.moment));
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
    const { kind, reason } = item;
    if (kind === "day") return el("li.day");
    if (kind === "new") return el("li.new", {}, gettext("New"));
    if (kind === "hole")
      return el("li.hole", {}, gettext("Some messages are missing here. Loading them…"));
    if (kind === "trouble")
      return el(
        "li.hole",
        { role: "status" },
        reason,
        el("button.button.small", { onclick: () => this.emit("again") }, gettext("Try again")),
      );
    if (kind === "older") return el("li.start", {}, gettext("Earlier messages…"));
    return el("li.start", {}, gettext("This is the beginning of the chat."));
  }

  /** The first message in view, and how far below the edge it begins. */
  #anchor() {
    const { children } = this.#list;
    const top = this.scroller.getBoundingClientRect().top;
    let low = 0;
    let high = children.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (children[middle].getBoundingClientRect().bottom > top) high = middle;
      else low = middle + 1;
    }
    let node = children[low];
    while (node && !node.classList.contains("message")) node = node.nextElementSibling;
    return node && { node, offset: node.getBoundingClientRect().top - top };
  }

  /** @param {?{node: Element, offset: number}} anchor */
  #hold(anchor) {
    if (!anchor?.node.isConnected) return;
    this.scroller.scrollTop +=
      anchor.node.getBoundingClientRect().top -
      this.scroller.getBoundingClientRect().top -
      anchor.offset;
  }

  #scrolled() {
    this.#note();
    this.emit("scrolled");
    this.#wantMore();
  }

  #resized() {
    this.#size = this.#sizeNow;
    if (this.isAtBottom) this.toBottom();
    else this.#hold(this.#reading);
  }

  get #sizeNow() {
    return `${this.scroller.clientWidth} ${this.scroller.clientHeight}`;
  }

  #note() {
    // A resize is not a scroll: the observer handles it.
    if (this.#sizeNow !== this.#size) return;
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.isAtBottom = scrollHeight - scrollTop - clientHeight <= STICKS_WITHIN_PX;
    this.#reading = this.#anchor();
  }

  #wantMore() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    if (scrollTop < WANTS_MORE_PX) this.emit("near-start");
    if (scrollHeight - scrollTop - clientHeight < WANTS_MORE_PX) this.emit("near-end");
  }

  /** Arrow keys go from message to message, Tab to what is in it. @param {KeyboardEvent} event */
  #walk(event) {
    const isUp = event.key === "ArrowUp";
    if (!isUp && event.key !== "ArrowDown") return;
    const step = (/** @type {?Element} */ node) =>
      (isUp ? node?.previousElementSibling : node?.nextElementSibling) ?? null;
    let next = step(/** @type {HTMLElement} */ (event.target).closest(".message"));
    while (next && !next.classList.contains("message")) next = step(next);
    if (!next) return;
    event.preventDefault();
    this.focus(/** @type {HTMLElement} */ (next));
  }

  /** @param {HTMLElement} node */
  focus(node) {
    node.focus({ preventScroll: true });
    node.scrollIntoView({ block: "nearest" });
  }

  /** @param {?HTMLElement} node */
  #reach(node) {
    if (!node || node === this.#reached) return;
    if (this.#reached) reach(this.#reached, false);
    reach(node, true);
    this.#reached = node;
  }

  #lastInView() {
    const { bottom } = this.scroller.getBoundingClientRect();
    const messages = /** @type {HTMLElement[]} */ ([...this.#list.querySelectorAll(".message")]);
    return (
      messages.findLast((node) => node.getBoundingClientRect().top < bottom - VISIBLE_PX) ??
      messages[0]
    );
  }
}

/** What is today's will be yesterday's. @param {HTMLElement} node @param {Date} moment */
function showDay(node, moment) {
  const heading = dayHeading(moment, new Date());
  if (node.textContent !== heading) node.textContent = heading;
}
