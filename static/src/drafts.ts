/**
 * What was begun in each channel and not sent. Kept while the page is open, and over a reload where the browser lets
 * us remember.
 */

/** Drafts kept; of more, the ones touched longest ago go. */
const MOST = 30;
/** A draft may be longer than a message: it is shortened before it is sent. */
export const LONGEST_DRAFT = 20_000;

export interface DraftPorts {
  recall(): string | null;
  remember(text: string | null): void;
}

export class Drafts {
  /** Touched last at the end. */
  private readonly texts: Map<string, string>;

  constructor(private readonly ports: DraftPorts) {
    this.texts = new Map(read(ports.recall()));
  }

  get(channel: string): string {
    return this.texts.get(channel) ?? "";
  }

  set(channel: string, text: string) {
    this.texts.delete(channel);
    if (text !== "") this.texts.set(channel, text.slice(0, LONGEST_DRAFT));
    for (const oldest of this.texts.keys()) {
      if (this.texts.size <= MOST) break;
      this.texts.delete(oldest);
    }
    this.ports.remember(this.texts.size === 0 ? null : JSON.stringify([...this.texts]));
  }
}

/** What is remembered may be anybody's: an older version's, or broken. */
function read(stored: string | null): [string, string][] {
  try {
    const entries: unknown = JSON.parse(stored ?? "[]");
    if (!Array.isArray(entries)) return [];
    return entries.filter(isEntry).slice(-MOST);
  } catch {
    return [];
  }
}

function isEntry(value: unknown): value is [string, string] {
  return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === "string" && part.length <= LONGEST_DRAFT);
}
