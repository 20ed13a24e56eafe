/** Pictures and files of a message, and a picture seen large. Room for a picture is there before it is. */

import { el, icon, iconButton, isolated } from "./dom.js";
import { fileSize } from "./format.js";
import { gettext } from "./i18n.js";
import { plainText } from "./rich-text.js";
import { layer } from "./side-panel.js";

/** @typedef {import("./types.js").Attachment} Attachment */

const MOST_WIDTH = 360;
const MOST_HEIGHT = 320;
const LEAST_SIDE = 48;
// What stands beside a message on a narrow screen.
const BESIDE = 104;
const KEPT_HERE = 40;

/** One's own pictures as this browser has them: nothing to wait for, nothing that blinks. @type {Map<string, string>} */
const here = new Map();

/** @param {string} id @param {string} url  of a blob */
export function showFromHere(id, url) {
  here.set(id, url);
  for (const [oldest, unused] of here) {
    if (here.size <= KEPT_HERE) break;
    here.delete(oldest);
    URL.revokeObjectURL(unused);
  }
}

/** @param {Attachment} picture */
export const smallSource = ({ id, preview_url }) => here.get(id) ?? preview_url;

/** @param {Attachment[]} attachments */
export function attachmentsNode(attachments) {
  return el("div.attachments", {}, ...attachments.map((one) => (one.kind === "image" ? pictureNode(one) : fileNode(one))));
}

/** One line of what a message says or, without words, shows. @param {{content: string, attachment?: {kind: string, name: string}, attachments?: Attachment[]}} message */
export function lineOf({ content, attachment, attachments }) {
  if (content) return plainText(content);
  const shown = attachment ?? attachments?.[0];
  if (!shown) return "";
  return shown.kind === "image" ? gettext("Picture") : shown.name;
}

/** @param {Attachment} picture */
function pictureNode(picture) {
  const { name, url } = picture;
  const [width, height] = [Number(picture.width), Number(picture.height)];
  const scale = Math.min(1, MOST_WIDTH / width, MOST_HEIGHT / height, (innerWidth - BESIDE) / width);
  const side = (/** @type {number} */ length) => Math.max(LEAST_SIDE, Math.round(length * scale));
  const image = el("img", { width: side(width), height: side(height), alt: name, loading: "lazy", decoding: "async", src: smallSource(picture) });
  return el("button.picture", { title: name, data: { url, name }, onclick: (/** @type {any} */ event) => openLarge(event.currentTarget) }, image);
}

/** @param {Attachment} file */
function fileNode({ name, url, size }) {
  return el("a.file", { href: url, download: name, title: name }, icon("file"), el("span.ellipsis", {}, isolated(name)), el("small.role", {}, fileSize(size)));
}

const lightbox = layer("picture", (isOpen) => isOpen || /** @type {?HTMLDialogElement} */ (document.querySelector(".lightbox"))?.close(), () => true);

/** A picture of the timeline, with the arrow keys those before and after it. @param {HTMLElement} button */
function openLarge(button) {
  const all = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("#timeline .picture")]);
  let place = all.indexOf(button);
  const image = el("img");
  const save = el("a.button.small");
  const previous = iconButton("back", gettext("Previous picture"), () => show(-1));
  const next = iconButton("forward", gettext("Next picture"), () => show(1));
  const close = iconButton("close", gettext("Close"), () => dialog.close());
  const dialog = el("dialog.lightbox", { "aria-label": gettext("Picture") }, el("header.dialog-head", {}, save, el("span.grow"), previous, next, close), image);
  const show = (/** @type {number} */ by) => {
    place = Math.min(all.length - 1, Math.max(0, place + by));
    const { url, name } = all[place].dataset;
    Object.assign(image, { src: url, alt: name });
    Object.assign(save, { href: url, download: name });
    save.replaceChildren(icon("down"), el("span.ellipsis", {}, isolated(name ?? "")));
    previous.disabled = place === 0;
    next.disabled = place === all.length - 1;
  };
  dialog.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "ArrowLeft") show(-1);
    if (event.key === "ArrowRight") show(1);
  });
  dialog.addEventListener("click", (/** @type {Event} */ event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    lightbox.close();
    all[place].focus({ preventScroll: true });
  });
  document.body.append(dialog);
  dialog.showModal();
  lightbox.open();
  show(0);
  close.focus();
}
