/**
 * The field where messages are written: drafts, replies, edits, Enter, the counter.
 *
 * Emits "send" ({content, replyTo, attachments}), "edit" ({message, content}), "typing", "edit-last".
 */

import { lineOf } from "./attachments.js";
import { byId, el, icon, iconButton, isTouch, isolated } from "./dom.js";
import { Emitter } from "./emitter.js";
import { codePoints } from "./format.js";
import { gettext, ngettext, number } from "./i18n.js";
import { MentionPicker } from "./mention-picker.js";

const TYPING_EVERY_MS = 3000;
const COUNTS_FROM = 0.8;

export class Composer extends Emitter {
  #form = byId("composer");
  #drafts;
  #limit;
  #chatId = 0;
  /** @type {?import("./types.js").Quote} */
  #replyTo = null;
  /** @type {?import("./types.js").Message} */
  #editing = null;
  #typedAt = 0;

  /** @param {import("./drafts.js").Drafts} drafts @param {number} limit  code points @param {import("./tray.js").Tray} tray */
  constructor(drafts, limit, tray) {
    super();
    this.#drafts = drafts;
    this.#tray = tray;
    this.#limit = limit;
    this.field = el("textarea", { id: "message", rows: 1, autocomplete: "off", dir: "auto", enterKeyHint: isTouch ? "enter" : "send" });
    this.#context = el("div.context", { hidden: true });
    this.#counter = el("span.counter", { hidden: true });
    this.#send = el("button.icon-button.send", { type: "submit", title: gettext("Send"), "aria-label": gettext("Send") }, icon("send"));
    this.#mentions = new MentionPicker(this.field);
    this.#waits = el("span", { hidden: true }, gettext("Goes out when the files are there"));
    this.#form.append(this.#context, this.#mentions.list, tray.node, el("div.box", {}, tray.button, this.field, this.#send), el("div.foot-line", { "aria-live": "polite" }, this.#waits, this.#counter));
    this.#listen();
  }

  #context;
  #counter;
  #send;
  #mentions;
  #tray;
  /** Shown while a message was told to go, and its files are still on their way. */
  #waits;

  /** @param {import("./types.js").Chat} chat */
  open(chat) {
    this.#chatId = chat.id;
    const { text, replyTo, editing, attachments } = this.#drafts.get(chat.id);
    this.#waits.hidden = true;
    this.#tray.open(chat.id, attachments);
    this.field.value = text;
    this.#replyTo = replyTo;
    this.#editing = editing;
    this.#form.hidden = false;
    this.#mentions.open(chat);
    const label = gettext("Message to %(name)s", { name: chat.title });
    this.field.placeholder = gettext("Write a message");
    this.field.setAttribute("aria-label", label);
    this.#show();
    if (!isTouch) this.focus();
  }

  close() {
    this.#chatId = 0;
    this.#tray.open(0);
    this.#form.hidden = true;
  }

  focus() {
    this.field.focus({ preventScroll: true });
  }

  get isEmpty() {
    return !this.field.value.trim();
  }

  /** @param {import("./types.js").Quote} quote */
  reply(quote) {
    this.#editing = null;
    this.#replyTo = quote;
    this.#changed();
    this.focus();
  }

