/** Words in the page's language, from Django's catalogue; numbers and times as that language has them. */

const catalogue = /** @type {any} */ (globalThis).django ?? {};

export const language = document.documentElement.lang || "en";

/**
 * @param {string} text  with %(name)s where a value goes
 * @param {Record<string, string|number>} [values]
 */
export function gettext(text, values) {
  return fill(catalogue.gettext?.(text) ?? text, values);
}

/**
 * @param {string} one @param {string} many @param {number} count
 * @param {Record<string, string|number>} [values]  `count` is always among them
 */
export function ngettext(one, many, count, values) {
  const text = catalogue.ngettext?.(one, many, count) ?? (count === 1 ? one : many);
  return fill(text, { count: number(count), ...values });
}

/** @param {string} text @param {Record<string, string|number>} [values] */
function fill(text, values = {}) {
  return text.replace(/%\((\w+)\)s/g, (whole, name) => isolate(String(values[name] ?? whole)));
}

/** Someone else's words in a sentence: what runs from right to left reorders nothing around it. @param {string} text */
export function isolate(text) {
  return /[\u0590-\u08ff\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufefc]/.test(text)
    ? `\u2068${text.replace(/[\u2066-\u2069]/g, "")}\u2069`
    : text;
}

const numbers = new Intl.NumberFormat(language);

/** @param {number} value */
export function number(value) {
  return numbers.format(value);
}
