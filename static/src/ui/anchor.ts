/**
 * Holds what is read in its place while rows come, go and change their height.
 *
 * Remembers the rows in sight and where they stand; afterwards the first of them that is still there tells how far
 * everything moved.
 */

/** More than one: the topmost row may be the one that goes. */
const ROWS = 12;

export interface Held {
  row: Element;
  top: number;
}

/** The first of `count` rows, in order from the top, that ends below `edge`; `count` when there is none. */
export function firstBelow(count: number, edge: number, bottomOf: (index: number) => number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bottomOf(middle) > edge) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The rows at the top of what is in sight, the best to hold on to first. */
export function hold(box: HTMLElement, list: HTMLElement): Held[] {
  const rows = list.children;
  const { top: edge, bottom: end } = box.getBoundingClientRect();
  const held: Held[] = [];
  const first = firstBelow(rows.length, edge, (index) => rows[index]?.getBoundingClientRect().bottom ?? Infinity);
  for (let index = first; index < rows.length && held.length < ROWS; index += 1) {
    const row = rows[index];
    if (!row) break;
    const { top } = row.getBoundingClientRect();
    if (top > end) break;
    held.push({ row, top: top - edge });
  }
  // A row that begins above what is in sight may change there; it is held only when nothing else is.
  const [above, ...rest] = held;
  return above && above.top < 0 ? [...rest, above] : held;
}

/** How far what is read has moved, or null when nothing of it is there any more. */
export function moved(box: HTMLElement, held: readonly Held[]): number | null {
  const still = held.find(({ row }) => row.isConnected);
  if (!still) return null;
  return still.row.getBoundingClientRect().top - box.getBoundingClientRect().top - still.top;
}
