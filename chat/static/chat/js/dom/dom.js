/** Builds nodes. Text only ever becomes a text node: nothing here reads HTML. */

import { initials, tint } from "../base/format.js";
import { gettext } from "../base/i18n.js";

const HIDDEN_MS = 250;
const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} kind  "div" or "div.class.class"
 * @param {Record<string, any>} [props]  `on…` are listeners, the rest properties where the node has them
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {any}
 */
export function el(kind, props = {}, ...children) {
  const [name, ...classes] = kind.split(".");
  const node = document.createElement(name);
  if (name === "button") set(node, "type", "button");
  if (classes.length) node.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) set(node, key, value);
  node.append(
    ...children.filter((child) => child !== null && child !== undefined && child !== false),
  );
  return node;
}

/** @param {any} node @param {string} key @param {any} value */
function set(node, key, value) {
  if (value === undefined || value === null || value === false) return;
  if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
  else if (key === "data") Object.assign(node.dataset, value);
  else if (key in node && !["list", "role", "form"].includes(key)) node[key] = value;
  else node.setAttribute(key, value === true ? "" : value);
}

/** For focus that moves with a click: no ring is needed. @type {FocusOptions & {focusVisible: boolean}} */
export const WITHOUT_RING = { focusVisible: false };

/** @param {string} id */
export function byId(id) {
  return /** @type {any} */ (document.getElementById(id));
}

/** A picture of the page's own set. @param {string} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** @param {string} name @param {string} label @param {(event: any) => void} onclick */
export function iconButton(name, label, onclick, props = {}) {
  return el(
    "button.icon-button",
    { title: label, "aria-label": label, onclick, ...props },
    icon(name),
  );
}

/** @param {string} label @param {() => void} oninput */
export function searchField(label, oninput) {
  return el("input", {
    type: "search",
    autocomplete: "off",
    placeholder: label,
    "aria-label": label,
    oninput,
  });
}

/** Initials in a circle (a rounded square for a chat of many). */
export function avatar(
  /** @type {{id: number, name: string}} */ who,
  { square = false, small = false, online = false } = {},
) {
  const classes = `div.avatar${square ? ".square" : ""}${small ? ".small" : ""}`;
  return el(
    classes,
    { "aria-hidden": "true", data: { tint: tint(who.id) } },
    initials(who.name),
    online && el("span.dot"),
  );
}

/** Someone else's words among ours: kept apart, so that neither changes the other's direction. @param {string} text */
export function isolated(text) {
  return el("bdi", {}, text);
}

/** What is beside a name, since names are not unique: the username, or that it is a bot. @param {import("../types.js").Sender} who */
export function tag({ username, is_bot: isBot }) {
  return isBot
    ? el("span.mark", {}, gettext("bot"))
    : el("span.role", {}, isolated(`@${username}`));
}

/** Redraws a part of the page; the control in it that had the focus has it again. @param {any} part @param {() => void} draw */
export function redrawn(part, draw) {
  const nameOf = (/** @type {any} */ node) =>
    node.dataset.name ?? (node.ariaLabel || node.title || node.textContent);
  const focused = part.contains(document.activeElement) && document.activeElement;
  const name = focused && nameOf(focused);
  draw();
  if (!focused || part.contains(document.activeElement)) return;
  const same = [...part.querySelectorAll("a, button")].find((node) => nameOf(node) === name);
  (same ?? part).focus({ preventScroll: true });
}

/** Before the next frame; a hidden page has none. @param {() => void} work */
export function beforeNextFrame(work) {
  if (document.hidden) setTimeout(work, HIDDEN_MS);
  else requestAnimationFrame(work);
}

/** @param {any} target */
export function isTyping(target) {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

/** Whether fingers are the main pointer. */
export const isTouch = matchMedia("(pointer: coarse)").matches;
