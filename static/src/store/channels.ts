/**
 * The order in which channels stand: by heading, then as the admin put them. Pure.
 */
import type { Category, Channel } from "../protocol";

/** What stands together: a heading, or none for those under no heading, and the channels below it. */
export interface Group {
  category: Category | null;
  channels: readonly Channel[];
}

const byPlace = <T extends { position: number; id: string }>(a: T, b: T) =>
  a.position - b.position || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

export function inOrder(categories: readonly Category[]): readonly Category[] {
  return [...categories].sort(byPlace);
}

/** Channels by heading, headings in order. Under a heading that is gone is under none. Every heading is there. */
export function grouped(channels: readonly Channel[], categories: readonly Category[]): readonly Group[] {
  const known = new Set(categories.map((one) => one.id));
  const under = (category: Category | null) =>
    channels
      .filter((one) => (one.category !== null && known.has(one.category) ? one.category : null) === (category?.id ?? null))
      .sort(byPlace);
  return [null, ...inOrder(categories)].map((category) => ({ category, channels: under(category) }));
}

/** All of them, one after the other. */
export function standing(channels: readonly Channel[], categories: readonly Category[]): readonly Channel[] {
  return grouped(channels, categories).flatMap((group) => group.channels);
}
