/**
 * What people wrote, cut into pieces that are safe to show: plain text and links. Never HTML.
 */

export type Piece = { kind: "text"; text: string } | { kind: "link"; text: string; href: string };

// Plain http and https only; whatever else looks like an address stays text.
const LINK = /\bhttps?:\/\/[^\s<>"']+/giu;

export function pieces(body: string): Piece[] {
  const found: Piece[] = [];
  let end = 0;
  for (const match of body.matchAll(LINK)) {
    const text = withoutTail(match[0]);
    const href = address(text);
    if (href === null) continue;
    if (match.index > end) found.push({ kind: "text", text: body.slice(end, match.index) });
    found.push({ kind: "link", text, href });
    end = match.index + text.length;
  }
  if (end < body.length) found.push({ kind: "text", text: body.slice(end) });
  return found;
}

/** Characters as the server counts them. */
export function lengthOf(text: string): number {
  return [...text.trim()].length;
}

/** Two letters that stand for a name. */
export function initials(name: string): string {
  const words = name.split(/[-_\s]+/u).filter((word) => word !== "");
  const letters = words.length > 1 ? words.slice(0, 2).map((word) => [...word][0]) : [...(words[0] ?? "?")].slice(0, 2);
  return letters.join("").toUpperCase();
}

/** One of eight hues and one of four cuts, the same for a user everywhere. */
export function paneOf(userId: string): { hue: number; cut: number } {
  // FNV-1a over the id, then the last steps of MurmurHash3, so that ids of one minute look different too.
  let hash = 0x811c9dc5;
  for (let index = 0; index < userId.length; index += 1) {
    hash = Math.imul(hash ^ userId.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  hash ^= hash >>> 16;
  return { hue: (hash & 7) + 1, cut: ((hash >>> 3) & 3) + 1 };
}

// A full stop after an address ends the sentence; a bracket belongs to it only when it was opened inside.
function withoutTail(link: string): string {
  let text = link;
  for (;;) {
    const last = text.at(-1) ?? "";
    const unopened = last === ")" && !text.includes("(");
    if (!/[.,;:!?\]}*_~]/u.test(last) && !unopened) return text;
    text = text.slice(0, -1);
  }
}

function address(text: string): string | null {
  try {
    const url = new URL(text);
    return (url.protocol === "http:" || url.protocol === "https:") && url.hostname !== "" ? url.href : null;
  } catch {
    return null;
  }
}
