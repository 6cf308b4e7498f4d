/**
 * Who wants to know when which part of the state changed.
 *
 * A topic is small on purpose: somebody starts to talk, and only what shows this person is told.
 */
import type { ChannelId, UserId } from "../protocol";

export type Topic =
  /** The server's name and version, oneself, the list of channels and their headings. */
  | "server"
  /** The link to the server. */
  | "link"
  /** Names and roles of users. */
  | "users"
  /** How people are seen, and what oneself chose to be seen as. */
  | "presence"
  /** Which rooms have people. */
  | "rooms"
  /** Who is in one room, and how. */
  | `room:${ChannelId}`
  /** Who talks in one room. */
  | `speakers:${ChannelId}`
  /** Whether one person talks. */
  | `talking:${UserId}`
  /** Whether anybody talks anywhere. */
  | "sound"
  /** The last minute of every room; beats on its own. */
  | "pulse"
  /** The messages held of one channel. */
  | `history:${ChannelId}`
  /** Who is in one channel. */
  | `members:${ChannelId}`
  /** Who writes in one channel. */
  | `typing:${ChannelId}`
  /** Which channel is on the screen. */
  | "opened"
  /** Which channels have something new, and how much of it means oneself. */
  | "unread"
  /** Mentions not seen, and the inbox while somebody looks into it. */
  | "inbox"
  /** There is something worth a sound and a pop-up: once for each. */
  | "alert"
  /** Groups and who is in them. */
  | "groups"
  /** How this user wants to be heard, and how loud they hear whom. */
  | "hearing"
  /** One's own voice. */
  | "voice"
  /** The quality of one's own line. */
  | "line";

export class Topics {
  private readonly ears = new Map<Topic, Set<() => void>>();

  /** Calls `ear` at every change of `topic`, until the returned function is called. */
  listen(topic: Topic, ear: () => void): () => void {
    let ears = this.ears.get(topic);
    if (!ears) {
      ears = new Set();
      this.ears.set(topic, ears);
    }
    ears.add(ear);
    return () => {
      ears.delete(ear);
      if (ears.size === 0) this.ears.delete(topic);
    };
  }

  touch(topic: Topic) {
    const ears = this.ears.get(topic);
    if (ears) for (const ear of [...ears]) ear();
  }

  touchAll() {
    for (const topic of [...this.ears.keys()]) this.touch(topic);
  }
}
