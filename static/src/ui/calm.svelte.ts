/**
 * An order that does not move under the pointer: entries come and go at once, but places change only while
 * nobody points at the list or has the focus in it, and not too often.
 */
import { untrack } from "svelte";

export function calmOrder<T>(wanted: () => readonly T[], held: () => boolean, everyMs: number) {
  let shown = $state.raw<readonly T[]>(untrack(wanted));
  let movedAt = -Infinity;

  $effect(() => {
    const want = wanted();
    const now = untrack(() => shown);
    const wantedSet = new Set(want);
    const shownSet = new Set(now);
    const added = want.filter((one) => !shownSet.has(one));
    const kept = now.filter((one) => wantedSet.has(one));
    const settled = [...kept, ...added];
    if (same(settled, want)) {
      if (!same(now, want)) shown = want;
      return;
    }
    const wait = held() ? null : Math.max(0, movedAt + everyMs - performance.now());
    if (wait === 0) {
      movedAt = performance.now();
      shown = want;
      return;
    }
    if (!same(now, settled)) shown = settled;
    if (wait === null) return;
    const timer = setTimeout(() => {
      movedAt = performance.now();
      shown = want;
    }, wait);
    return () => clearTimeout(timer);
  });

  return {
    get current() {
      return shown;
    },
  };
}

function same<T>(one: readonly T[], other: readonly T[]): boolean {
  return one.length === other.length && one.every((entry, index) => entry === other[index]);
}
