/**
 * The field where messages are written: replies, edits, Enter, the counter. Its content is a chat's draft.
 *
 * Emits "send" ({chatId, content, replyTo, attachments}), "edit" ({message, content}), "typing", "edit-last".
 */

import { lineOf } from "../messages/attachments.js";
import { toast } from "../dom/toasts.js";
import { byId, el, icon, iconButton, isTouch, isolated } from "../dom/dom.js";
import { Emitter } from "../base/emitter.js";
import { codePoints } from "../base/format.js";
import { gettext, ngettext, number } from "../base/i18n.js";
import { MentionPicker } from "./mention-picker.js";

const TYPING_EVERY_MS = 3000;
const COUNTS_FROM = 0.8;
const NOTHING = { text: "", replyTo: null, editing: null, setAside: null };

export class Composer extends Emitter {
  #form = byId("composer");
  #drafts;
  #limit;
  #chatId = 0;
  /** Chats whose message is sent as soon as its files are uploaded. @type {Set<number>} */
  #waiting = new Set();
  #typedAt = 0;

  /** @param {import("../state/drafts.js").Drafts} drafts @param {number} limit  code points @param {import("./tray.js").Tray} tray */
  constructor(drafts, limit, tray) {
    super();
    this.#drafts = drafts;
    this.#tray = tray;
    this.#limit = limit;
    this.field = el("textarea", {
      id: "message",
      rows: 1,
      autocomplete: "off",
      dir: "auto",
      enterKeyHint: isTouch ? "enter" : "send",
      placeholder: gettext("Write a message"),
    });
    this.#context = el("div.context", { hidden: true });
    this.#counter = el("span.counter", { hidden: true });
    this.#send = el(
      "button.icon-button.send",
      { type: "submit", title: gettext("Send"), "aria-label": gettext("Send") },
      icon("send"),
    );
    this.#mentions = new MentionPicker(this.field);
    this.#waits = el("span", { hidden: true }, gettext("Will be sent when the files are uploaded"));
    this.#form.append(
      this.#context,
      this.#mentions.list,
      tray.node,
      el("div.box", {}, tray.button, this.field, this.#send),
      el("div.foot-line", { "aria-live": "polite" }, this.#waits, this.#counter),
    );
    this.#listen();
  }

  #context;
  #counter;
  #send;
  #mentions;
  #tray;
  #waits;

  /** @param {import("../types.js").Chat} chat */
  open(chat) {
    this.#chatId = chat.id;
    this.#form.hidden = false;
    this.#mentions.open(chat);
    this.field.setAttribute("aria-label", gettext("Message to %(name)s", { name: chat.title }));
    this.#read();
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

  /** @param {import("../types.js").Quote} quote */
  reply(quote) {
    this.cancel();
    this.#change({ replyTo: quote });
    this.focus();
  }

  /** Also after an edit that failed: in the message's own chat, whichever is open. @param {import("../types.js").Message} message */
  edit(message, content = message.content) {
    const { text, replyTo, editing, setAside } = this.#drafts.get(message.chat_id);
    this.#change(
      {
        text: content,
        replyTo: null,
        editing: message,
        setAside: editing ? setAside : { text, replyTo },
      },
      message.chat_id,
    );
    if (message.chat_id !== this.#chatId) return;
    this.focus();
    this.field.setSelectionRange(content.length, content.length);
  }

  /** Puts a text back, before whatever is in the field. @param {string} text @param {any} [replyTo] @param {any[]} [attachments] */
  restore(text, replyTo = null, attachments = []) {
    if (this.#draft.editing) this.cancel();
    this.#tray.restore(attachments);
    const draft = this.#draft;
    this.#change({
      text: draft.text.trim() ? `${text}\n${draft.text}` : text,
      replyTo: replyTo ?? draft.replyTo,
    });
    this.focus();
  }

  /** Cancels an edit or a reply; true when there was one. */
  cancel() {
    const { editing, replyTo, setAside } = this.#draft;
    if (editing) this.#change({ ...NOTHING, ...setAside });
    else if (replyTo) this.#change({ replyTo: null });
    return Boolean(editing ?? replyTo);
  }

