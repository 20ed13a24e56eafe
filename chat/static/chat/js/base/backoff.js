/** How long to wait before reconnecting: full jitter, so that a thousand browsers do not reconnect at once. Pure. */

const LEAST_MS = 500;
const MOST_MS = 30_000;

/**
 * @param {number} attempt  0 for the first
 * @param {number} [leastMs]  what the server asked for
 * @param {() => number} [random]
 */
export function delayBefore(attempt, leastMs = 0, random = Math.random) {
  const ceiling = Math.min(MOST_MS, LEAST_MS * 2 ** (attempt + 1));
  return Math.round(Math.max(leastMs, 0) + LEAST_MS + random() * (ceiling - LEAST_MS));
}
