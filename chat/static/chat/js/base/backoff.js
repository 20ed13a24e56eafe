/** How long to wait before reconnecting: full jitter, so that a thousand browsers do not reconnect at once. Pure. */

const MIN_MS = 500;
const MAX_MS = 30_000;

/**
 * @param {number} attempt  0 for the first
 * @param {number} [leastMs]  what the server asked for; over as long again are they spread whom it asked at once
 * @param {() => number} [random]
 */
export function delayBefore(attempt, leastMs = 0, random = Math.random) {
  const ceiling = Math.min(MAX_MS, MIN_MS * 2 ** (attempt + 1));
  const spread = Math.max(ceiling - MIN_MS, leastMs);
  return Math.round(Math.max(leastMs, 0) + MIN_MS + random() * spread);
}
