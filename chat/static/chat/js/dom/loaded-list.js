/** A list that is read from the server page by page, in a dialog or a panel. */

import { gettext } from "../base/i18n.js";
import { el } from "./dom.js";

const LOADING_AFTER_MS = 300;
const ASK_AFTER_MS = 250;

/** Where the routes count pages. @param {{more: boolean}} answer @param {number} page */
export const nextPage = ({ more }, page) => more && page + 1;

/**
 * @typedef {object} How
 * @property {string} name  of the items in an answer
 * @property {(from: number) => Promise<any>} read  0: from the first
 * @property {(answer: any, from: number) => number|boolean|undefined|null} [next]  where the next page begins,
 *   if there is one; otherwise it begins after the id of the last item
 * @property {(item: any, drop: () => void) => Element} row  `drop` takes it off the list
 * @property {string|(() => string)} none  said while there is nothing
 * @property {string} [further]  on the button that reads the next page
 * @property {(answer: any) => void} [drawn]
 */

/** @param {HTMLElement} list @param {How} how */
export const loadedList = (list, how) => new LoadedList(list, how);

class LoadedList {
  #list;
  #how;
  #end = el("div.end", { role: "status" });
  /** Only the answer to the newest question counts. */
  #asked = 0;
  #timer = 0;
  node;

  /** @param {HTMLElement} list @param {How} how */
  constructor(list, how) {
    this.#list = list;
    this.#how = how;
    this.node = el("div", {}, list, this.#end);
    this.load();
  }

  /** From the first page. */
  load() {
    return this.#load(0);
  }

  /** While somebody types: once they pause. */
  soon() {
    this.#asked += 1;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.load(), ASK_AFTER_MS);
  }

  /** @param {...any} items */
  add(...items) {
    const { row, none } = this.#how;
    const rows = items.map((item) => {
      const node = row(item, () => {
        node.remove();
        this.add();
      });
      return node;
    });
    this.#list.append(...rows);
    this.#list.hidden = !this.#list.firstChild;
    this.#say(!this.#list.hidden ? "" : typeof none === "string" ? none : none());
    return rows;
  }

  /** @param {number} from */
  async #load(from) {
    const mine = (this.#asked += 1);
    const isNewest = () => mine === this.#asked;
    clearTimeout(this.#timer);
    const loading = setTimeout(
      () => isNewest() && this.#say(gettext("Loading…")),
      LOADING_AFTER_MS,
    );
    try {
      const answer = await this.#how.read(from);
      if (isNewest()) this.#show(answer, from);
    } catch (error) {
      if (!isNewest()) return;
      this.#say(/** @type {Error} */ (error).message, "problem");
      this.#offer(gettext("Try again"), from);
    } finally {
      clearTimeout(loading);
    }
  }

  /** @param {any} answer @param {number} from */
  #show(answer, from) {
    const { name, drawn, further = gettext("Show more") } = this.#how;
    const { next = ({ more }) => more && answer[name].at(-1).id } = this.#how;
    if (!from) this.#list.replaceChildren();
    const [first] = this.add(...answer[name]);
    const following = next(answer, from);
    if (following) this.#offer(further, Number(following));
    drawn?.(answer);
    // The button that was pressed is gone.
    if (!from || document.activeElement !== document.body) return;
    const target = first?.matches("a, button") ? first : first?.querySelector("a, button");
    /** @type {?HTMLElement|undefined} */ (target)?.focus();
  }

  /** @param {string} text */
  #say(text, kind = "hint") {
    this.#end.replaceChildren(text && el(`p.${kind}`, {}, text));
  }

  /** @param {string} text @param {number} from */
  #offer(text, from) {
    const onclick = () => this.#load(from);
    this.#end.append(el("button.button.small.wide", { onclick }, text));
  }
}
