/**
 * Finding a name by a few of its letters: for whom to call and where to go.
 *
 * Must not know: what the names are names of.
 */

export interface Match {
  /** Lower is better. */
  rank: number;
  /** Where in the name the letters stand. */
  at: number;
}

/** How well a name answers to these letters; null when it does not. No letters fit every name. */
export function match(query: string, name: string): Match | null {
  const wanted = fold(query);
  const text = fold(name);
  if (wanted === "") return { rank: 0, at: 0 };
  if (text.startsWith(wanted)) return { rank: text.length === wanted.length ? 0 : 1, at: 0 };
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
    if (/[^\p{L}\p{N}]/u.test(text[at - 1] ?? "")) return { rank: 2, at };
  }
  const at = text.indexOf(wanted);
  return at < 0 ? null : { rank: 3, at };
}

export interface Found<T> {
  item: T;
  match: Match;
}

/** The best answers, best first, and in their own order among equals. */
export function best<T>(query: string, items: Iterable<T>, nameOf: (item: T) => string, limit: number): Found<T>[] {
  const found: Found<T>[] = [];
  for (const item of items) {
    const hit = match(query, nameOf(item));
    if (hit) found.push({ item, match: hit });
  }
  return found.sort((one, other) => one.match.rank - other.match.rank).slice(0, limit);
}

/** The call that is being written: from an @ up to the caret. */
export interface Call {
  /** Where the @ stands. */
  from: number;
  query: string;
}

/** No name is longer, so nobody is looked for by more. */
const LONGEST_NAME = 40;

/** Whether somebody is being called right before the caret. An @ inside a word is an address. */
export function callAt(text: string, caret: number): Call | null {
  const before = text.slice(Math.max(0, caret - LONGEST_NAME - 2), caret);
  const found = /(?:^|[^\p{L}\p{N}_@])@([a-z0-9_-]*)$/iu.exec(before);
  if (!found) return null;
  const query = found[1] ?? "";
  return { from: caret - query.length - 1, query };
}

/** The text once the call is complete, and where the caret stands then. */
export function complete(text: string, call: Call, caret: number, name: string): { text: string; caret: number } {
  const after = text.slice(caret);
  const space = /^\s/u.test(after) ? "" : " ";
  const before = `${text.slice(0, call.from)}@${name}${space}`;
  return { text: before + after, caret: before.length + (space === "" ? 1 : 0) };
}

function fold(text: string): string {
  return text.toLowerCase();
}
