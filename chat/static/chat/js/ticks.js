/** How far a message of ours has come, in one word and one sentence. Pure. */

import { gettext, number } from "./i18n.js";

/**
 * @param {import("./types.js").Chat} chat @param {number} seq
 * @returns {{state: "saved"|"published"|"delivered"|"read", label: string, title: string}}
 */
export function ticksOf(chat, seq) {
  const others = chat.cursors.length;
  const read = chat.cursors.filter((cursor) => cursor.read_seq >= seq).length;
  const delivered = chat.cursors.filter((cursor) => cursor.delivered_seq >= seq).length;
  if (others && read === others) {
    return { state: "read", label: gettext("Read"), title: others > 1 ? gettext("Everyone has read it") : gettext("Read by the other person") };
  }
  const some = read ? gettext("Read by %(count)s of %(others)s", { count: number(read), others: number(others) }) : "";
  if (others && delivered === others) {
    const title = others > 1 ? gettext("It has reached a device of everyone") : gettext("It has reached the other person's device");
    return { state: "delivered", label: some || gettext("Delivered"), title: joined(title, some) };
  }
  const reached = delivered ? gettext("Delivered to %(count)s of %(others)s", { count: number(delivered), others: number(others) }) : "";
  if (chat.published_seq >= seq) {
    return { state: "published", label: some || reached || gettext("Published"), title: joined(gettext("Published: handed on to every part of the system"), reached, some) };
  }
  return { state: "saved", label: some || reached || gettext("Saved"), title: joined(gettext("Saved on the server: it cannot get lost any more"), reached, some) };
}

/** @param {...string} parts */
function joined(...parts) {
  return parts.filter(Boolean).join(". ");
}
