/**
 * Order in voice rooms: what this user may do there, and what is done about others.
 *
 * The server decides in any case; here it only saves the way. Must not know: the DOM and Svelte, or how a request travels.
 * Everything asked fails with a `RequestError`. Start reading at {@link may}.
 */
import type { Ask } from "./channels";
import type { Channel, ChannelId, Grant, GroupId, Moderation, Participant, Room, UserId, VoiceRights } from "./protocol";

/** Who asks. */
export interface Asker {
  admin: boolean;
  isIn(group: GroupId): boolean;
}

/** Whether somebody who is in a channel has a right in its voice room. */
export function may(channel: Pick<Channel, "voice_rights">, right: keyof VoiceRights, who: Asker): boolean {
  return who.admin || covers(channel.voice_rights[right], who);
}

function covers(grant: Grant, who: Asker): boolean {
  if (typeof grant === "object") return grant.groups.some((group) => who.isIn(group));
  return grant === "everybody";
}

/** Where somebody talks, as far as one may see it. */
export function stayOf(user: UserId, rooms: Iterable<Room>): { channel: ChannelId; participant: Participant } | null {
  for (const room of rooms) {
    const participant = room.participants.find((one) => one.user === user);
    if (participant) return { channel: room.channel, participant };
  }
  return null;
}

/** Those whose hands are up, in this order. */
export function handsUp(participants: readonly Participant[]): Participant[] {
  return participants.filter((one) => one.hand !== undefined).sort((a, b) => (a.hand ?? 0) - (b.hand ?? 0));
}

export class VoiceOrder {
  constructor(private readonly ask: Ask) {}

  /** Does something about somebody. */
  async moderate(participant: number, moderation: Moderation): Promise<void> {
    await this.ask({ type: "moderate_voice", participant, moderation }, "done");
  }

  async raiseHand(raised: boolean): Promise<void> {
    await this.ask({ type: "raise_hand", raised }, "done");
  }
}
