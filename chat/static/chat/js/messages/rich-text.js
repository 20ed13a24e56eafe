/**
 * Reads plain text as a small tree: **bold**, *italic*, `code`, ``` blocks, > quotes, links, @names.
 *
 * What is not closed stays as it was written. Nothing here makes HTML: every word of the tree becomes a text
 * node.
 *
 * @typedef {{kind: "text"|"code"|"pre", text: string}
 *   | {kind: "bold"|"italic"|"quote", children: Node[]}
 *   | {kind: "link", text: string, href: string}
 *   | {kind: "mention", text: string, username: string}} Node
 */

import { el } from "../dom/dom.js";

const FENCE = /^```[^\n`]*\n([\s\S]*?)\n?```[ \t]*(?:\n|$)/;
const LINK = /https?:\/\/[^\s<>"`*—…«»“”„]+/iu;
// A sentence's own signs at the end of an address.
const ENDING = /[.,:;!?'’]+$/u;
// A sign and a space before the first line, so that ">100" is none; the sign alone is an empty line of a quote.
const QUOTE = /((?<![^\n])>[^\S\n]+\S[^\n]*(?:\n|$)(?:>(?:[^\S\n][^\n]*)?(?:\n|$))*)/u;
// Code is whole before anything around it is: bold and italic never end in the middle of it.
const INLINE =
  /`([^`\n]+)`|(?<![\p{L}\p{N}])\*\*(?=\S)((?:`[^`\n]+`|[^`\n])*?(?:`[^`\n]+`|[^`\s]))\*\*(?![\p{L}\p{N}])|(?<![\p{L}\p{N}*])\*(?=[^\s*])((?:`[^`\n]+`|[^*`\n])*?(?:`[^`\n]+`|[^*`\s]))\*(?![\p{L}\p{N}*])|(https?:\/\/[^\s<>"`*—…«»“”„]+)|(?<![\p{L}\p{N}_@.+-])@([\p{L}\p{N}_][\u0300-\u036f\p{L}\p{N}_@.+-]*)/iu;
const NAME_LENGTH = 32;
const MAX_DEPTH = 4;

/** @param {string} text @returns {Node[]} */
export function parse(text) {
  /** @type {Node[]} */
  const nodes = [];
  let rest = text;
  let plain = "";
  const flush = () => {
    if (plain) nodes.push(...lines(plain));
    plain = "";
  };
  while (rest) {
    const fence = FENCE.exec(rest);
    if (fence) {
      flush();
      nodes.push({ kind: "pre", text: fence[1] });
      rest = rest.slice(fence[0].length);
      continue;
    }
    const end = rest.indexOf("\n") + 1 || rest.length;
    plain += rest.slice(0, end);
    rest = rest.slice(end);
  }
  flush();
  return nodes;
}

/** Quotes are whole lines that begin with "> ". @param {string} text @returns {Node[]} */
function lines(text) {
  /** @type {Node[]} */
  const nodes = [];
  for (const [place, part] of text.split(QUOTE).entries()) {
    if (!part) continue;
    if (place % 2)
      nodes.push({
        kind: "quote",
        children: inline(part.replace(/(?<![^\n])>[^\S\n]?/gu, "").trimEnd(), 0),
      });
    else nodes.push(...inline(part, 0));
  }
  return nodes;
}

/** @param {string} text @param {number} depth @returns {Node[]} */
function inline(text, depth) {
  /** @type {Node[]} */
  const nodes = [];
  let rest = text;
  while (rest) {
    const found = depth < MAX_DEPTH ? INLINE.exec(rest) : null;
    if (!found) break;
    let length = found[0].length;
    if (found.index) nodes.push({ kind: "text", text: rest.slice(0, found.index) });
    const [, code, bold, italic, link, mention] = found;
    if (code !== undefined) nodes.push({ kind: "code", text: code });
    else if (bold !== undefined) nodes.push({ kind: "bold", children: inline(bold, depth + 1) });
    else if (italic !== undefined)
      nodes.push({ kind: "italic", children: inline(italic, depth + 1) });
    else if (mention !== undefined) {
      const name = `@${mention.replace(/[@.+-]+$/u, "")}`;
      const username = normalForm(name.slice(1));
      length = name.length;
      nodes.push(
        [...username].length > NAME_LENGTH
          ? { kind: "text", text: name }
          : { kind: "mention", text: name, username },
      );
    } else {
      const address = trimmed(link);
      length = address.length;
      const href = safeAddress(address);
      nodes.push(href ? { kind: "link", text: address, href } : { kind: "text", text: address });
    }
    rest = rest.slice(found.index + length);
  }
  if (rest) nodes.push({ kind: "text", text: rest });
  return nodes;
}

/** @param {string} address */
function trimmed(address) {
  let end = address.replace(ENDING, "");
  while (/[)\]}]$/u.test(end) && !balanced(end)) end = end.slice(0, -1).replace(ENDING, "");
  return end;
}

/** @param {string} text */
function balanced(text) {
  const count = (/** @type {RegExp} */ sign) => text.match(sign)?.length ?? 0;
  return count(/[([{]/g) >= count(/[)\]}]/g);
}

/** Only http and https. @param {string} address */
export function safeAddress(address) {
  if (!LINK.test(address)) return null;
  try {
    const url = new URL(address);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

/** Whether a text names somebody; chat/content/mentions.py reads it in the same way. @param {string} text @param {string} username */
export function mentions(text, username) {
  const names = (/** @type {Node} */ node) =>
    "children" in node
      ? node.children.some(names)
      : node.kind === "mention" && isNamed(node.username, username);
  return parse(text).some(names);
}

/** @param {string} name  in normal form @param {string} username */
export const isNamed = (name, username) => name === normalForm(username);

/** As the server compares usernames (chat/content/names.py). @param {string} name */
const normalForm = (name) => name.normalize("NFKC").toLowerCase().normalize("NFKC").trim();

/** The words alone, on one line, as a preview shows them. @param {string} text */
export function plainText(text) {
  /** @type {(node: Node) => string} */
  const words = (node) => ("children" in node ? node.children.map(words).join("") : node.text);
  return parse(text).map(words).join("").replace(/\s+/gu, " ");
}

/** One to three emoji and nothing else: shown large. @param {string} text */
export function isFewEmoji(text) {
  const signs = text.replace(/\s/gu, "");
  if (!signs || signs.length > 40 || /[\d#*]/.test(signs)) return false;
  const parts = [...new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(signs)];
  return (
    parts.length <= 3 &&
    parts.every(({ segment }) => /\p{Extended_Pictographic}|\p{Regional_Indicator}/u.test(segment))
  );
}

/**
 * @param {string} text @param {import("../types.js").Person} me
 * @param {(node: HTMLElement, username: string) => void} mark  what names somebody, where somebody is called so
 */
export function textNode(text, me, mark) {
  const node = el("span.text");
  if (isFewEmoji(text)) {
    node.classList.add("large");
    node.append(text);
  } else {
    node.append(...parse(text).map((part) => partNode(part, me, mark)));
  }
  return node;
}

/** @param {Node} part @param {import("../types.js").Person} me @param {(node: HTMLElement, username: string) => void} mark @returns {globalThis.Node|string} */
function partNode(part, me, mark) {
  switch (part.kind) {
    case "text":
      return part.text;
    case "code":
      return el("code", {}, part.text);
    case "pre":
      return el("pre", { dir: "ltr", tabIndex: 0 }, part.text);
    case "link": {
      const { origin, pathname } = new URL(part.href);
      const isOurs = origin === location.origin && /^\/(chats|join)\//.test(pathname);
      return el(
        "a",
        isOurs
          ? { href: part.href }
          : { href: part.href, target: "_blank", rel: "noopener noreferrer nofollow" },
        part.text,
      );
    }
    case "mention": {
      if (isNamed(part.username, me.username)) return el("span.mention.me", {}, part.text);
      const node = el("span", {}, part.text);
      mark(node, part.username);
      return node;
    }
    default: {
      const tag = { bold: "strong", italic: "em", quote: "blockquote" }[part.kind];
      return el(tag, {}, ...part.children.map((child) => partNode(child, me, mark)));
    }
  }
}
