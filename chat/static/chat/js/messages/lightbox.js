/** A picture seen large. */

import { gettext } from "../base/i18n.js";
import { el, icon, iconButton, isolated } from "../dom/dom.js";
import { layer } from "../dom/layers.js";

const lightbox = layer(
  "picture",
  (isOpen) =>
    isOpen || /** @type {?HTMLDialogElement} */ (document.querySelector(".lightbox"))?.close(),
  () => true,
);

/** A picture of the timeline, with the arrow keys those before and after it. @param {HTMLElement} button */
export function openLarge(button) {
  const all = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("#timeline .picture")]);
  let place = all.indexOf(button);
  const image = el("img");
  const save = el("a.button.small");
  const previous = iconButton("back", gettext("Previous picture"), () => show(-1));
  const next = iconButton("forward", gettext("Next picture"), () => show(1));
  const close = iconButton("close", gettext("Close"), () => dialog.close());
  const dialog = el(
    "dialog.lightbox",
    { "aria-label": gettext("Picture") },
    el("header.dialog-head", {}, save, el("span.grow"), previous, next, close),
    image,
  );
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
  dialog.addEventListener(
    "click",
    (/** @type {Event} */ event) => event.target === dialog && dialog.close(),
  );
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
