/**
 * Whom a name after an `@` means. The server decides; this reads a name in the same ways as it does
 * (`src/chat/mentions.rs`), so that the page draws what was meant and nothing else.
 *
 * Must not know: how a mention looks.
 */
import type { Mention } from "./protocol";

export interface Call {
  who: Mention;
  /** As it was written, in lower case. */
  name: string;
  /** What follows the name and is none of it. */
  rest: string;
}

/** Ways to read one name; the server takes as many. */
const READINGS = 5;

/**
 * Whom a written name calls. `meant` is what the server found in the whole text; before it has read the text, whoever
 * is called so.
 */
export function calledBy(written: string, named: (name: string) => Mention | null, meant: readonly Mention[] | null): Call | null {
  const folded = written.toLowerCase();
  const whole = folded.replace(/[-_]+$/u, "");
  const call = (name: string, who: Mention) => ({ who, name, rest: written.slice(name.length) });
  const all = ALL[whole];
  if (all !== undefined) {
    const is = meant === null || meant.some((one) => one.type === all);
    return is ? call(whole, { type: all }) : null;
  }
  for (const name of readings(folded)) {
    const who = named(name);
    if (who && (meant === null || meant.some((one) => isSame(one, who)))) return call(name, who);
  }
  return null;
}

/** Names for many at once. */
const ALL: Readonly<Record<string, "here" | "everyone">> = { here: "here", everyone: "everyone", all: "everyone" };

/** The names that a written one may be, the longest first: what follows a hyphen may be the sentence's. */
export function readings(written: string): string[] {
  const found: string[] = [];
  for (let rest = written; rest !== "" && found.length < READINGS; ) {
    found.push(rest);
    const whole = rest.replace(/[-_]+$/u, "");
    rest = whole.length < rest.length ? whole : rest.replace(/[-_]+[^-_]*$|^[^-_]+$/u, "");
  }
  return found;
}

function isSame(one: Mention, other: Mention): boolean {
  if (one.type === "user") return other.type === "user" && one.user === other.user;
  if (one.type === "group") return other.type === "group" && one.group === other.group;
  return one.type === other.type;
}
