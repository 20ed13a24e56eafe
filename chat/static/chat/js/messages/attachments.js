/** Pictures and files of a message. Room for a picture is reserved before it loads. */

import { el, icon, isolated } from "../dom/dom.js";
import { fileSize } from "../base/format.js";
import { gettext } from "../base/i18n.js";
import { later } from "../dom/later.js";
import { plainText } from "./rich-text.js";

/** @typedef {import("../types.js").Attachment} Attachment */

const MAX_WIDTH = 360;
const MAX_HEIGHT = 320;
const MIN_SIDE = 48;
// What is beside a message on a narrow screen.
const BESIDE = 104;
const KEPT_HERE = 40;

/** This browser's copies of the pictures it has uploaded: no waiting, no flicker. @type {Map<string, string>} */
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

/** @param {readonly Attachment[]} attachments */
export function attachmentsNode(attachments) {
  return el(
    "div.attachments",
    {},
    ...attachments.map((one) => (one.kind === "image" ? pictureNode(one) : fileNode(one))),
  );
}

/** One line of what a message says or, without words, shows. @param {{content: string, attachment?: {kind: string, name: string}, attachments?: readonly Attachment[]}} message */
export function lineOf({ content, attachment, attachments }) {
  if (content) return plainText(content);
  const shown = attachment ?? attachments?.[0];
  if (!shown) return "";
  return shown.kind === "image" ? gettext("Picture") : shown.name;
}

/** @param {HTMLElement} picture */
const enlarge = (picture) =>
  later(
    () => import("./lightbox.js"),
    ({ openLarge }) => openLarge(picture),
  );

/** @param {Attachment} picture */
function pictureNode(picture) {
  const { name, url } = picture;
  const [width, height] = [Number(picture.width), Number(picture.height)];
  const scale = Math.min(1, MAX_WIDTH / width, MAX_HEIGHT / height, (innerWidth - BESIDE) / width);
  const side = (/** @type {number} */ length) => Math.max(MIN_SIDE, Math.round(length * scale));
  const image = el("img", {
    width: side(width),
    height: side(height),
    alt: name,
    loading: "lazy",
    decoding: "async",
    src: smallSource(picture),
  });
  return el(
    "button.picture",
    {
      title: name,
      data: { url, name },
      onclick: (/** @type {any} */ event) => enlarge(event.currentTarget),
    },
    image,
  );
}

/** @param {Attachment} file */
function fileNode({ name, url, size }) {
  return el(
    "a.file",
    { href: url, download: name, title: name },
    icon("file"),
    el("span.ellipsis", {}, isolated(name)),
    el("small.role", {}, fileSize(size)),
  );
}
