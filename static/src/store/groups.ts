/**
 * The groups there are, which of them oneself is in, and who is in those that somebody asked about.
 */
import type { Group, GroupId, Snapshot, UserId } from "../protocol";

export class Groups {
  private groupMap: ReadonlyMap<GroupId, Group> = new Map();
  /** Of the groups whose members somebody asked for. */
  private readonly memberMap = new Map<GroupId, ReadonlySet<UserId>>();
  /** What was heard of those whose members are on their way; newer than the answer. */
  private readonly watches = new Map<GroupId, Map<UserId, boolean>>();
  private mine: ReadonlySet<GroupId> = new Set();

  load(snapshot: Snapshot) {
    this.groupMap = new Map(snapshot.groups.map((group) => [group.id, group]));
    this.mine = new Set(snapshot.standing.groups);
    this.memberMap.clear();
  }

  put(group: Group) {
    this.groupMap = new Map(this.groupMap).set(group.id, group);
  }

  remove(group: GroupId) {
    const groups = new Map(this.groupMap);
    groups.delete(group);
    this.groupMap = groups;
    this.memberMap.delete(group);
    this.mine = changed(this.mine, group, false);
  }

  /** Somebody is in a group from now on, or is not any more. Whether that is news to anybody here. */
  memberChanged(group: GroupId, user: UserId, member: boolean, me: UserId | null): boolean {
    if (user === me) this.mine = changed(this.mine, group, member);
    this.watches.get(group)?.set(user, member);
    const now = this.memberMap.get(group);
    if (!now || now.has(user) === member) return user === me;
    this.memberMap.set(group, changed(now, user, member));
    return true;
  }

  /** From here on what is heard of a group's members goes before what is about to be answered. */
  beginMembers(group: GroupId) {
    this.watches.set(group, new Map());
  }

  /** Who is in a group; null when it could not be learned. */
  membersLoaded(group: GroupId, members: readonly UserId[] | null) {
    const heard = this.watches.get(group);
    this.watches.delete(group);
    if (members === null) return;
    let all: ReadonlySet<UserId> = new Set(members);
    for (const [user, member] of heard ?? []) all = changed(all, user, member);
    this.memberMap.set(group, all);
  }

  get all(): ReadonlyMap<GroupId, Group> {
    return this.groupMap;
  }
  /** Who is in a group; null until somebody asked. */
  members(group: GroupId): ReadonlySet<UserId> | null {
    return this.memberMap.get(group) ?? null;
  }
  /** Whether oneself is in it. */
  isMine(group: GroupId): boolean {
    return this.mine.has(group);
  }
}

/** The set with one in it, or without it. */
export function changed<One>(set: ReadonlySet<One>, one: One, within: boolean): ReadonlySet<One> {
  const next = new Set(set);
  if (within) next.add(one);
  else next.delete(one);
  return next;
}
