/** How far a message of ours has come, in one word and one sentence. Pure. */

import { gettext, number } from "../base/i18n.js";

/** @typedef {{state: "failed"|"saved"|"published"|"delivered"|"read", label: string, title: string}} Ticks */

/**
 * From `published_seq`, the others' cursors and what failed; from nothing else.
 * @param {import("../types.js").Chat} chat @param {{id: number, seq: number, created_at: string}} message
 * @returns {Ticks}
 */
export function ticksOf(chat, { id, seq, created_at: writtenAt }) {
  const error = chat.errors?.[id];
  if (error !== undefined) return failed(error);
  const cursors = cursorsFor(chat, writtenAt);
  const others = cursors.length;
  // Whoever does not share read receipts has a cursor without read_seq.
  const read = cursors.filter((cursor) => (cursor.read_seq ?? 0) >= seq).length;
  const delivered = cursors.filter((cursor) => cursor.delivered_seq >= seq).length;
  if (others && read === others) {
    const title = others > 1 ? gettext("Read by everyone") : gettext("Read by the other person");
    return { state: "read", label: gettext("Read"), title };
  }
  const some = readBy(read, others);
  const isSilent = cursors.some((cursor) => cursor.read_seq === undefined);
  const silent = isSilent ? gettext("Not everyone shares read receipts") : "";
  if (others && delivered === others) {
    const title =
      others > 1 ? gettext("Delivered to everyone") : gettext("Delivered to the other person");
    return {
      state: "delivered",
      label: some || gettext("Delivered"),
      title: joined(title, some, silent),
    };
  }
  return onServer(chat.published_seq >= seq, deliveredTo(delivered, others), some, silent);
}

/** @param {string} error @returns {Ticks} */
function failed(error) {
  const text = gettext(
    "It is saved and shown in this chat, but could not be passed on to other systems",
  );
  return { state: "failed", label: gettext("Not passed on"), title: joined(text, error) };
}

/** @param {boolean} isPublished @param {string} reached @param {string} read @param {string} silent @returns {Ticks} */
function onServer(isPublished, reached, read, silent) {
  const [word, sentence] = isPublished
    ? [gettext("Published"), gettext("Published: passed on to every part of the system")]
    : [gettext("Saved"), gettext("Saved on the server: it cannot be lost")];
  const title = joined(sentence, reached, read, silent);
  return { state: isPublished ? "published" : "saved", label: read || reached || word, title };
}

/** @param {number} count @param {number} others */
const readBy = (count, others) =>
  count
    ? gettext("Read by %(count)s of %(others)s", { count: number(count), others: number(others) })
    : "";

/** @param {number} count @param {number} others */
const deliveredTo = (count, others) =>
  count
    ? gettext("Delivered to %(count)s of %(others)s", {
        count: number(count),
        others: number(others),
      })
    : "";

/**
 * Of those who were members when it was written. Large chats do not send everyone's, and what is true of some
 * must not be said of all.
 * @param {import("../types.js").Chat} chat @param {string} writtenAt
 */
function cursorsFor({ cursors, member_count: count }, writtenAt) {
  if (cursors.length < count - 1) return [];
  return cursors.filter((cursor) => !(cursor.joined_at > writtenAt));
}

/** @param {...string} parts */
function joined(...parts) {
  return parts.filter(Boolean).join(". ");
}
