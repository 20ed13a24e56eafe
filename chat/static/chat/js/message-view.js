/** One message as a list item: built once, then changed in place, so that it never jumps or blinks. */

import { attachmentsNode, lineOf } from "./attachments.js";
import { toast } from "./dialogs.js";
import { avatar, el, icon, iconButton, isTouch, isolated, redrawn, tag } from "./dom.js";
import { exactTime, fullName, goneWords, shortName, timeOfDay, tint } from "./format.js";
import { gettext, ngettext } from "./i18n.js";
import { textNode } from "./rich-text.js";
import { ticksOf } from "./ticks.js";

/** @typedef {import("./timeline-items.js").Item} Item */
/** @typedef {import("./types.js").Message} Message */

// A message that is saved at once shows no clock: it would only blink.
const CLOCK_AFTER_MS = 400;

/**
 * @typedef {object} Context
 * @property {import("./types.js").Person} me
 * @property {() => import("./types.js").Chat} chat
 * @property {Record<string, (...args: any[]) => void>} actions
 */

export class MessageView {
  #context;
  #built = "";
  #ticked = "";
  #shown = el("div");

  /** @param {Context} context */
  constructor(context) {
    this.#context = context;
    this.node = el("li.message", { tabIndex: -1, onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Enter" || event.target !== this.node) return;
      event.preventDefault();
      this.#open(this.node.querySelector(".tools button:last-child") ?? this.node);
    } });
    /** @type {?Item} */
    this.item = null;
  }

  /** @param {Item} item */
  update(item) {
    this.item = item;
    const { message, pending } = item;
    if (!message) return;
    const { reply_to: quote, sender } = message;
    const built = [message.revision, message.id, item.isFirst, item.isLast, item.isShared, pending?.state, message.content, sender.name, quote?.content, quote?.deleted, quote?.hidden, quote?.sender.name].join();
    if (built !== this.#built) redrawn(this.node, () => this.#build(item, message));
    this.#built = built;
    this.#showTicks(item, message);
  }

  /** @param {Item} item @param {Message} message */
  #build(item, message) {
    const { node } = this;
    const isFailed = item.pending?.state === "failed" || item.pending?.state === "held";
    node.className = "message";
    node.classList.toggle("own", Boolean(item.isOwn));
    node.classList.toggle("first", Boolean(item.isFirst));
    node.classList.toggle("last", Boolean(item.isLast));
    node.classList.toggle("pending", Boolean(item.pending));
    node.classList.toggle("failed", isFailed);
    node.dataset.seq = String(message.seq || "");
    const isMany = this.#context.chat().kind !== "direct";
    node.replaceChildren();
    if (!item.isOwn && isMany) node.append(item.isFirst ? avatar(message.sender, { small: true }) : el("span"));
    this.#ticked = "";
    this.ticks = item.isOwn && !goneWords(message) ? el("span.ticks") : null;
    this.meta = null;
    const main = el("div.main", {}, this.#byline(item, message), this.#bubble(message), this.#tools(item, message));
    if (message.reactions.length) main.append(this.#reactions(message));
    if (isFailed) main.append(this.#failure(item));
    else if (item.isOwn && item.isLast) main.append((this.meta = el("div.meta")));
    node.append(main);
    reach(node, node.tabIndex === 0);
  }

  /** @param {Item} item @param {Message} message */
  #byline(item, message) {
    const moment = /** @type {Date} */ (item.moment);
    const { sender } = message;
    const who = el("span.name.ellipsis", { title: fullName(sender), data: { tint: tint(sender.id) } }, isolated(sender.name));
    const time = el("time", { dateTime: message.created_at, title: exactTime(moment) }, timeOfDay(moment));
    if (item.isOwn || !item.isFirst) return el("span.unseen", {}, `${item.isOwn ? gettext("You") : shortName(sender)}, ${timeOfDay(moment)}: `);
    return el("div.byline", {}, who, (sender.is_bot || item.isShared) && tag(sender), time);
  }

  /** @param {Message} message */
  #bubble(message) {
    const bubble = el("div.bubble", { dir: "auto", title: exactTime(new Date(message.created_at)), onclick: (/** @type {Event} */ event) => this.#tapped(event) });
    const gone = goneWords(message);
    if (gone) {
      bubble.append(el("span.gone", {}, gone));
      return bubble;
    }
    if (message.reply_to) bubble.append(this.#quote(message.reply_to));
    if (message.attachments?.length) bubble.append(this.#attachments(message.attachments));
    if (message.content) bubble.append(textNode(message.content, this.#context.me));
    if (message.edited_at) {
      const label = gettext("edited");
      bubble.append(el("button.edited", { title: gettext("Show earlier wordings"), onclick: () => this.#act("versions", message) }, label));
    }
    if (this.ticks) bubble.append(this.ticks);
    return bubble;
  }

  /** The same node as before: a picture that is there is not loaded again. @param {import("./types.js").Attachment[]} attachments */
  #attachments(attachments) {
    const ids = attachments.map(({ id }) => id).join();
    if (this.#shown.dataset.ids !== ids) this.#shown = attachmentsNode(attachments);
    this.#shown.dataset.ids = ids;
    return this.#shown;
  }

  /** @param {import("./types.js").Quote} quote */
  #quote(quote) {
    const text = goneWords(quote) || lineOf(quote);
    return el("button.quote", { dir: "auto", title: fullName(quote.sender), data: { tint: tint(quote.sender.id) }, onclick: () => this.#act("jump", quote.seq) },
      el("b.ellipsis", {}, isolated(shortName(quote.sender))), el("span", {}, text));
  }

  /** @param {Message} message */
  #reactions(message) {
    const { me } = this.#context;
    return el("div.reactions", {}, ...message.reactions.map(({ emoji, user_ids: users }) => {
      const isMine = users.includes(me.id);
      const label = ngettext("%(emoji)s from %(count)s person", "%(emoji)s from %(count)s people", users.length, { emoji });
      return el("button.reaction", { "aria-pressed": String(isMine), "aria-label": label, title: label, data: { name: emoji },
        onclick: () => this.#act("react", message, emoji, !isMine) }, emoji, el("span", {}, String(users.length)));
    }));
  }

  /** @param {Item} item @param {Message} message */
  #tools(item, message) {
    if (item.pending || message.deleted) return null;
    const more = iconButton("more", gettext("More"), (event) => this.#open(event.currentTarget), { "aria-haspopup": "menu" });
    if (message.hidden) return el("div.tools", {}, more);
    return el("div.tools", {},
      iconButton("smile", gettext("React"), (event) => this.#act("pickReaction", message, event.currentTarget)),
      iconButton("reply", gettext("Reply"), () => this.#act("reply", message)),
      more);
  }

  /** @param {Item} item */
  #failure(item) {
    const pending = /** @type {any} */ (item.pending);
    const isHeld = pending.state === "held";
    const reason = isHeld ? gettext("Written at %(time)s and never sent. Send it now?", { time: exactTime(new Date(pending.written_at)) }) : pending.reason;
    const button = (/** @type {string} */ label, /** @type {string} */ action) =>
      el("button.link", { onclick: () => this.#act(action, pending) }, label);
    return el("div.failure", { role: "group" }, icon("failed"), el("span", {}, reason),
      button(isHeld ? gettext("Send") : gettext("Retry"), "retry"), button(gettext("Edit"), "editUnsent"), button(gettext("Discard"), "discard"));
  }

  /** @param {Item} item @param {Message} message */
  #showTicks(item, message) {
    if (!this.ticks) return this.#showMeta(item, "");
    const { state, label, title } = this.#ticks(item, message);
    const ticked = [state, title, item.isNewestOwn].join();
    if (ticked === this.#ticked) return;
    this.#ticked = ticked;
    this.ticks.className = `ticks ${state}`;
    this.ticks.title = title;
    this.ticks.replaceChildren(...(state === "none" ? [] : [icon(state), el("span.unseen", {}, label)]));
    this.#showMeta(item, item.isNewestOwn ? label : "");
  }

  /** @param {Item} item @param {string} label */
  #showMeta(item, label) {
    if (!this.meta) return;
    const moment = /** @type {Date} */ (item.moment);
    const time = el("time", { dateTime: moment.toISOString() }, timeOfDay(moment));
    this.meta.replaceChildren(...(label ? [el("span", { "aria-hidden": "true" }, `${label} ·`)] : []), time);
  }

  /** @param {Item} item @param {Message} message */
  #ticks(item, message) {
    const { pending } = item;
    if (!pending || (pending.state === "sent" && pending.seq)) return ticksOf(this.#context.chat(), message);
    const age = Date.now() - pending.written_at;
    if (pending.state === "waiting" && age < CLOCK_AFTER_MS) {
      setTimeout(() => this.item && this.update(this.item), CLOCK_AFTER_MS - age + 10);
      return { state: "none", label: "", title: "" };
    }
    if (pending.state === "waiting") return { state: "clock", label: gettext("Sending"), title: gettext("Not sent yet. It is kept in this browser and goes out by itself.") };
    return { state: "failed", label: gettext("Not sent"), title: pending.reason ?? "" };
  }

  /** Under a finger there is no hovering: a tap on the message itself opens its menu. @param {Event} event */
  #tapped(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const isBusy = target.closest("a, button") || !getSelection()?.isCollapsed;
    if (isTouch && !isBusy) this.#open(/** @type {HTMLElement} */ (event.currentTarget));
  }

  /** What can be done with it, and how far it has come; of one on its way only that. @param {HTMLElement} anchor */
  #open(anchor) {
    const message = this.item?.message;
    const state = this.ticks?.title;
    if (message?.id && !message.deleted) this.#act("menu", message, anchor, state);
    else if (state) toast(state);
  }

  /** @param {string} action @param {...any} details */
  #act(action, ...details) {
    this.#context.actions[action](...details);
  }
}

/** Whether Tab stops at a message, and at what is in it. @param {HTMLElement} node @param {boolean} isReached */
export function reach(node, isReached) {
  for (const one of [node, ...node.querySelectorAll("a, button")]) /** @type {HTMLElement} */ (one).tabIndex = isReached ? 0 : -1;
}
