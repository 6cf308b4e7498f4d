/**
 * Small facts about texts and names: how long, which letters, which look. What a message says is read in markdown/.
 */

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
