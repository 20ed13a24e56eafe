/** Blocking and reporting, wherever they are offered: what they need is loaded when it is asked for. */

import { gettext } from "../base/i18n.js";
import { later } from "../dom/later.js";
import { dangerous, entry } from "../dom/menu.js";

/** @typedef {{id: number, name: string}} Person */

const blocking = () => import("../panels/blocking.js");
const reporting = () => import("../panels/reporting.js");

export class Safety {
  #store;

  /** @param {import("../state/store.js").Store} store */
  constructor(store) {
    this.#store = store;
  }

  /** @param {import("../panels/reporting.js").Target} target */
  report(target) {
    return later(reporting, ({ report }) => report(this.#store, target));
  }

  /** @param {Person} person */
  toggleBlock(person) {
    const isBlocked = this.#store.blocked.has(person.id);
    return later(blocking, ({ block, unblock }) =>
      (isBlocked ? unblock : block)(this.#store, person),
    );
  }

  /** Asks whether somebody who is blocked is to be written to. @param {Person} person @param {() => unknown} write */
  unblockToWrite(person, write) {
    return later(blocking, async ({ unblockToWrite }) => {
      if (await unblockToWrite(this.#store, person)) await write();
    });
  }

  showBlocked() {
    return later(blocking, ({ showBlocked }) => showBlocked(this.#store));
  }

  /** Of a menu. @param {Person} person @returns {import("../dom/menu.js").Entry} */
  entry(person) {
    const toggle = () => this.toggleBlock(person);
    return this.#store.blocked.has(person.id)
      ? entry(gettext("Unblock"), "block", toggle)
      : dangerous(gettext("Block"), "block", toggle);
  }
}
