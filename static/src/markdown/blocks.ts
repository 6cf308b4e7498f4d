/**
 * A message as its author wrote it, read once: paragraphs, code, quotes, lists. A small part of Markdown, the part
 * that people use in a chat; headings, images, tables and HTML stay the text they are.
 *
 * Must not know: how anything looks. Every line is read once per level of nesting, and levels are few, so that
 * whatever somebody sends is read in a time that grows with its length alone. Start reading at {@link parse}.
 */
import { parseInline } from "./inline";
import type { Block, Item } from "./nodes";

/** Quotes and lists inside each other; what is deeper stays text. */
const DEEPEST = 4;

const FENCE = /^ {0,3}(`{3,})([^`]*)$/u;
const FENCED_LINE = /^ {0,3}```([^`]+)```\s*$/u;
/** A sign without a space is a face or an arrow. */
const QUOTE = /^ {0,3}>(?: |$|(?=>))/u;
const BULLET = /^(\s{0,12})(?:[-*+]|(\d{1,9})[.)])[ \t]+(?=\S)/u;
const BLANK = /^\s*$/u;

export function parse(body: string): Block[] {
  return blocks(body.replace(/\r\n?/gu, "\n").split("\n"), 0);
}

function blocks(lines: readonly string[], depth: number): Block[] {
  const made: Block[] = [];
  let paragraph: string[] = [];
  const end = () => {
    if (paragraph.length > 0) made.push({ kind: "paragraph", inside: parseInline(paragraph.join("\n")) });
    paragraph = [];
  };
  for (let index = 0; index < lines.length; ) {
    const line = lines[index] ?? "";
    const special = blockAt(lines, index, depth);
    if (special) {
      end();
      made.push(special.block);
      index = special.next;
      continue;
    }
    if (BLANK.test(line)) end();
    else paragraph.push(line);
    index += 1;
  }
  end();
  return made;
}

interface Found {
  block: Block;
  /** The first line after it. */
  next: number;
}

function blockAt(lines: readonly string[], index: number, depth: number): Found | null {
  const line = lines[index] ?? "";
  const oneLine = FENCED_LINE.exec(line);
  if (oneLine) return { block: { kind: "code", language: "", text: oneLine[1] ?? "" }, next: index + 1 };
  const fence = FENCE.exec(line);
  if (fence) return codeAt(lines, index, fence[1] ?? "", (fence[2] ?? "").trim());
  if (depth >= DEEPEST) return null;
  if (QUOTE.test(line)) return quoteAt(lines, index, depth);
  if (BULLET.test(line)) return listAt(lines, index, depth);
  return null;
}

/** Code goes on to its closing fence, which may stand at the end of a line; without one, to the end. */
function codeAt(lines: readonly string[], from: number, fence: string, language: string): Found {
  const inside: string[] = [];
  for (let index = from + 1; index < lines.length; index += 1) {
    const line = (lines[index] ?? "").trimEnd();
    if (line.endsWith(fence)) {
      const rest = line.replace(/`+$/u, "");
      if (!BLANK.test(rest)) inside.push(rest);
      return { block: code(inside, language), next: index + 1 };
    }
    inside.push(lines[index] ?? "");
  }
  return { block: code(inside, language), next: lines.length };
}

function code(lines: readonly string[], language: string): Block {
  return { kind: "code", language, text: lines.join("\n") };
}

function quoteAt(lines: readonly string[], from: number, depth: number): Found {
  const inside: string[] = [];
  let index = from;
  for (let line = lines[index]; line !== undefined && QUOTE.test(line); line = lines[index]) {
    inside.push(line.replace(QUOTE, ""));
    index += 1;
  }
  return { block: { kind: "quote", inside: blocks(inside, depth + 1) }, next: index };
}

/** Items of one kind, each with the lines below it that stand further in. */
function listAt(lines: readonly string[], from: number, depth: number): Found {
  const first = markerOf(lines[from] ?? "");
  const ordered = first?.number != null;
  const items: { number: number | null; lines: string[] }[] = [];
  // Blank lines belong to the list only when it goes on after them.
  let blanks = 0;
  let next = from;
  for (let index = from; index < lines.length; index += 1) {
    const line = lines[index] ?? "";
    if (BLANK.test(line)) {
      blanks += 1;
      continue;
    }
    const marker = markerOf(line);
    const indent = line.length - line.trimStart().length;
    const item = items.at(-1);
    if (marker && first && marker.indent <= first.indent + 1) {
      if ((marker.number !== null) !== ordered) break;
      items.push({ number: marker.number, lines: [line.slice(marker.width)] });
    } else if (item && first && indent > first.indent + 1) {
      for (; blanks > 0; blanks -= 1) item.lines.push("");
      item.lines.push(line.slice(Math.min(indent, first.width)));
    } else break;
    blanks = 0;
    next = index + 1;
  }
  const made: Item[] = items.map((item) => ({ number: item.number, inside: blocks(item.lines, depth + 1) }));
  return { block: { kind: "list", ordered, items: made }, next };
}

function markerOf(line: string): { indent: number; width: number; number: number | null } | null {
  const found = BULLET.exec(line);
  if (!found) return null;
  return { indent: found[1]?.length ?? 0, width: found[0].length, number: found[2] === undefined ? null : Number(found[2]) };
}
