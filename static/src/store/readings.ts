/**
 * How far this user has read each channel, and which mentions they have not seen: what badges are made of.
 *
 * The server keeps it and tells it at the start; from then on every change is one that may come twice or late and
 * changes nothing then: numbers only grow, and a notification is known by its message. What was seen here counts at
 * once, and is told to the server when it can be ({@link Readings.untold}).
 * Must not know: the socket, or what is on the screen.
 */
import type { ChannelId, Involvement, Message, MessageId, Reading, Standing, UserId } from "../protocol";

/** What was seen here and the server has not confirmed. */
interface Mark {
  message: MessageId;
  number: number;
  /** A mention was among it: other devices should stop showing it soon. */
  urgent: boolean;
}

export class Readings {
  private readings = new Map<ChannelId, Reading>();
  /** Mentions not seen, by message: in which channel. */
  private notified = new Map<MessageId, ChannelId>();
  private more = false;
  private readonly marks = new Map<ChannelId, Mark>();
  private counts: ReadonlyMap<ChannelId, number> = new Map();

  // ---- what the server says ----

  load(standing: Standing) {
    this.readings = new Map(standing.readings.map((reading) => [reading.channel, reading]));
    this.notified = new Map(standing.unread.map((unread) => [unread.message, unread.channel]));
    this.more = standing.more_unread;
    for (const [channel, mark] of [...this.marks]) {
      const dropped = this.drop(channel, mark.message);
      const reading = this.readings.get(channel);
      if (!reading || (!dropped && reading.read >= mark.number)) this.marks.delete(channel);
    }
    this.count();
  }

  /** Somebody wrote. Who writes has read what stood there. */
  posted(message: Message, me: UserId | null) {
    const { channel, number } = message;
    const mine = message.author === me;
    // A channel of which nothing was said: what came before is not known to be new.
    const before = this.readings.get(channel) ?? { channel, newest: 0, read: number - 1, involvement: "mentions" };
    const read = mine ? Math.max(before.read, number) : before.read;
    this.readings.set(channel, { ...before, newest: Math.max(before.newest, number), read });
    if (mine) this.drop(channel, message.id);
    this.count();
  }

  changed(reading: Reading, upTo: MessageId | null) {
    const { channel } = reading;
    const before = this.readings.get(channel);
    this.readings.set(channel, {
      ...reading,
      newest: Math.max(reading.newest, before?.newest ?? 0),
      read: Math.max(reading.read, before?.read ?? 0),
    });
    if (upTo !== null) {
      this.drop(channel, upTo);
      this.confirm(channel, upTo);
    }
    this.count();
  }

  /** A channel is gone, or this user's no more. */
  forget(channel: ChannelId) {
    this.readings.delete(channel);
    this.marks.delete(channel);
    for (const [message, where] of [...this.notified]) if (where === channel) this.notified.delete(message);
    this.count();
  }

  notify(message: MessageId, channel: ChannelId) {
    this.notified.set(message, channel);
  }

  /** One is seen, or means this user no more. */
  withdraw(message: MessageId) {
    this.notified.delete(message);
  }

  /** All up to one are seen. */
  seenUpTo(upTo: MessageId) {
    for (const message of [...this.notified.keys()]) if (message <= upTo) this.notified.delete(message);
    // What the snapshot did not name was older than all it named.
    this.more = false;
  }

  /** The server knows that a channel was read up to here. */
  confirm(channel: ChannelId, message: MessageId) {
    const mark = this.marks.get(channel);
    if (mark && mark.message <= message) this.marks.delete(channel);
  }

  // ---- what happens here ----

  /** A channel was seen up to a message; whether that is any news. */
  saw(message: Message): boolean {
    const { channel, id, number } = message;
    const dropped = this.drop(channel, id);
    if (!dropped && number <= this.readUpTo(channel)) return false;
    const known = this.marks.get(channel);
    const urgent = dropped || (known?.urgent ?? false);
    this.marks.set(channel, known && known.message > id ? { ...known, urgent } : { message: id, number, urgent });
    this.count();
    return true;
  }

  /** What was seen here and the server is to be told of. */
  untold(): { channel: ChannelId; message: MessageId; urgent: boolean }[] {
    return [...this.marks].map(([channel, { message, urgent }]) => ({ channel, message, urgent }));
  }

  // ---- reading ----

  /** How many messages are new, by channel; a channel without any is not in it. */
  get unread(): ReadonlyMap<ChannelId, number> {
    return this.counts;
  }

  /** The number of the newest message read. */
  readUpTo(channel: ChannelId): number {
    return Math.max(this.readings.get(channel)?.read ?? 0, this.marks.get(channel)?.number ?? 0);
  }

  /** Mentions of this user in a channel that they have not seen. */
  mentions(channel: ChannelId): number {
    let count = 0;
    for (const where of this.notified.values()) if (where === channel) count += 1;
    return count;
  }

  /** The same everywhere; `more`: at least so many. */
  get inbox(): { count: number; more: boolean } {
    return { count: this.notified.size, more: this.more };
  }

  isUnseen(message: MessageId): boolean {
    return this.notified.has(message);
  }

  involvement(channel: ChannelId): Involvement {
    return this.readings.get(channel)?.involvement ?? "mentions";
  }

  /** Forgets the notifications of a channel up to a message; whether there were any. */
  private drop(channel: ChannelId, upTo: MessageId): boolean {
    const gone = [...this.notified].filter(([message, where]) => where === channel && message <= upTo);
    for (const [message] of gone) this.notified.delete(message);
    return gone.length > 0;
  }

  private count() {
    const counts = new Map<ChannelId, number>();
    for (const { channel, newest } of this.readings.values()) {
      const unread = newest - this.readUpTo(channel);
      if (unread > 0) counts.set(channel, unread);
    }
    this.counts = counts;
  }
}
