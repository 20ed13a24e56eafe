/** One message as a list item: built once, then changed in place, so that it never jumps or blinks. */

import { attachmentsNode, lineOf } from "./attachments.js";
import { toast } from "../dom/toasts.js";
import { avatar, el, icon, iconButton, isTouch, isolated, redrawn, tag } from "../dom/dom.js";
import { exactTime, fullName, goneWords, shortName, timeOfDay, tint } from "../base/format.js";
import { gettext, ngettext } from "../base/i18n.js";
import { textNode } from "./rich-text.js";
import { ticksOf } from "./ticks.js";

/** @typedef {import("./timeline-items.js").Item} Item */
/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../types.js").UnsentMessage} UnsentMessage */

// A message that is saved at once shows no clock: it would only flicker.
const CLOCK_AFTER_MS = 400;
const NO_TICKS = { state: "none", label: "", title: "" };

/**
 * What can be done with a message, or with one that is not sent.
 * @typedef {object} Actions
 * @property {(message: Message) => unknown} reply
 * @property {(message: Message, emoji: string, on: boolean) => unknown} react
 * @property {(message: Message, anchor: HTMLElement) => unknown} pickReaction
 * @property {(message: Message) => unknown} versions
 * @property {(seq: number) => unknown} jump
 * @property {(message: Message, anchor: HTMLElement, state?: string) => unknown} menu
 * @property {(item: UnsentMessage) => unknown} retry
 * @property {(item: UnsentMessage) => unknown} editUnsent
 * @property {(item: UnsentMessage) => unknown} discard
 */
/**
 * @typedef {object} Context
 * @property {import("../types.js").Person} me
 * @property {() => import("../types.js").Chat|undefined} chat
 * @property {import("./named.js").Named} names
 * @property {Actions} actions
 */

export class MessageView {
  #context;
  #built = "";
  #ticked = "";
  #shown = el("div");

