/** How far a message of ours has come, in one word and one sentence. Pure. */

import { gettext, number } from "./i18n.js";

/**
 * From `published_seq`, the others' cursors and what failed; from nothing else.
 * @param {import("./types.js").Chat} chat @param {{id: number, seq: number, created_at: string}} message
 * @returns {{state: "failed"|"saved"|"published"|"delivered"|"read", label: string, title: string}}
 */
export function ticksOf(chat, { id, seq, created_at: writtenAt }) {
  const error = chat.errors?.[id];
  if (error !== undefined) {
    return { state: "failed", label: gettext("Not passed on"), title: joined(gettext("It is saved and shown in this chat, but could not be passed on to other systems"), error) };
  }
  const cursors = cursorsFor(chat, writtenAt);
  const others = cursors.length;
  // Who does not show what they have read has a cursor without it.
  const read = cursors.filter((cursor) => (cursor.read_seq ?? 0) >= seq).length;
  const delivered = cursors.filter((cursor) => cursor.delivered_seq >= seq).length;
  if (others && read === others) {
    return { state: "read", label: gettext("Read"), title: others > 1 ? gettext("Everyone has read it") : gettext("Read by the other person") };
  }
  const some = read ? gettext("Read by %(count)s of %(others)s", { count: number(read), others: number(others) }) : "";
  const silent = cursors.some((cursor) => cursor.read_seq === undefined) ? gettext("Not everyone shows what they have read") : "";
  if (others && delivered === others) {
    const title = others > 1 ? gettext("It has reached a device of everyone") : gettext("It has reached the other person's device");
    return { state: "delivered", label: some || gettext("Delivered"), title: joined(title, some, silent) };
  }
  const reached = delivered ? gettext("Delivered to %(count)s of %(others)s", { count: number(delivered), others: number(others) }) : "";
  if (chat.published_seq >= seq) {
    return { state: "published", label: some || reached || gettext("Published"), title: joined(gettext("Published: handed on to every part of the system"), reached, some, silent) };
  }
  return { state: "saved", label: some || reached || gettext("Saved"), title: joined(gettext("Saved on the server: it cannot get lost any more"), reached, some, silent) };
}

/**
 * Of those who were there when it was written. Large chats do not tell everyone's, and what is true of some
 * must not be said of all.
 * @param {import("./types.js").Chat} chat @param {string} writtenAt
 */
function cursorsFor({ cursors, member_count: count }, writtenAt) {
  if (cursors.length < count - 1) return [];
  return cursors.filter((cursor) => !(cursor.joined_at > writtenAt));
}

/** @param {...string} parts */
function joined(...parts) {
  return parts.filter(Boolean).join(". ");
}
