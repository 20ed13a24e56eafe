/**
 * What lies over the page is a step of the history: the Back button closes it, and closing it takes the step
 * back. A panel beside the chat lies over it where there is no room; one at a time.
 */

import { byId } from "./dom.js";

const narrow = matchMedia("(max-width: 1100px)");
/** @type {Map<string, {show: (isOpen: boolean) => void, isOver: () => boolean}>} */
const layers = new Map();

/**
 * @param {string} name  in the state of the history
 * @param {(isOpen: boolean) => void} show  harmless when it is so already
 * @param {() => boolean} [isOver]
 */
export function layer(name, show, isOver = () => narrow.matches) {
  layers.set(name, { show, isOver });
  return {
    open() {
      if (isOver() && history.state?.over !== name) history.pushState({ ...history.state, over: name }, "");
      show(true);
    },
    close() {
      if (history.state?.over === name) history.back();
      else show(false);
    },
  };
}

/** The history has moved. */
export function followLayers() {
  for (const [name, { show, isOver }] of layers) if (isOver()) show(history.state?.over === name);
}

/** @type {SidePanel[]} */
const panels = [];

export class SidePanel {
  #layer;
  #opener;
  panel;

  /** @param {string} name  the element's id @param {string} opener  the id of what has the focus afterwards */
  constructor(name, opener) {
    this.panel = byId(name);
    this.#opener = opener;
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

  open() {
    this.#layer.open();
  }

  close() {
    if (this.isOpen) this.#layer.close();
  }

  /** It is opened, by a button or by the history. */
  prepare() {}

  /** @param {boolean} isOpen */
  #show(isOpen) {
    if (isOpen === this.isOpen) return;
    const hadFocus = this.panel.contains(document.activeElement);
    for (const other of panels) other.panel.hidden = other !== this || !isOpen;
    byId("panes").classList.toggle("with-side", isOpen);
    if (isOpen) this.prepare();
    else if (hadFocus) byId(this.#opener)?.focus({ focusVisible: false });
  }
}
