/**
 * A panel beside the chat, or over it where there is no room; one at a time. What is in it is loaded when it is
 * opened for the first time.
 */

import { WITHOUT_RING, byId } from "./dom.js";
import { later } from "./later.js";
import { layer } from "./layers.js";

/** @type {Array<SidePanel<any>>} */
const panels = [];

/** Where its content stands. @typedef {{panel: HTMLElement, readonly isOpen: boolean, close: () => void}} Place */

/** @template {{prepare: () => void}} Content  `prepare`: it is opened, by a button or by the history */
export class SidePanel {
  #layer;
  #opener;
  #load;
  #name;
  /** @type {?Content} */
  #content = null;
  panel;

  /**
   * @param {string} name  the element's id @param {string} opener  the id of what has the focus afterwards
   * @param {() => Promise<(place: Place) => Content>} load  what makes its content
   */
  constructor(name, opener, load) {
    this.panel = byId(name);
    this.#name = name;
    this.#opener = opener;
    this.#load = load;
    this.#layer = layer(name, (isOpen) => this.#show(isOpen));
    this.panel.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      event.preventDefault();
      this.close();
    });
    panels.push(this);
  }

  get isOpen() {
    return !this.panel.hidden;
  }

  /** Where it could not be loaded that is said, and nothing opens. @param {(content: Content) => void} [then] */
  async open(then) {
    const content = this.#content ?? (await this.#loaded());
    if (!content) return;
    this.#layer.open();
    then?.(content);
  }

  close() {
    if (this.isOpen) this.#layer.close();
  }

  toggle() {
    if (this.isOpen) this.close();
    else this.open();
  }

  /** @param {(content: Content) => void} work */
  whileOpen(work) {
    if (this.isOpen && this.#content) work(this.#content);
  }

  /** However often it is asked for, it is made once. */
  async #loaded() {
    await later(this.#load, (make) => {
      this.#content ??= make(this);
    });
    return this.#content;
  }

  /** @param {boolean} isOpen */
  #show(isOpen) {
    if (isOpen === this.isOpen) return;
    if (isOpen && !this.#content) {
      this.#showOnceLoaded();
      return;
    }
    const hadFocus = this.panel.contains(document.activeElement);
    for (const other of panels) other.panel.hidden = other !== this || !isOpen;
    byId("panes").classList.toggle("with-side", isOpen);
    if (isOpen) this.#content?.prepare();
    else if (hadFocus) byId(this.#opener)?.focus(WITHOUT_RING);
  }

  /** The history leads to it, in a page that has not opened it yet. */
  async #showOnceLoaded() {
    if ((await this.#loaded()) && history.state?.over === this.#name) this.#show(true);
  }
}
