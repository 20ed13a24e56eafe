/**
 * What this browser keeps over reloads, sign-outs and offline times.
 * Where there is no storage, or no room in it, it lives as long as the page.
 */

/** @type {Map<string, string>} */
const homeless = new Map();

/** Values under names of their own, as JSON: two tabs never write over one another's. */
export class Shelf {
  #prefix;

  /** @param {string} prefix */
  constructor(prefix) {
    this.#prefix = prefix;
  }

  get ids() {
    try {
      return Object.keys(localStorage)
        .filter((key) => key.startsWith(this.#prefix))
        .map((key) => key.slice(this.#prefix.length));
    } catch {
      return [];
    }
  }

  /** @param {string|number} id @returns {any} null: nothing is kept */
  read(id) {
    const key = this.#prefix + id;
    try {
      return JSON.parse(homeless.get(key) ?? localStorage.getItem(key) ?? "null");
    } catch {
      return null;
    }
  }

  /** @param {string|number} id @param {any} value  null: forget it */
  write(id, value) {
    const key = this.#prefix + id;
    const text = JSON.stringify(value);
    homeless.delete(key);
    try {
      if (value) localStorage.setItem(key, text);
      else localStorage.removeItem(key);
    } catch {
      homeless.set(key, text);
    }
  }

  /** Another tab wrote. @param {(id: string) => void} listener */
  onOther(listener) {
    addEventListener(
      "storage",
      ({ key }) => key?.startsWith(this.#prefix) && listener(key.slice(this.#prefix.length)),
    );
  }
}
