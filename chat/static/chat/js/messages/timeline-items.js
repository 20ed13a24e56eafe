/**
 * What the timeline shows, as a flat list with a stable key each: days, the line above what is new, holes,
 * messages with their place in a group of one sender. Pure.
 */

import { lookOf, startOfDay } from "../base/format.js";

/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../types.js").UnsentMessage} UnsentMessage */

const GROUP_MS = 5 * 60 * 1000;

/**
 * @typedef {object} Item
 * @property {string} key
 * @property {"older"|"start"|"trouble"|"day"|"new"|"hole"|"message"} kind
 * @property {string} [reason]         of a trouble
 * @property {Date} [moment]
 * @property {Message} [message]
 * @property {?UnsentMessage} [pending]   set while the message is on its way
 * @property {boolean} [isOwn]
 * @property {boolean} [isFirst]       of a group
 * @property {boolean} [isLast]        of a group
 * @property {boolean} [isNewestOwn]
 * @property {boolean} [isShared]      its sender's name looks like that of somebody else here
 */

/**
 * @param {object} from
 * @param {Message[]} from.messages
 * @param {boolean} from.beforeMore
 * @param {boolean} from.afterMore
 * @param {UnsentMessage[]} from.pending
 * @param {import("../types.js").Sender} from.me
 * @param {number} from.newFromSeq   the first seq below the line of what is new; 0: no line
 * @param {boolean} from.isBehind    newer messages exist and are being read
 * @param {?{end: "older"|"newer", reason: string}} from.trouble  why one end could not be read on
 * @returns {Item[]}
 */
export function timelineItems({
  messages,
  beforeMore,
  afterMore,
  pending,
  me,
  newFromSeq,
  isBehind,
  trouble,
}) {
  const stop = /** @type {Item} */ ({
    key: `trouble ${trouble?.reason}`,
    kind: "trouble",
    reason: trouble?.reason,
  });
  /** @type {Item[]} */
  const items = [
    trouble?.end === "older"
      ? stop
      : beforeMore
        ? { key: "older", kind: "older" }
        : { key: "start", kind: "start" },
  ];
  let newest = -Infinity;
  let previousSeq = 0;
  // The line is not drawn where its place is not in memory.
  let isMarked = !newFromSeq || (beforeMore && newFromSeq < (messages[0]?.seq ?? 0));
  const add = (/** @type {Item} */ item) => {
    const moment = /** @type {Date} */ (item.moment);
    // Clocks differ, and what is not sent may be old: a day that has begun does not begin again.
    const day = startOfDay(moment);
    if (day > newest) {
      newest = day;
      items.push({ key: `day ${day}`, kind: "day", moment });
    }
    const seq = item.message?.seq ?? 0;
    if (!isMarked && seq >= newFromSeq && !item.isOwn) {
      isMarked = true;
      items.push({ key: "new", kind: "new" });
    }
    items.push(item);
  };
  for (const message of messages) {
    if (previousSeq && message.seq > previousSeq + 1)
      items.push({ key: `hole ${previousSeq}`, kind: "hole" });
    previousSeq = message.seq;
    add(savedItem(message, me));
  }
  const present = new Set(
    messages.filter((m) => m.sender.id === me.id).map((m) => m.client_message_id),
  );
  const waiting = pending.filter((item) => !present.has(item.client_message_id));
  if (trouble?.end === "newer") items.push(stop);
  else if (afterMore ? waiting.length : isBehind) items.push({ key: "hole end", kind: "hole" });
  for (const item of waiting) add(pendingItem(item, me));
  return grouped(marked(items, me));
}

/** Marks what a namesake wrote. @param {Item[]} items @param {{id: number, name: string}} me */
function marked(items, me) {
  /** @type {Map<string, number>} */
  const first = new Map([[lookOf(me.name), me.id]]);
  /** @type {Set<string>} */
  const shared = new Set();
  const looks = items.map(({ message }) => {
    if (!message) return "";
    const { id, name } = message.sender;
    const look = lookOf(name);
    if (!first.has(look)) first.set(look, id);
    if (first.get(look) !== id) shared.add(look);
    return look;
  });
  items.forEach((item, place) => {
    item.isShared = shared.has(looks[place]);
  });
  return items;
}

/** @param {Message} message @param {{id: number}} me @returns {Item} */
function savedItem(message, me) {
  const isOwn = message.sender.id === me.id;
  const key = isOwn ? `c${message.client_message_id}` : `m${message.id}`;
  return {
    key,
    kind: "message",
    moment: new Date(message.created_at),
    message,
    pending: null,
    isOwn,
  };
}

/** The echo of what was written here, as the message that it will be. @param {UnsentMessage} pending @param {import("../types.js").Sender} me @returns {Item} */
function pendingItem(pending, me) {
  const moment = new Date(pending.written_at);
  const message = /** @type {Message} */ ({
    id: 0,
    chat_id: pending.chat_id,
    seq: pending.seq ?? 0,
    revision: 0,
    sender: me,
    content: pending.content,
    created_at: moment.toISOString(),
    edited_at: null,
    deleted: false,
    reply_to: pending.reply_to,
    client_message_id: pending.client_message_id,
    reactions: [],
    attachments: pending.attachments,
  });
  return {
    key: `c${pending.client_message_id}`,
    kind: "message",
    moment,
    message,
    pending,
    isOwn: true,
  };
}

/** @param {Item[]} items */
function grouped(items) {
  let newestOwn = null;
  for (const [place, item] of items.entries()) {
    if (item.kind !== "message") continue;
    item.isFirst = !belongTogether(items[place - 1], item);
    item.isLast = !belongTogether(item, items[place + 1]);
    if (item.isOwn) newestOwn = item;
  }
  if (newestOwn) newestOwn.isNewestOwn = true;
  return items;
}

/** @param {Item|undefined} first @param {Item|undefined} second */
function belongTogether(first, second) {
  if (first?.kind !== "message" || second?.kind !== "message") return false;
  if (first.message?.sender.id !== second.message?.sender.id) return false;
  return Math.abs(Number(second.moment) - Number(first.moment)) < GROUP_MS;
}
