/**
 * How everybody is seen. Must not know: what they chose, which only oneself is told.
 */
import type { UserId } from "../protocol";

export type Presence = "online" | "away" | "do_not_disturb" | "offline";

/** Everybody who is seen, each in one list. */
interface Here {
  online: readonly UserId[];
  away: readonly UserId[];
  do_not_disturb: readonly UserId[];
}

export class Presences {
  private presences: ReadonlyMap<UserId, Exclude<Presence, "offline">> = new Map();
  private seenSet: ReadonlySet<UserId> = new Set();

  /** All of it. */
  load(here: Here) {
    this.presences = new Map();
    this.change({ ...here, offline: [] });
  }

  /** What is otherwise than before. */
  change({ online, away, do_not_disturb, offline }: Here & { offline: readonly UserId[] }) {
    const next = new Map(this.presences);
    for (const user of online) next.set(user, "online");
    for (const user of away) next.set(user, "away");
    for (const user of do_not_disturb) next.set(user, "do_not_disturb");
    for (const user of offline) next.delete(user);
    this.presences = next;
    this.seenSet = new Set(next.keys());
  }

  of(user: UserId): Presence {
    return this.presences.get(user) ?? "offline";
  }

  /** Whoever is not offline. */
  get seen(): ReadonlySet<UserId> {
    return this.seenSet;
  }
}
