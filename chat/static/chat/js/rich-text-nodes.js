/** The tree of rich-text.js as nodes. Every word of it becomes a text node. */

import { el } from "./dom.js";
import { isFewEmoji, isNamed, parse } from "./rich-text.js";

const OUR_PAGES = new RegExp(`^${location.origin}/(?:chats|join)/`);

/** @param {string} text @param {import("./types.js").Person} me */
export function textNode(text, me) {
  const node = el("span.text");
  if (isFewEmoji(text)) {
    node.classList.add("large");
    node.append(text);
  } else {
    node.append(...parse(text).map((part) => partNode(part, me)));
  }
  return node;
}

/** @param {import("./rich-text.js").Node} part @param {import("./types.js").Person} me @returns {Node|string} */
function partNode(part, me) {
  switch (part.kind) {
    case "text": return part.text;
    case "code": return el("code", {}, part.text);
    case "pre": return el("pre", { dir: "ltr", tabIndex: 0 }, part.text);
    case "link": {
      const isOurs = OUR_PAGES.test(part.href);
      return el("a", isOurs ? { href: part.href } : { href: part.href, target: "_blank", rel: "noopener noreferrer nofollow" }, part.text);
    }
    case "mention": {
      return el(`span.mention${isNamed(part.username, me.username) ? ".me" : ""}`, {}, part.text);
    }
    default: {
      const tag = { bold: "strong", italic: "em", quote: "blockquote" }[part.kind];
      return el(tag, {}, ...part.children.map((child) => partNode(child, me)));
    }
  }
}
