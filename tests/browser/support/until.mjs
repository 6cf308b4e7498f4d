// Waiting in tests: ask again and again until it holds, or say what was seen last.
import { setTimeout as pause } from 'node:timers/promises';

/** How often, unless asking is dear. */
const EVERY_MS = 50;

/** Two busy cores and ten pages: what takes 200 ms on a desk may take many seconds here. */
export const PATIENCE = 60_000;

/**
 * Asks until the answer is good, and returns it.
 * @template T
 * @param {string} what Completes the sentence "it never came to pass that …".
 * @param {() => Promise<T> | T} ask
 * @param {(answer: T) => boolean} [good] Truth, when left out.
 * @param {number} [every] Milliseconds between two questions.
 * @returns {Promise<T>}
 */
export async function until(what, ask, good = Boolean, every = EVERY_MS) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const answer = await ask();
    if (good(answer)) return answer;
    if (Date.now() > end) {
      throw new Error(`it never came to pass that ${what}; last seen: ${JSON.stringify(answer)}`);
    }
    await pause(every);
  }
}
