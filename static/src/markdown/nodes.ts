/**
 * What a message is made of once it is read: a tree of plain values. Never HTML.
 *
 * Must not know: how a node looks, or who is called by a mention.
 */

export type Block =
  | { kind: "paragraph"; inside: readonly Inline[] }
  | { kind: "code"; language: string; text: string }
  | { kind: "quote"; inside: readonly Block[] }
  | { kind: "list"; ordered: boolean; items: readonly Item[] };

export interface Item {
  /** As it was written, so that a list that begins at 3 or leaves numbers out says so; null without one. */
  number: number | null;
  inside: readonly Block[];
}

export type Inline =
  | { kind: "text"; text: string }
  | { kind: "break" }
  | { kind: "strong" | "emphasis" | "strike"; inside: readonly Inline[] }
  | { kind: "code"; text: string }
  | { kind: "link"; href: string; inside: readonly Inline[] }
  /** Whoever is called like this, if anybody is. */
  | { kind: "mention"; name: string };

/** Everything that was written, without its marks: for ears, and for one line. */
export function plain(blocks: readonly Block[]): string {
  return blocks.map(plainBlock).join("\n");
}

/** The names that are called, in order, code left out. */
export function mentions(blocks: readonly Block[]): string[] {
  const found: string[] = [];
  const inline = (nodes: readonly Inline[]) => {
    for (const node of nodes) {
      if (node.kind === "mention") found.push(node.name);
      else if ("inside" in node) inline(node.inside);
    }
  };
  const block = (one: Block) => {
    if (one.kind === "paragraph") inline(one.inside);
    else if (one.kind === "quote") one.inside.forEach(block);
    else if (one.kind === "list") for (const item of one.items) item.inside.forEach(block);
  };
  blocks.forEach(block);
  return found;
}

function plainBlock(block: Block): string {
  switch (block.kind) {
    case "paragraph":
      return plainInline(block.inside);
    case "code":
      return block.text;
    case "quote":
      return plain(block.inside);
    case "list":
      return block.items.map((item) => `${item.number === null ? "" : `${item.number}. `}${plain(item.inside)}`).join("\n");
  }
}

function plainInline(nodes: readonly Inline[]): string {
  return nodes.map(plainNode).join("");
}

function plainNode(node: Inline): string {
  switch (node.kind) {
    case "text":
    case "code":
      return node.text;
    case "break":
      return "\n";
    case "mention":
      return `@${node.name}`;
    case "strong":
    case "emphasis":
    case "strike":
    case "link":
      return plainInline(node.inside);
  }
}
