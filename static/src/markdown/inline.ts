/**
 * One paragraph: bold, italic, strike, code, links, mentions.
 *
 * One pass from left to right, in which every mark looks back at no more than one open mark of each kind, so that
 * time grows with the length alone and the tree is never deeper than there are kinds of marks. Start reading at
 * {@link parseInline}.
 */
import { addressAt, pretends, safe } from "./address";
import type { Inline } from "./nodes";

const MARKS = ["**", "__", "*", "_", "~~"] as const;
type Mark = (typeof MARKS)[number];

const MEANING = { "**": "strong", __: "strong", "*": "emphasis", _: "emphasis", "~~": "strike" } as const;

type Token =
  | { kind: "text"; text: string }
  | { kind: "node"; node: Inline; written: string }
  /** A mark that found no partner stays what was written. */
  | { kind: "mark"; mark: Mark; role: "alone" | "open" | "close" }
  | { kind: "bracket"; href: string | null }
  | { kind: "linked" };

/** The first character of everything that is not plain text. */
const SPECIAL = /[\n\\`*_~[\]@h]/giu;
const MENTION = /@([a-z0-9_][a-z0-9_-]{0,63})/iuy;
const DESTINATION = /\(([^\s<>()[\]]*(?:\([^\s<>()[\]]*\)[^\s<>()[\]]*)*)\)/uy;
const PUNCTUATION = /[!-/:-@[-`{-~]/u;

export function parseInline(text: string): Inline[] {
  return new Reader(text).read();
}

class Reader {
  private readonly tokens: Token[] = [];
  /** The open mark of each kind, as its place among the tokens. */
  private readonly open = new Map<Mark, number>();
  /** The last bracket that was opened; only the innermost can be a link. */
  private bracket = -1;
  private at = 0;
  /** Up to here everything is in tokens. */
  private taken = 0;
  private readonly ticks: Ticks;

  constructor(private readonly text: string) {
    this.ticks = new Ticks(text);
  }

  read(): Inline[] {
    const { text } = this;
    while (this.at < text.length) {
      SPECIAL.lastIndex = this.at;
      const special = SPECIAL.exec(text);
      if (!special) break;
      this.at = special.index;
      this.step(special[0]);
    }
    this.at = text.length;
    this.flush();
    return grow(this.tokens);
  }

  private step(char: string) {
    const { text, at } = this;
    switch (char) {
      case "\n":
        this.take(1, { kind: "node", node: { kind: "break" }, written: "\n" });
        return;
      case "\\": {
        const next = text[at + 1] ?? "";
        if (PUNCTUATION.test(next)) this.take(2, { kind: "text", text: next });
        else this.at += 1;
        return;
      }
      case "`":
        this.code();
        return;
      case "*":
      case "_":
      case "~":
        this.run(char);
        return;
      case "[":
        this.take(1, { kind: "bracket", href: null });
        this.bracket = this.tokens.length - 1;
        return;
      case "]":
        this.closeBracket();
        return;
      case "@": {
        MENTION.lastIndex = at;
        const name = isWord(text[at - 1]) ? undefined : MENTION.exec(text)?.[1];
        if (name === undefined) this.at += 1;
        else this.take(name.length + 1, { kind: "node", node: { kind: "mention", name }, written: `@${name}` });
        return;
      }
      default: {
        const link = isWord(text[at - 1]) ? null : addressAt(text, at);
        if (link === null) {
          this.at += 1;
          return;
        }
        const node: Inline = { kind: "link", href: link.href, inside: [{ kind: "text", text: link.text }] };
        this.take(link.text.length, { kind: "node", node, written: link.text });
      }
    }
  }

  private code() {
    const length = runLength(this.text, this.at);
    const end = this.ticks.next(length, this.at + length);
    if (end === null) {
      this.at += length;
      return;
    }
    const raw = this.text.slice(this.at + length, end).replaceAll("\n", " ");
    // A space on both sides lets code begin and end with a tick.
    const padded = raw.startsWith(" ") && raw.endsWith(" ") && raw.trim() !== "";
    this.take(end + length - this.at, { kind: "node", node: { kind: "code", text: padded ? raw.slice(1, -1) : raw }, written: raw });
  }

  private run(char: "*" | "_" | "~") {
    const { text, at } = this;
    const length = runLength(text, at);
    const marks = marksOf(char, length);
    if (marks.length === 0) {
      this.at += length;
      return;
    }
    const before = kindOf(text[at - 1]);
    const after = kindOf(text[at + length]);
    const left = after !== "space" && (after !== "sign" || before !== "word");
    const right = before !== "space" && (before !== "sign" || after !== "word");
    // An underline inside a word is part of it.
    const opens = left && (char !== "_" || !right || before === "sign");
    const closes = right && (char !== "_" || !left || after === "sign");
    this.flush();
    // Of two open marks the one opened last closes first.
    const order = closes ? marks.toSorted((a, b) => (this.open.get(b) ?? -1) - (this.open.get(a) ?? -1)) : marks;
    for (const mark of order) this.mark(mark, opens, closes);
    this.at += length;
    this.taken = this.at;
  }

  private mark(mark: Mark, opens: boolean, closes: boolean) {
    const partner = closes ? this.open.get(mark) : undefined;
    if (partner !== undefined && partner < this.tokens.length - 1) {
      this.closeAfter(partner);
      if (this.bracket > partner) this.bracket = -1;
      this.tokens[partner] = { kind: "mark", mark, role: "open" };
      this.tokens.push({ kind: "mark", mark, role: "close" });
      return;
    }
    this.tokens.push({ kind: "mark", mark, role: "alone" });
    // The innermost counts; the one that was open stays what was written.
    if (opens) this.open.set(mark, this.tokens.length - 1);
  }

  private closeBracket() {
    const { text, bracket } = this;
    this.bracket = -1;
    const target = bracket < 0 ? null : this.destination();
    if (target === null) {
      this.at += 1;
      return;
    }
    this.flush();
    const label = this.tokens.slice(bracket + 1).map(written).join("");
    if (label.trim() === "" || pretends(label, target.href)) {
      this.at += 1;
      return;
    }
    this.closeAfter(bracket);
    // Inside a link nothing else is one.
    for (let index = bracket + 1; index < this.tokens.length; index += 1) {
      const token = this.tokens[index];
      if (token?.kind !== "node") continue;
      if (token.node.kind === "link" || token.node.kind === "mention") this.tokens[index] = { kind: "text", text: token.written };
    }
    this.tokens[bracket] = { kind: "bracket", href: target.href };
    this.tokens.push({ kind: "linked" });
    this.at = target.end;
    this.taken = Math.min(target.end, text.length);
  }

  private destination(): { href: string; end: number } | null {
    DESTINATION.lastIndex = this.at + 1;
    const found = DESTINATION.exec(this.text);
    const href = found ? safe(found[1] ?? "") : null;
    return href === null ? null : { href, end: DESTINATION.lastIndex };
  }

  /** What was opened after this place finds no partner beyond it. */
  private closeAfter(place: number) {
    for (const [mark, index] of [...this.open]) if (index >= place) this.open.delete(mark);
  }

  private take(length: number, token: Token) {
    this.flush();
    this.tokens.push(token);
    this.at += length;
    this.taken = this.at;
  }

  private flush() {
    if (this.at > this.taken) this.tokens.push({ kind: "text", text: this.text.slice(this.taken, this.at) });
    this.taken = this.at;
  }
}

/** Where runs of ticks stand, by their length: whether code ends anywhere is asked without looking for it. */
class Ticks {
  private readonly places = new Map<number, number[]>();
  private readonly passed = new Map<number, number>();

  constructor(text: string) {
    for (const { 0: run, index } of text.matchAll(/`+/gu)) {
      const places = this.places.get(run.length);
      if (places) places.push(index);
      else this.places.set(run.length, [index]);
    }
  }

  /** The next run of this length from a place on; places only grow. */
  next(length: number, from: number): number | null {
    const places = this.places.get(length) ?? [];
    let index = this.passed.get(length) ?? 0;
    while ((places[index] ?? Infinity) < from) index += 1;
    this.passed.set(length, index);
    return places[index] ?? null;
  }
}

function grow(tokens: readonly Token[]): Inline[] {
  const root: Inline[] = [];
  const branches: { inside: Inline[]; close: (inside: Inline[]) => Inline }[] = [];
  let inside = root;
  const finish = () => {
    const done = branches.pop();
    if (!done) return;
    inside = branches.at(-1)?.inside ?? root;
    inside.push(done.close(done.inside));
  };
  const begin = (close: (inside: Inline[]) => Inline) => {
    inside = [];
    branches.push({ inside, close });
  };
  for (const token of tokens) {
    if (token.kind === "mark" && token.role === "open") begin((nodes) => ({ kind: MEANING[token.mark], inside: nodes }));
    else if (token.kind === "bracket" && token.href !== null) {
      const { href } = token;
      begin((nodes) => ({ kind: "link", href, inside: nodes }));
    } else if (token.kind === "linked" || (token.kind === "mark" && token.role === "close")) finish();
    else if (token.kind === "node") inside.push(token.node);
    else addText(inside, written(token));
  }
  return root;
}

function addText(nodes: Inline[], text: string) {
  const last = nodes.at(-1);
  if (last?.kind === "text") nodes[nodes.length - 1] = { kind: "text", text: last.text + text };
  else nodes.push({ kind: "text", text });
}

function written(token: Token): string {
  switch (token.kind) {
    case "text":
      return token.text;
    case "node":
      return token.written;
    case "mark":
      return token.role === "alone" ? token.mark : "";
    case "bracket":
      return token.href === null ? "[" : "";
    case "linked":
      return "";
  }
}

function marksOf(char: "*" | "_" | "~", length: number): Mark[] {
  if (char === "~") return length === 2 ? ["~~"] : [];
  const [two, one]: [Mark, Mark] = char === "*" ? ["**", "*"] : ["__", "_"];
  return length === 1 ? [one] : length === 2 ? [two] : length === 3 ? [two, one] : [];
}

function runLength(text: string, from: number): number {
  let end = from + 1;
  while (text[end] === text[from]) end += 1;
  return end - from;
}

function isWord(char: string | undefined): boolean {
  return char !== undefined && /[\p{L}\p{N}_]/u.test(char);
}

function kindOf(char: string | undefined): "space" | "sign" | "word" {
  if (char === undefined || /\s/u.test(char)) return "space";
  return /[\p{P}\p{S}]/u.test(char) ? "sign" : "word";
}
