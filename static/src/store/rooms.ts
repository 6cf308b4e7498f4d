/**
 * The voice rooms: who is in them, and who talks, from one moment to the next.
 *
 * Must not know: channels, messages, one's own microphone. Start reading at {@link Rooms.changed}.
 */
import type { ChannelId, Participant, Room, RoomChange, ServerEvent, UserId } from "../protocol";
import type { Timers } from "../timers";
import { Pulse } from "./pulse";
import type { Topics } from "./topics";

type Event<Type> = Extract<ServerEvent, { type: Type }>;

/** What was heard about a room while one's own join was under way; newer than the join's answer. */
interface JoinWatch {
  channel: ChannelId;
  left: Set<number>;
  changed: Set<number>;
  speakers: boolean;
  slots: boolean;
}

export class Rooms {
  private readonly roomMap = new Map<ChannelId, Room>();
  private readonly talkers = new Map<ChannelId, ReadonlySet<UserId>>();
  private readonly talkCount = new Map<UserId, number>();
  private readonly spoke = new Map<UserId, number>();
  private readonly roomSpoke = new Map<ChannelId, number>();
  private readonly pulses = new Map<ChannelId, Pulse>();
  private joinWatch: JoinWatch | null = null;
  /** Nothing is heard of who talks: what was known last is not shown as if it were now. */
  private isCutOff = false;

  constructor(
    private readonly timers: Pick<Timers, "now">,
    private readonly topics: Topics,
  ) {}

  /** All rooms there are. */
  load(rooms: readonly Room[]) {
    this.isCutOff = false;
    const there = new Set(rooms.map((room) => room.channel));
    for (const gone of [...this.roomMap.keys()]) if (!there.has(gone)) this.remove(gone);
    for (const room of rooms) this.put(room, "room");
  }

  /** A room as it is after all that happened in it at once. */
  changed({ channel, joined, changed, left }: RoomChange) {
    const news = [...joined, ...changed];
    if (this.joinWatch?.channel === channel) {
      for (const one of news) this.joinWatch.changed.add(one.participant);
      for (const number of left) this.joinWatch.left.add(number);
    }
    const room = this.roomMap.get(channel) ?? { channel, participants: [], speakers: [], slots: [] };
    const gone = new Set(left);
    const participants = merge(room.participants, news).filter((one) => !gone.has(one.participant));
    if (participants.length === 0) {
      this.remove(channel);
      return;
    }
    this.put(
      {
        channel,
        participants,
        speakers: room.speakers.filter((one) => !gone.has(one)),
        slots: room.slots.map((one) => (one !== null && gone.has(one) ? null : one)),
      },
      "room",
    );
  }

  speakersChanged(event: Event<"speakers_changed">) {
    for (const { channel, speakers } of event.rooms) {
      if (this.joinWatch?.channel === channel) this.joinWatch.speakers = true;
      const room = this.roomMap.get(channel);
      if (room) this.put({ ...room, speakers }, "speakers");
    }
  }

  slotsChanged({ channel, slots }: Event<"slots_changed">) {
    if (this.joinWatch?.channel === channel) this.joinWatch.slots = true;
    const room = this.roomMap.get(channel);
    if (room) this.put({ ...room, slots }, "room");
  }

  put(room: Room, what: "room" | "speakers") {
    const isNew = !this.roomMap.has(room.channel);
    this.roomMap.set(room.channel, room);
    if (isNew) this.topics.touch("rooms");
    if (what === "room") this.topics.touch(`room:${room.channel}`);
    this.talk(room.channel, room);
  }

  remove(channel: ChannelId) {
    const room = this.roomMap.get(channel);
    if (!room) return;
    this.roomMap.delete(channel);
    this.talk(channel, null);
    this.pulses.delete(channel);
    this.roomSpoke.delete(channel);
    this.topics.touch("rooms");
    this.topics.touch(`room:${channel}`);
  }

  /** A join is under way: what events say about the room from here on is newer than the join's answer. */
  beginJoin(channel: ChannelId) {
    this.joinWatch = { channel, left: new Set(), changed: new Set(), speakers: false, slots: false };
  }

