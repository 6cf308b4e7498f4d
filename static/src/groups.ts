/**
 * What admins want of groups: make, change, delete, and say who is in them.
 *
 * Must not know: the DOM and Svelte, or how a request travels. Everything fails with a `RequestError`. What a
 * request answers is in the store when it is over, whether the event came first or not.
 */
import type { Ask } from "./channels";
import type { Group, GroupId, UserId } from "./protocol";
import type { Store } from "./store/store";

export class Groups {
  constructor(
    private readonly ask: Ask,
    private readonly store: Store,
  ) {}

  async create(name: string, color: string | null): Promise<Group> {
    const { group } = await this.ask({ type: "create_group", name, color }, "group_changed");
    this.store.apply({ type: "group_changed", group });
    return group;
  }

  async change(id: GroupId, name: string, color: string | null): Promise<Group> {
    const { group } = await this.ask({ type: "update_group", group: id, name, color }, "group_changed");
    this.store.apply({ type: "group_changed", group });
    return group;
  }

  async delete(group: GroupId): Promise<void> {
    await this.ask({ type: "delete_group", group }, "done");
    this.store.apply({ type: "group_deleted", group });
  }

  async setMember(group: GroupId, user: UserId, member: boolean): Promise<void> {
    await this.ask({ type: "set_group_member", group, user, member }, "done");
    this.store.apply({ type: "group_member_changed", group, user, member });
  }

  /** Who is in a group, page by page; the store keeps it true from here on. */
  async loadMembers(group: GroupId): Promise<void> {
    this.store.beginGroupMembers(group);
    try {
      const all: UserId[] = [];
      for (let after: UserId | null = null, more = true; more; after = all.at(-1) ?? null) {
        const page: { members: UserId[]; more: boolean } = await this.ask({ type: "load_group_members", group, after }, "group_members");
        all.push(...page.members);
        more = page.more && page.members.length > 0;
      }
      this.store.groupMembersLoaded(group, all);
    } catch (error) {
      this.store.groupMembersLoaded(group, null);
      throw error;
    }
  }
}
