/**
 * What is to be sent with the next message: chosen, pasted or dropped files on their way to the server.
 *
 * One per chat; uploads continue while another chat is open. Emits "changed" (chatId).
 */

import { api, upload } from "../net/api.js";
import { showFromHere, smallSource } from "../messages/attachments.js";
import { toast } from "../dom/toasts.js";
import { byId, el, icon, iconButton, isolated } from "../dom/dom.js";
import { Emitter } from "../base/emitter.js";
import { fileSize } from "../base/format.js";
import { gettext, ngettext } from "../base/i18n.js";

/** @typedef {import("../types.js").Attachment} Attachment */
/**
 * @typedef {object} Upload
 * @property {File} [file]           not there after a reload
 * @property {string} [blob]         a picture's address in this browser, until it is on the server
 * @property {"waiting"|"going"|"failed"|"refused"|"done"} state
 * @property {string} [reason]       why it failed, in words
 * @property {Attachment} [attachment]
 * @property {() => void} [abort]
 * @property {HTMLElement} [node]
 */

const MOST = 10;

export class Tray extends Emitter {
  node = el("ul.tray", { hidden: true, "aria-label": gettext("Files to send") });
  #field = el("input", {
    type: "file",
    multiple: true,
    hidden: true,
    tabIndex: -1,
    onchange: () => this.#chosen(),
  });
  button = el(
    "div",
    {},
    iconButton("clip", gettext("Attach files"), () => this.#field.click()),
    this.#field,
  );
  #hint = el(
    "div.drop-hint",
    { hidden: true },
    icon("clip"),
    gettext("Drop files to send them here"),
  );
  #most;
  #chatId = 0;
  /** @type {Map<number, Upload[]>} */
  #byChat = new Map();

  /** @param {number} mostBytes  of one file */
  constructor(mostBytes) {
    super();
    this.#most = mostBytes;
    byId("chat").append(this.#hint);
    for (const name of ["dragenter", "dragover", "dragleave", "drop"])
      addEventListener(name, (/** @type {any} */ event) => this.#dragged(event));
  }

  /** @param {number} chatId  0: none @param {Attachment[]} [kept]  those of its draft: another page may have changed them */
  open(chatId, kept = []) {
    this.#chatId = chatId;
    if (chatId)
      this.#byChat.set(chatId, [
        ...kept.map(done),
        ...this.#uploads.filter(({ state }) => state !== "done"),
      ]);
    this.#draw();
  }

  get #uploads() {
    return this.#byChat.get(this.#chatId) ?? [];
  }

  /** The state of a chat's files. @param {number} chatId */
  of(chatId) {
    const uploads = this.#byChat.get(chatId) ?? [];
    return {
      isEmpty: !uploads.length,
      isBusy: uploads.some(({ state }) => state === "waiting" || state === "going"),
      isReady: uploads.every(({ state }) => state === "done"),
      attachments: uploads.flatMap(({ attachment }) => attachment ?? []),
    };
  }

  /** They are sent with a message now. @param {number} chatId */
  take(chatId) {
    const { attachments } = this.of(chatId);
    this.#byChat.set(chatId, []);
    this.#changed(chatId);
    return attachments;
  }

  /** Back from a message that was not sent. @param {Attachment[]} attachments */
  restore(attachments) {
    this.#uploads.unshift(...attachments.map(done));
    this.#changed();
  }

  /** @param {Iterable<File>} files */
  add(files) {
    if (!this.#chatId) return;
    for (const file of files) {
      if (this.#uploads.length >= MOST) {
        toast(
          ngettext(
            "At most %(count)s file per message.",
            "At most %(count)s files per message.",
            MOST,
          ),
        );
        break;
      }
      this.#uploads.push(this.#checked(file));
    }
    this.#changed();
    this.#next(this.#chatId);
  }

  /** @param {File} file @returns {Upload} */
  #checked(file) {
    if (file.size > this.#most)
      return {
        file,
        state: "refused",
        reason: gettext("Too large: %(size)s at most", { size: fileSize(this.#most) }),
      };
    return {
      file,
      blob: /^image\/(png|jpeg|webp|gif)$/.test(file.type) ? URL.createObjectURL(file) : "",
      state: "waiting",
    };
  }

  /** One at a time: the first arrives sooner. @param {number} chatId */
  async #next(chatId) {
    const uploads = this.#byChat.get(chatId) ?? [];
    const one = uploads.find(({ state }) => state === "waiting");
    if (!one?.file || uploads.some(({ state }) => state === "going")) return;
    one.state = "going";
    const { answer, abort } = upload(`chats/${chatId}/attachments`, one.file, (share) =>
      this.#progress(one, share),
    );
    one.abort = abort;
    this.#draw();
    try {
      const { attachment } = await answer;
      if (one.blob && attachment.kind === "image") showFromHere(attachment.id, one.blob);
      else forget(one);
      Object.assign(one, { state: "done", attachment });
      // Removed while its last bytes were on their way.
      if (!this.#byChat.get(chatId)?.includes(one)) discard(attachment);
    } catch (error) {
      const { code, message } = /** @type {import("../net/api.js").RequestError} */ (error);
      Object.assign(one, {
        state: ["too_large", "empty"].includes(code) ? "refused" : "failed",
        reason: message,
      });
    }
    this.#changed(chatId);
    this.#next(chatId);
  }

  /** @param {Upload} one */
  #retry(one) {
    one.state = "waiting";
    this.#changed();
    this.#next(this.#chatId);
  }

  /** @param {Upload} one */
  #remove(one) {
    this.#byChat.set(
      this.#chatId,
      this.#uploads.filter((other) => other !== one),
    );
    one.abort?.();
    if (one.attachment) discard(one.attachment);
    else forget(one);
    this.#changed();
  }

  #changed(chatId = this.#chatId) {
    if (chatId === this.#chatId) this.#draw();
    this.emit("changed", chatId);
  }

  #draw() {
    this.node.hidden = !this.#uploads.length;
    this.node.replaceChildren(...this.#uploads.map((one) => (one.node = this.#item(one))));
  }

  /** @param {Upload} one */
  #item(one) {
    const { state, attachment } = one;
    const name = attachment?.name ?? one.file?.name ?? "";
    const source = attachment?.kind === "image" ? smallSource(attachment) : one.blob;
    const line =
      state === "waiting" || state === "going"
        ? el("progress", {
            max: 1,
            value: 0,
            "aria-label": gettext("Uploading %(name)s", { name }),
          })
        : one.reason && state !== "done"
          ? el("small.complain", {}, one.reason)
          : el("small.role", {}, fileSize(attachment?.size ?? 0));
    return el(
      "li",
      {},
      source ? el("img", { src: source, alt: "" }) : icon("file"),
      el("div.grow", {}, el("div.ellipsis", { title: name }, isolated(name)), line),
      state === "failed" &&
        iconButton("history", gettext("Upload %(name)s again", { name }), () => this.#retry(one)),
      iconButton("close", gettext("Remove %(name)s", { name }), () => this.#remove(one)),
    );
  }

  /** @param {Upload} one @param {number} share */
  #progress(one, share) {
    const bar = one.node?.querySelector("progress");
    // Once it is uploaded the server still has to check it.
    if (bar) bar.value = Math.min(share, 0.95);
  }

  #chosen() {
    this.add(this.#field.files);
    this.#field.value = "";
  }

  /** A file dropped outside the drop area must not replace the page. @param {DragEvent} event */
  #dragged(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    const isOver =
      Boolean(this.#chatId) && byId("chat").contains(/** @type {Node} */ (event.target));
    const hasLeft =
      event.type === "dragleave" &&
      !byId("chat").contains(/** @type {?Node} */ (event.relatedTarget));
    this.#hint.hidden = !isOver || event.type === "drop" || hasLeft;
    if (event.type === "dragover") event.dataTransfer.dropEffect = isOver ? "copy" : "none";
    if (event.type === "drop" && isOver) this.add(event.dataTransfer.files);
  }
}

/** @param {Attachment} attachment @returns {Upload} */
const done = (attachment) => ({ state: "done", attachment });

/** @param {Upload} one */
function forget(one) {
  if (one.blob) URL.revokeObjectURL(one.blob);
  one.blob = "";
}

/** What is not removed now, the server removes after a day. @param {Attachment} attachment */
const discard = ({ id }) => void api("DELETE", `attachments/${id}`).catch(() => {});