  /** The join's answer, or null when there was none. */
  endJoin(answer: Room | null) {
    const watch = this.joinWatch;
    // The answer of a join that was overtaken by another one.
    if (answer && watch?.channel !== answer.channel) return;
    this.joinWatch = null;
    if (!watch || !answer) return;
    const known = this.roomMap.get(answer.channel);
    const stayed = answer.participants.filter((one) => !watch.left.has(one.participant));
    const newer = (known?.participants ?? []).filter((one) => watch.changed.has(one.participant));
    this.put(
      {
        channel: answer.channel,
        participants: merge(stayed, newer),
        speakers: watch.speakers ? (known?.speakers ?? []) : answer.speakers,
        slots: watch.slots ? (known?.slots ?? []) : answer.slots,
      },
      "room",
    );
  }

  /** The link is gone, or is back with all that was missed. While it is gone nobody is known to talk. */
  cutOff(off: boolean) {
    if (this.isCutOff === off) return;
    this.isCutOff = off;
    for (const room of this.roomMap.values()) this.talk(room.channel, room);
  }

  get all(): ReadonlyMap<ChannelId, Room> {
    return this.roomMap;
  }
  /** Whether somebody talks in any room. */
  get sound(): boolean {
    return this.talkCount.size > 0;
  }
  /** Who talks in a room. */
  talkersIn(channel: ChannelId): ReadonlySet<UserId> {
    return this.talkers.get(channel) ?? nobody;
  }
  isTalking(user: UserId): boolean {
    return this.talkCount.has(user);
  }
  /** When somebody last stopped talking, on the clock of the timers. */
  spokeAt(user: UserId): number | null {
    return this.spoke.get(user) ?? null;
  }
  /** The same for a room. */
  quietSince(channel: ChannelId): number | null {
    return this.roomSpoke.get(channel) ?? null;
  }
  pulse(channel: ChannelId): readonly number[] {
    return this.pulseOf(channel).read(this.timers.now());
  }

  /** Works out who began and who stopped talking, and tells exactly those views. */
  private talk(channel: ChannelId, room: Room | null) {
    const before = this.talkers.get(channel) ?? nobody;
    const after = new Set<UserId>();
    for (const number of (this.isCutOff ? null : room?.speakers) ?? []) {
      const speaker = room?.participants.find((one) => one.participant === number);
      if (speaker) after.add(speaker.user);
    }
    const began = [...after].filter((user) => !before.has(user));
    const stopped = [...before].filter((user) => !after.has(user));
    if (began.length === 0 && stopped.length === 0) return;

    const now = this.timers.now();
    const soundBefore = this.talkCount.size > 0;
    this.talkers.set(channel, after);
    for (const user of began) this.talkCount.set(user, (this.talkCount.get(user) ?? 0) + 1);
    for (const user of stopped) {
      // Somebody who moves between rooms is in both for a moment.
      const left = (this.talkCount.get(user) ?? 1) - 1;
      if (left > 0) this.talkCount.set(user, left);
      else this.talkCount.delete(user);
      this.spoke.set(user, now);
    }
    if (stopped.length > 0) this.roomSpoke.set(channel, now);
    if (room) this.pulseOf(channel).set(after.size > 0, now);
    for (const user of [...began, ...stopped]) this.topics.touch(`talking:${user}`);
    this.topics.touch(`speakers:${channel}`);
    if (soundBefore !== this.talkCount.size > 0) this.topics.touch("sound");
  }

  private pulseOf(channel: ChannelId): Pulse {
    let pulse = this.pulses.get(channel);
    if (!pulse) {
      pulse = new Pulse(this.timers.now());
      this.pulses.set(channel, pulse);
    }
    return pulse;
  }
}

const nobody: ReadonlySet<UserId> = new Set();

/**
 * Participants with news of some of them, by arrival. A user is in a room once, and a later stay has a higher number:
 * what is told of an earlier one, whose end is not told yet, is not shown beside it.
 */
function merge(participants: readonly Participant[], news: readonly Participant[]): Participant[] {
  const byUser = new Map<UserId, Participant>();
  for (const one of [...participants, ...news]) {
    const other = byUser.get(one.user);
    if (!other || other.participant <= one.participant) byUser.set(one.user, one);
  }
  return [...byUser.values()].sort((one, other) => one.participant - other.participant);
}
