/**
 * Whether a text calls many at once, before it is sent.
 *
 * Must not know: who they are, or how it is asked.
 */
import type { Block } from "./markdown/nodes";
import { mentions } from "./markdown/nodes";
import { calledBy } from "./mentions";

/** Up to so many may be called at once without a question. */
export const MANY = 50;

/** The widest call of many in a text; null when it has none. What stands in code calls nobody. */
export function manyCalled(blocks: readonly Block[]): "here" | "everyone" | null {
  const called = mentions(blocks).map((name) => calledBy(name, () => null, null)?.who.type);
  if (called.includes("everyone")) return "everyone";
  return called.includes("here") ? "here" : null;
}
