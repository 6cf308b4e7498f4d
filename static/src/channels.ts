/**
 * What a user wants of channels: find, join, leave, see who is in, and for admins make, change and delete.
 *
 * Must not know: the DOM and Svelte, or how a request travels. Everything fails with a `RequestError`. What a
 * request answers is in the store when it is over, whether the event came first or not.
 */
import type { Answer, Category, CategoryId, CategorySetting, Channel, ChannelId, ChannelKind, ChannelSetting, Request, UserId } from "./protocol";
import type { Store } from "./store/store";

/** Sends a request and gives its answer back, which must be of this type. */
export type Ask = <T extends Answer["type"]>(request: Request, type: T) => Promise<Extract<Answer, { type: T }>>;

export class Channels {
  constructor(
    private readonly ask: Ask,
    private readonly store: Store,
  ) {}

  async create(name: string, kind: ChannelKind, settings: ChannelSetting[]): Promise<Channel> {
    const { channel } = await this.ask({ type: "create_channel", name, kind, settings }, "channel_created");
    this.store.apply({ type: "channel_created", channel });
    return channel;
  }

  /** Changes what is named and nothing else. Of a channel one is not in, the answer is all one hears. */
  async change(channel: ChannelId, settings: ChannelSetting[]): Promise<Channel> {
    return (await this.ask({ type: "update_channel", channel, settings }, "channel_updated")).channel;
  }

  async delete(channel: ChannelId): Promise<void> {
    await this.ask({ type: "delete_channel", channel }, "done");
  }

  /** What there is to join. */
  async browse(): Promise<readonly Channel[]> {
    return (await this.ask({ type: "browse_channels" }, "channels")).channels;
  }

  /** How many people are in each channel, for admins. */
  async countMembers(): Promise<ReadonlyMap<ChannelId, number>> {
    const { counts } = await this.ask({ type: "count_members" }, "member_counts");
    return new Map(counts.map(({ channel, members }) => [channel, members]));
  }

  async join(id: ChannelId): Promise<Channel> {
    const { channel } = await this.ask({ type: "join_channel", channel: id }, "channel_joined");
    this.store.apply({ type: "channel_created", channel });
    return channel;
  }

  async leave(channel: ChannelId): Promise<void> {
    await this.ask({ type: "leave_channel", channel }, "done");
  }

  /** Who is in a channel; the store keeps it true from here on. */
  async loadMembers(channel: ChannelId): Promise<void> {
    const { members } = await this.ask({ type: "list_members", channel }, "members");
    this.store.membersLoaded(channel, members);
  }

  async add(channel: ChannelId, user: UserId): Promise<void> {
    await this.ask({ type: "add_member", channel, user }, "done");
    this.store.apply({ type: "membership_changed", channel, user, member: true });
  }

  async remove(channel: ChannelId, user: UserId): Promise<void> {
    await this.ask({ type: "remove_member", channel, user }, "done");
    this.store.apply({ type: "membership_changed", channel, user, member: false });
  }

  async createCategory(name: string): Promise<Category> {
    const { category } = await this.ask({ type: "create_category", name }, "category_saved");
    this.store.apply({ type: "category_changed", category });
    return category;
  }

  async changeCategory(category: CategoryId, settings: CategorySetting[]): Promise<void> {
    await this.ask({ type: "update_category", category, settings }, "category_saved");
  }

  async deleteCategory(category: CategoryId): Promise<void> {
    await this.ask({ type: "delete_category", category }, "done");
  }
}
