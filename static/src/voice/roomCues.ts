/**
 * Which sound tells what just happened in one's own voice room.
 *
 * Looks at the room again and again, and at most one sound comes of each look. Must not know: how it is played.
 * Start reading at {@link RoomCues.look}.
 */
import type { RoomCue } from "../cues";
import type { ChannelId, UserId } from "../protocol";
import type { VoiceState } from "./room";

/** With more people than these in a room, comings and goings are silent: there would be no end of them. */
export const CROWD = 15;
/** After one's own return the others return too, which is no news. */
const SETTLE_MS = 5_000;
/** A loss that is over sooner was hardly heard. */
const WORTH_TELLING_MS = 1_000;

/** What is true now. */
export interface RoomView {
  state: VoiceState;
  muted: boolean;
  deafened: boolean;
  /** Everybody in the room one is in or on the way to, oneself included. */
  people: ReadonlySet<UserId>;
  me: UserId | null;
  /** Neither comings nor goings are to be heard, as while one is not to be disturbed. */
  undisturbed: boolean;
}

export class RoomCues {
  private before: RoomView | null = null;
  private lostAt: number | null = null;
  private quietUntil = -Infinity;

  look(view: RoomView, now: number): RoomCue | null {
    const { before } = this;
    this.before = view;
    if (!before) return null;
    const was = inside(before.state);
    const is = inside(view.state);
    if (view.state.name === "failed" && before.state.name !== "failed") return was === null ? null : "lost";
    if (was !== null && is === null) return "gone";
    if (view.state.name === "connected" && before.state.name !== "connected") {
      this.quietUntil = now + SETTLE_MS;
      const { lostAt } = this;
      this.lostAt = null;
      if (lostAt === null) return "entered";
      return now - lostAt >= WORTH_TELLING_MS ? "back" : null;
    }
    if (view.state.name === "reconnecting") this.lostAt ??= now;
    else if (view.state.name !== "connected") this.lostAt = null;
    if (is === null || was !== is) return null;
    if (view.deafened !== before.deafened) return view.deafened ? "deafened" : "hearing";
    if (view.muted !== before.muted) return view.muted ? "muted" : "unmuted";
    if (view.state.name !== "connected" || view.undisturbed || view.deafened || now < this.quietUntil) return null;
    if (Math.max(view.people.size, before.people.size) > CROWD) return null;
    const others = (one: RoomView, other: RoomView) => [...one.people].some((user) => user !== view.me && !other.people.has(user));
    if (others(view, before)) return "came";
    return others(before, view) ? "went" : null;
  }
}

/** The room one is in, however badly; null on the way to it. */
function inside(state: VoiceState): ChannelId | null {
  return state.name === "connected" || state.name === "reconnecting" ? state.channel : null;
}
