/**
 * Addresses inside a message: which are links, and where they end.
 *
 * Plain http and https only; whatever else looks like an address stays text.
 */

/** No address that people mean is longer; a longer one stays text. */
const LONGEST = 2_048;

// Marks that turn the direction of writing would make an address read as another one, so they end it. It is not
// looked at further than it may be long: what follows may be another one, and is looked at again.
const ADDRESS = /https?:\/\/[^\s<>"'[\]\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]{1,2049}/iuy;
/** The end of a sentence, and marks of this markdown: none of them ends an address. */
const TAIL = new Set(".,;:!?]}*_~`");

/** The address that begins at `from`, or null. */
export function addressAt(text: string, from: number): { text: string; href: string } | null {
  ADDRESS.lastIndex = from;
  const match = ADDRESS.exec(text);
  if (!match || match[0].length > LONGEST) return null;
  const shown = withoutTail(match[0]);
  const href = safe(shown);
  return href === null ? null : { text: shown, href };
}

/** The address in its normal form, or null when it is not one that we link to. */
export function safe(text: string): string | null {
  if (text.length > LONGEST || !/^https?:\/\//iu.test(text)) return null;
  try {
    const url = new URL(text);
    return (url.protocol === "http:" || url.protocol === "https:") && url.hostname !== "" ? url.href : null;
  } catch {
    return null;
  }
}

/** Whether a label reads like the address of another place than the one it leads to. */
export function pretends(label: string, href: string): boolean {
  const claimed = /(?:https?:\/\/|\bwww\.)[^\s/?#]+/iu.exec(label)?.[0];
  if (claimed === undefined) return false;
  const shown = safe(/^http/iu.test(claimed) ? claimed : `https://${claimed}`);
  return shown === null || hostOf(shown) !== hostOf(href);
}

/** The host of an address in its normal form, as people know it. */
export function hostOf(href: string): string {
  return new URL(href).host.replace(/^www\./u, "");
}

// A full stop after an address ends the sentence; a bracket belongs to it only when it was opened inside.
function withoutTail(address: string): string {
  const opened = address.includes("(");
  let end = address.length;
  for (; end > 0; end -= 1) {
    const last = address[end - 1] ?? "";
    if (!TAIL.has(last) && (last !== ")" || opened)) break;
  }
  return address.slice(0, end);
}
