/** How moments, counts and names are shown. Pure: no DOM, the present moment is a parameter. */

import { gettext, language, number } from "./i18n.js";

const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(language, { weekday: "short" });
const dayAndMonth = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
const dayInYear = new Intl.DateTimeFormat(language, { day: "numeric", month: "long" });
const wholeDay = new Intl.DateTimeFormat(language, {
  day: "numeric",
  month: "long",
  year: "numeric",
});
const exact = new Intl.DateTimeFormat(language, { dateStyle: "long", timeStyle: "medium" });

/** @param {Date} moment */
export const timeOfDay = (moment) => clock.format(moment);

/** @param {Date} moment */
export const exactTime = (moment) => exact.format(moment);

/** What stands in the place of words that are gone. @param {{deleted: boolean, hidden?: boolean}} message */
export const goneWords = ({ deleted, hidden }) =>
  deleted ? gettext("Message deleted") : hidden ? gettext("Hidden by a moderator") : "";

const megabytes = new Intl.NumberFormat(language, {
  style: "unit",
  unit: "megabyte",
  maximumFractionDigits: 1,
});
const kilobytes = new Intl.NumberFormat(language, {
  style: "unit",
  unit: "kilobyte",
  maximumFractionDigits: 0,
});

/** @param {number} bytes */
export const fileSize = (bytes) =>
  bytes < 1e6 ? kilobytes.format(Math.max(1, bytes / 1e3)) : megabytes.format(bytes / 1e6);

/** Whole days from `moment` to `now`, by the calendar. @param {Date} moment @param {Date} now */
export function daysBetween(moment, now) {
  const day = (/** @type {Date} */ d) => Date.UTC(d.getFullYear(), d.getMonth(), d.getDate());
  return Math.round((day(now) - day(moment)) / 86_400_000);
}

/** Its first millisecond, by the calendar of this place. @param {Date} moment */
export const startOfDay = (moment) => new Date(moment).setHours(0, 0, 0, 0);

/** In the chat list: the time today, then the weekday, then the date. @param {Date} moment @param {Date} now */
export function shortMoment(moment, now) {
  const days = daysBetween(moment, now);
  if (days <= 0) return clock.format(moment);
  if (days < 7) return weekday.format(moment);
  return dayAndMonth.format(moment);
}

/** A day's heading in the timeline. @param {Date} moment @param {Date} now */
export function dayHeading(moment, now) {
  const days = daysBetween(moment, now);
  if (days === 0) return gettext("Today");
  if (days === 1) return gettext("Yesterday");
  return (moment.getFullYear() === now.getFullYear() ? dayInYear : wholeDay).format(moment);
}

/** A time, with its day where that is not today. @param {Date} moment @param {Date} now */
export const momentOfDay = (moment, now) =>
  daysBetween(moment, now) ? `${dayHeading(moment, now)}, ${timeOfDay(moment)}` : timeOfDay(moment);

/** For comparing words: without case, in one form of Unicode, Ё as Е. @param {string} words */
export const folded = (words) => words.normalize("NFC").toLocaleLowerCase().replaceAll("ё", "е");

/** The address of a chat, or of a message in it. @param {number} chatId @param {?{seq: number}} [message] */
export const placeOf = (chatId, message) => `/chats/${chatId}` + (message ? `#${message.seq}` : "");

/** A badge's number: never wider than "999+". @param {number} count */
export const badge = (count) => (count > 999 ? "999+" : number(count));

/** One or two letters of a name. @param {string} name */
export function initials(name) {
  const words = name
    .split(/\s+/u)
    .map((word) => word.replace(/^[^\p{L}\p{N}]+/u, ""))
    .filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  const first = letters.map((word) => String.fromCodePoint(word.codePointAt(0) ?? 63));
  return first.join("").toLocaleUpperCase(language) || "·";
}

/** A name where there is no room for a mark. @param {import("../types.js").Sender} who */
export const shortName = ({ name, is_bot: isBot }) =>
  isBot ? `${name} (${gettext("bot")})` : name;

/** A name that nobody else has. @param {import("../types.js").Sender} who */
export const fullName = (who) =>
  who.is_bot || who.name === who.username ? shortName(who) : `${who.name} @${who.username}`;

// Letters and strokes that are drawn alike, those that matter most; usernames are the server's business.
const DRAWN = "асеорхуіїкмтнвпигз01iαοινρτυ";
const LIKE = "aceopxyllkmthbnur3ollaolvptu";

/** What a name looks like: the same for names that are easily mixed up. @param {string} name */
export function lookOf(name) {
  const letters = name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, "")
    .replaceAll("rn", "m");
  return letters.replace(/./gu, (letter) => LIKE[DRAWN.indexOf(letter)] ?? letter);
}

const TINTS = 10;

/** The colour of a person or chat follows from its id. @param {number} id */
export const tint = (id) => String(id % TINTS);

/** Length as the server counts it: code points, not UTF-16 units. @param {string} text */
export function codePoints(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
