/**
 * Whom one may call in a channel, by a few letters: people in it, groups, and many at once for those who may.
 *
 * Must not know: how a suggestion looks, or where the facts come from.
 */
import { best, type Found } from "./search";
import { type Admission, EVERYONE_MAX, type Group, type User, type UserId } from "./protocol";

export type Suggestion =
  | { kind: "user"; user: User; online: boolean }
  | { kind: "group"; group: Group }
  /** Those of the channel who are online, oneself not counted; null when not known yet. */
  | { kind: "here"; count: number | null }
  | { kind: "everyone"; count: number | null };

export interface Facts {
  me: UserId | null;
  users: readonly User[];
  online: ReadonlySet<UserId>;
  groups: readonly Group[];
  /** How one comes into the channel: where everybody is in it, nobody needs to be counted. */
  admission: Admission;
  /** Who is in the channel; null when not known yet. */
  members: ReadonlySet<UserId> | null;
  admin: boolean;
}

/** What a suggestion puts behind the @. */
export function nameOf(suggestion: Suggestion): string {
  switch (suggestion.kind) {
    case "user":
      return suggestion.user.username;
    case "group":
      return suggestion.group.slug;
    case "here":
    case "everyone":
      return suggestion.kind;
  }
}

/** The best answers, people first among those who answer equally well, and of these whoever is here. */
export function suggest(query: string, facts: Facts, limit: number): Found<Suggestion>[] {
  const { online, groups } = facts;
  const people = inChannel(facts);
  const all: Suggestion[] = [
    ...people.filter((user) => online.has(user.id)).map((user): Suggestion => ({ kind: "user", user, online: true })),
    ...people.filter((user) => !online.has(user.id)).map((user): Suggestion => ({ kind: "user", user, online: false })),
    ...groups.map((group): Suggestion => ({ kind: "group", group })),
  ];
  all.push({ kind: "here", count: reached("here", facts) });
  if (mayCallEveryone(facts)) all.push({ kind: "everyone", count: reached("everyone", facts) });
  return best(query, all, searchedOf, limit);
}

/** How many a call of many reaches, oneself not counted; null when it is not known yet. */
export function reached(whom: "here" | "everyone", facts: Facts): number | null {
  if (!isKnown(facts)) return null;
  return inChannel(facts).filter(({ id }) => id !== facts.me && (whom === "everyone" || facts.online.has(id))).length;
}

/** Whether the server would take a call of everyone from this user; while it is not known, it is not offered. */
export function mayCallEveryone(facts: Facts): boolean {
  return facts.admin || (isKnown(facts) && inChannel(facts).length <= EVERYONE_MAX);
}

function isKnown({ admission, members }: Facts): boolean {
  return admission === "everybody" || members !== null;
}

/** Those whom a call reaches there. While it is not known who is in, it may be anybody. */
function inChannel({ users, admission, members }: Facts): User[] {
  return users.filter((user) => user.state === "active" && (admission === "everybody" || members === null || members.has(user.id)));
}

function searchedOf(suggestion: Suggestion): string {
  const name = nameOf(suggestion);
  if (suggestion.kind === "user" && suggestion.user.display_name !== null) return `${name} ${suggestion.user.display_name}`;
  if (suggestion.kind === "everyone") return `${name} all`;
  return name;
}