  #listen() {
    this.#form.addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#submit();
    });
    this.field.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) =>
      this.#pressed(event),
    );
    this.field.addEventListener("paste", (/** @type {ClipboardEvent} */ event) => {
      const files = event.clipboardData?.files;
      // Text copied from a document may come with a picture of itself: the text is meant.
      if (!files?.length || event.clipboardData?.types.includes("text/plain")) return;
      event.preventDefault();
      this.#tray.add(files);
    });
    this.field.addEventListener("input", () => this.#typed());
    this.#tray.on("changed", (chatId) => this.#filesChanged(chatId));
    this.#drafts.onOther((chatId) => Number(chatId) === this.#chatId && this.#read());
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    // While an input method is composing, Enter chooses a word.
    if (event.isComposing || event.keyCode === 229 || this.#mentions.pressed(event)) return;
    const sends =
      event.key === "Enter" &&
      (isTouch
        ? event.shiftKey || event.ctrlKey || event.metaKey
        : !event.shiftKey && !event.altKey);
    if (sends) {
      event.preventDefault();
      this.#submit();
    } else if (
      event.key === "ArrowUp" &&
      !event.altKey &&
      !this.field.value &&
      !this.#draft.replyTo
    ) {
      event.preventDefault();
      this.emit("edit-last");
    }
  }

  #typed() {
    this.#waiting.delete(this.#chatId);
    this.#drafts.change(this.#chatId, { text: this.field.value });
    this.#show();
    const now = Date.now();
    if (!this.field.value.trim() || this.#draft.editing || now - this.#typedAt < TYPING_EVERY_MS)
      return;
    this.#typedAt = now;
    this.emit("typing");
  }

  /** @param {number} chatId  also one that is not open any more */
  #filesChanged(chatId) {
    this.#drafts.change(chatId, { attachments: this.#tray.of(chatId).attachments });
    if (this.#waiting.has(chatId) && !this.#tray.of(chatId).isBusy) this.#go(chatId);
    else this.#show();
  }

  #submit() {
    this.#go(this.#chatId);
    this.focus();
  }

  /** @param {number} chatId */
  #go(chatId) {
    const { text, replyTo, editing, setAside } = this.#drafts.get(chatId);
    const content = text.replace(/^\s*\n|\s+$/gu, "");
    if (!this.#maySend(chatId, content)) return;
    if (!editing && !this.#tray.of(chatId).isReady) return this.#wait(chatId);
    this.#waiting.delete(chatId);
    const attachments = editing ? [] : this.#tray.take(chatId);
    this.#typedAt = 0;
    this.#change({ ...NOTHING, ...setAside }, chatId);
    if (editing) this.emit("edit", { message: editing, content });
    else this.emit("send", { chatId, content, replyTo, attachments });
  }

  /** @param {number} chatId */
  #wait(chatId) {
    if (this.#tray.of(chatId).isBusy) this.#waiting.add(chatId);
    else
      toast(
        gettext(
          "A file could not be uploaded. Upload it again or remove it, then send the message.",
        ),
      );
    this.#show();
  }

  /** Text is optional where there is something else to show. @param {number} chatId @param {string} content */
  #maySend(chatId, content) {
    const { editing } = this.#drafts.get(chatId);
    const shows = editing ? editing.attachments?.length : !this.#tray.of(chatId).isEmpty;
    return Boolean(content.trim() || shows) && codePoints(content) <= this.#limit;
  }

  get #draft() {
    return this.#drafts.get(this.#chatId);
  }

  /** @param {Partial<import("../state/drafts.js").Draft>} changes */
  #change(changes, chatId = this.#chatId) {
    this.#waiting.delete(chatId);
    this.#drafts.change(chatId, changes);
    if (chatId === this.#chatId) this.#read();
  }

  /** The draft, wherever it was changed, comes into the field. */
  #read() {
    const { text, attachments } = this.#draft;
    this.#mentions.close();
    this.#tray.open(this.#chatId, attachments);
    this.field.value = text;
    this.#show();
  }

  #show() {
    const { editing, replyTo } = this.#draft;
    this.#grow();
    this.#count();
    const quote = editing ?? replyTo;
    this.#waits.hidden = !this.#waiting.has(this.#chatId);
    this.#context.hidden = !quote;
    this.#tray.node.hidden = this.#tray.of(this.#chatId).isEmpty || Boolean(editing);
    if (!quote) return;
    const heading = editing
      ? el("b", {}, gettext("Editing"))
      : el("b", {}, gettext("Reply to"), " ", isolated(quote.sender.name));
    const close = iconButton("close", gettext("Cancel"), () => {
      this.cancel();
      this.focus();
    });
    this.#context.replaceChildren(
      icon(editing ? "edit" : "reply"),
      el("div", {}, heading, el("div.ellipsis", { dir: "auto" }, lineOf(quote))),
      close,
    );
  }

  #grow() {
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
  }

  #count() {
    const length = codePoints(this.field.value);
    this.#send.disabled = !this.#maySend(this.#chatId, this.field.value);
    this.#counter.hidden = length < this.#limit * COUNTS_FROM;
    this.#counter.classList.toggle("over", length > this.#limit);
    this.#counter.textContent =
      length > this.#limit
        ? ngettext(
            "%(count)s character too many",
            "%(count)s characters too many",
            length - this.#limit,
          )
        : `${number(length)} / ${number(this.#limit)}`;
  }
}