  /** @param {Context} context */
  constructor(context) {
    this.#context = context;
    this.node = el("li.message", {
      tabIndex: -1,
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key !== "Enter" || event.target !== this.node) return;
        event.preventDefault();
        this.#open(this.node.querySelector(".tools button:last-child") ?? this.node);
      },
    });
    /** @type {?Item} */
    this.item = null;
  }

  /** @param {Item} item */
  update(item) {
    this.item = item;
    const { message, pending } = item;
    if (!message) return;
    const { reply_to: quote, sender } = message;
    const built = [
      message.revision,
      message.id,
      item.isFirst,
      item.isLast,
      item.isShared,
      pending?.state,
      message.content,
      sender.name,
      quote?.content,
      quote?.deleted,
      quote?.hidden,
      quote?.sender.name,
    ].join();
    if (built !== this.#built) redrawn(this.node, () => this.#build(item, message));
    this.#built = built;
    this.#showTicks(item, message);
  }

  /** @param {Item} item @param {Message} message */
  #build(item, message) {
    const { node } = this;
    const { pending } = item;
    const stuck = pending?.state === "failed" || pending?.state === "held" ? pending : null;
    node.className = "message";
    node.classList.toggle("own", Boolean(item.isOwn));
    node.classList.toggle("first", Boolean(item.isFirst));
    node.classList.toggle("last", Boolean(item.isLast));
    node.classList.toggle("pending", Boolean(pending));
    node.classList.toggle("failed", Boolean(stuck));
    node.dataset.seq = String(message.seq || "");
    const isMany = this.#context.chat()?.kind !== "direct";
    node.replaceChildren();
    if (!item.isOwn && isMany)
      node.append(item.isFirst ? avatar(message.sender, { small: true }) : el("span"));
    this.#ticked = "";
    this.ticks = item.isOwn && !goneWords(message) ? el("span.ticks") : null;
    this.meta = null;
    const main = el(
      "div.main",
      {},
      this.#byline(item, message),
      this.#bubble(message),
      this.#tools(item, message),
    );
    if (message.reactions.length) main.append(this.#reactions(message));
    if (stuck) main.append(this.#failure(stuck));
    else if (item.isOwn && item.isLast) main.append((this.meta = el("div.meta")));
    node.append(main);
    reach(node, node.tabIndex === 0);
  }

  /** @param {Item} item @param {Message} message */
  #byline(item, message) {
    const moment = /** @type {Date} */ (item.moment);
    const { sender } = message;
    const who = el(
      "span.name.ellipsis",
      { title: fullName(sender), data: { tint: tint(sender.id) } },
      isolated(sender.name),
    );
    const time = el(
      "time",
      { dateTime: message.created_at, title: exactTime(moment) },
      timeOfDay(moment),
    );
    if (item.isOwn || !item.isFirst)
      return el(
        "span.unseen",
        {},
        `${item.isOwn ? gettext("You") : shortName(sender)}, ${timeOfDay(moment)}: `,
      );
    return el("div.byline", {}, who, (sender.is_bot || item.isShared) && tag(sender), time);
  }

  /** @param {Message} message */
  #bubble(message) {
    const bubble = el("div.bubble", {
      dir: "auto",
      title: exactTime(new Date(message.created_at)),
      onclick: (/** @type {Event} */ event) => this.#tapped(event),
    });
    const gone = goneWords(message);
    if (gone) {
      bubble.append(el("span.gone", {}, gone));
      return bubble;
    }
    if (message.reply_to) bubble.append(this.#quote(message.reply_to));
    if (message.attachments?.length) bubble.append(this.#attachments(message.attachments));
    if (message.content) bubble.append(textNode(message.content, this.#context.me, this.#mark));
    if (message.edited_at) {
      const label = gettext("edited");
      bubble.append(
        el(
          "button.edited",
          {
            title: gettext("Show edit history"),
            onclick: () => this.#actions.versions(message),
          },
          label,
        ),
      );
    }
    if (this.ticks) bubble.append(this.ticks);
    return bubble;
  }

  /** @param {HTMLElement} node @param {string} username */
  #mark = (node, username) => {
    const { names, chat } = this.#context;
    names.mark(node, chat(), username);
  };

  /** The same node as before: a picture that is there is not loaded again. @param {readonly import("../types.js").Attachment[]} attachments */
  #attachments(attachments) {
    const ids = attachments.map(({ id }) => id).join();
    if (this.#shown.dataset.ids !== ids) this.#shown = attachmentsNode(attachments);
    this.#shown.dataset.ids = ids;
    return this.#shown;
  }

  /** @param {import("../types.js").Quote} quote */
  #quote(quote) {
    const text = goneWords(quote) || lineOf(quote);
    return el(
      "button.quote",
      {
        dir: "auto",
        title: fullName(quote.sender),
        data: { tint: tint(quote.sender.id) },
        onclick: () => this.#actions.jump(quote.seq),
      },
      el("b.ellipsis", {}, isolated(shortName(quote.sender))),
      el("span", {}, text),
    );
  }

  /** @param {Message} message */
  #reactions(message) {
    const { me } = this.#context;
    return el(
      "div.reactions",
      {},
      ...message.reactions.map(({ emoji, user_ids: users }) => {
        const isMine = users.includes(me.id);
        const label = ngettext(
          "%(emoji)s from %(count)s person",
          "%(emoji)s from %(count)s people",
          users.length,
          { emoji },
        );
        return el(
          "button.reaction",
          {
            "aria-pressed": String(isMine),
            "aria-label": label,
            title: label,
            data: { name: emoji },
            onclick: () => this.#actions.react(message, emoji, !isMine),
          },
          emoji,
          el("span", {}, String(users.length)),
        );
      }),
    );
  }

  /** @param {Item} item @param {Message} message */
  #tools(item, message) {
    if (item.pending || message.deleted) return null;
    const more = iconButton("more", gettext("More"), (event) => this.#open(event.currentTarget), {
      "aria-haspopup": "menu",
    });
    if (message.hidden) return el("div.tools", {}, more);
    return el(
      "div.tools",
      {},
      iconButton("smile", gettext("React"), (event) =>
        this.#actions.pickReaction(message, event.currentTarget),
      ),
      iconButton("reply", gettext("Reply"), () => this.#actions.reply(message)),
      more,
    );
  }

  /** @param {UnsentMessage} pending */
  #failure(pending) {
    const isHeld = pending.state === "held";
    const time = exactTime(new Date(pending.written_at));
    const reason = isHeld
      ? gettext("Written at %(time)s and never sent. Send it now?", { time })
      : pending.reason;
    const button = (
      /** @type {string} */ label,
      /** @type {"retry"|"editUnsent"|"discard"} */ action,
    ) => el("button.link", { onclick: () => this.#actions[action](pending) }, label);
    return el(
      "div.failure",
      { role: "group" },
      icon("failed"),
      el("span", {}, reason),
      button(isHeld ? gettext("Send") : gettext("Retry"), "retry"),
      button(gettext("Edit"), "editUnsent"),
      button(gettext("Discard"), "discard"),
    );
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
    this.ticks.replaceChildren(
      ...(state === "none" ? [] : [icon(state), el("span.unseen", {}, label)]),
    );
    this.#showMeta(item, item.isNewestOwn ? label : "");
  }

  /** @param {Item} item @param {string} label */
  #showMeta(item, label) {
    if (!this.meta) return;
    const moment = /** @type {Date} */ (item.moment);
    const time = el("time", { dateTime: moment.toISOString() }, timeOfDay(moment));
    this.meta.replaceChildren(
      ...(label ? [el("span", { "aria-hidden": "true" }, `${label} ·`)] : []),
      time,
    );
  }

  /** @param {Item} item @param {Message} message */
  #ticks(item, message) {
    const { pending } = item;
    const chat = this.#context.chat();
    if (!pending || (pending.state === "sent" && pending.seq))
      return chat ? ticksOf(chat, message) : NO_TICKS;
    const age = Date.now() - pending.written_at;
    if (pending.state === "waiting" && age < CLOCK_AFTER_MS) {
      setTimeout(() => this.item && this.update(this.item), CLOCK_AFTER_MS - age + 10);
      return NO_TICKS;
    }
    if (pending.state === "waiting")
      return {
        state: "clock",
        label: gettext("Sending"),
        title: gettext("Not sent yet. It is kept in this browser and will be sent automatically."),
      };
    return { state: "failed", label: gettext("Not sent"), title: pending.reason ?? "" };
  }

  /** Touch has no hover: a tap on the message itself opens its menu. @param {Event} event */
  #tapped(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const isBusy = target.closest("a, button") || !getSelection()?.isCollapsed;
    if (isTouch && !isBusy) this.#open(/** @type {HTMLElement} */ (event.currentTarget));
  }

  /** What can be done with it, and how far it has come; of one on its way only that. @param {HTMLElement} anchor */
  #open(anchor) {
    const message = this.item?.message;
    const state = this.ticks?.title;
    if (message?.id && !message.deleted) this.#actions.menu(message, anchor, state);
    else if (state) toast(state);
  }

  get #actions() {
    return this.#context.actions;
  }
}

/** Whether Tab stops at a message, and at what is in it. @param {HTMLElement} node @param {boolean} isReached */
export function reach(node, isReached) {
  for (const one of [node, ...node.querySelectorAll("a, button")])
    /** @type {HTMLElement} */ (one).tabIndex = isReached ? 0 : -1;
}