  /** @param {import("./types.js").Message} message */
  edit(message) {
    if (!this.#editing && !this.isEmpty) this.#setAside = { text: this.field.value, replyTo: this.#replyTo };
    this.#editing = message;
    this.#replyTo = null;
    this.field.value = message.content;
    this.#changed();
    this.focus();
    this.field.setSelectionRange(message.content.length, message.content.length);
  }

  /** What was being written when an edit began. @type {?{text: string, replyTo: any}} */
  #setAside = null;

  /** Puts a text back, before whatever stands there. @param {string} text @param {any} [replyTo] @param {any[]} [attachments] */
  restore(text, replyTo = null, attachments = []) {
    this.#tray.restore(attachments);
    this.field.value = this.isEmpty ? text : `${text}\n${this.field.value}`;
    this.#replyTo = replyTo ?? this.#replyTo;
    this.#changed();
    this.focus();
  }

  cancel() {
    if (!this.#editing && !this.#replyTo) return false;
    if (this.#editing) this.field.value = this.#setAside?.text ?? "";
    this.#replyTo = this.#editing ? this.#setAside?.replyTo ?? null : null;
    this.#editing = this.#setAside = null;
    this.#changed();
    return true;
  }

  #listen() {
    this.#form.addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#submit();
    });
    this.field.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#pressed(event));
    this.field.addEventListener("paste", (/** @type {ClipboardEvent} */ event) => {
      const files = event.clipboardData?.files;
      // What was copied from a text comes as a picture, too: then the words are meant.
      if (!files?.length || event.clipboardData?.types.includes("text/plain")) return;
      event.preventDefault();
      this.#tray.add(files);
    });
    this.#tray.on("changed", () => {
      this.#changed();
      if (!this.#waits.hidden && !this.#tray.isBusy) this.#submit();
    });
    this.field.addEventListener("input", () => {
      this.#waits.hidden = true;
      this.#changed();
      if (!this.isEmpty && !this.#editing) this.#tellTyping();
    });
    addEventListener("pagehide", () => this.#keep());
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    // While an input method is composing, Enter chooses a word.
    if (event.isComposing || event.keyCode === 229 || this.#mentions.pressed(event)) return;
    const sends = event.key === "Enter" && (isTouch ? event.shiftKey || event.ctrlKey || event.metaKey : !event.shiftKey && !event.altKey);
    if (sends) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "ArrowUp" && !event.altKey && !this.field.value && !this.#replyTo) {
      event.preventDefault();
      this.emit("edit-last");
    }
  }

  #submit() {
    const content = this.field.value.replace(/^\s*\n|\s+$/gu, "");
    const [message, replyTo] = [this.#editing, this.#replyTo];
    if ((!content && !this.#maySayNothing) || codePoints(content) > this.#limit) return this.#show();
    this.#waits.hidden = Boolean(message) || !this.#tray.isBusy;
    if (!message && !this.#tray.isReady) return;
    const attachments = message ? [] : this.#tray.take();
    this.field.value = message ? this.#setAside?.text ?? "" : "";
    this.#replyTo = message ? this.#setAside?.replyTo ?? null : null;
    this.#editing = this.#setAside = null;
    this.#typedAt = 0;
    this.#changed();
    this.focus();
    if (message) this.emit("edit", { message, content });
    else this.emit("send", { content, replyTo, attachments });
  }

  /** Where there is something to see, words are not needed. */
  get #maySayNothing() {
    return this.#editing ? Boolean(this.#editing.attachments?.length) : !this.#tray.isEmpty;
  }

  #changed() {
    this.#keep();
    this.#show();
  }

  #keep() {
    if (this.#chatId) this.#drafts.set(this.#chatId, { text: this.field.value, replyTo: this.#replyTo, editing: this.#editing, attachments: this.#tray.attachments });
  }

  #show() {
    this.#grow();
    this.#count();
    const quote = this.#editing ?? this.#replyTo;
    this.#context.hidden = !quote;
    this.#tray.node.hidden = this.#tray.isEmpty || Boolean(this.#editing);
    if (!quote) return;
    const heading = this.#editing ? el("b", {}, gettext("Editing")) : el("b", {}, gettext("Reply to"), " ", isolated(quote.sender.name));
    const close = iconButton("close", gettext("Cancel"), () => {
      this.cancel();
      this.focus();
    });
    this.#context.replaceChildren(icon(this.#editing ? "edit" : "reply"), el("div", {}, heading, el("div.ellipsis", { dir: "auto" }, lineOf(quote))), close);
  }

  #grow() {
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
  }

  #count() {
    const length = codePoints(this.field.value);
    this.#send.disabled = (this.isEmpty && !this.#maySayNothing) || length > this.#limit;
    this.#counter.hidden = length < this.#limit * COUNTS_FROM;
    this.#counter.classList.toggle("over", length > this.#limit);
    this.#counter.textContent = length > this.#limit
      ? ngettext("%(count)s character too many", "%(count)s characters too many", length - this.#limit)
      : `${number(length)} / ${number(this.#limit)}`;
  }

  #tellTyping() {
    const now = Date.now();
    if (now - this.#typedAt < TYPING_EVERY_MS) return;
    this.#typedAt = now;
    this.emit("typing");
  }
}
