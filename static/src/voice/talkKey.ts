/**
 * Push to talk: whether what one holds to talk is held.
 *
 * Keys, mouse buttons and the button on the screen come in as plain words; `talkKeys.dom` brings them from the
 * browser. What is let go without our hearing of it (the window lost the focus, the page was hidden, the pointer
 * was taken away) counts as let go at once. Must not know: the gate, the room.
 */
import type { Cancel, Timers } from "../timers";

/**
 * A key by its place on the keyboard (`KeyboardEvent.code`, as "Space", "ControlRight", "KeyV"), or a button of
 * the mouse as "Mouse" and its number (`MouseEvent.button`, "Mouse3" is the one that goes back).
 */
export type TalkCode = string;

/** Held down when nothing was chosen. */
export const DEFAULT_TALK_KEY: TalkCode = "Space";

/** What the focus is in when a key goes down. */
export type Focus =
  /** Something one writes into. */
  | "field"
  /** A button, a link, a switch: Space and Enter press it. */
  | "control"
  | "page";

/** For how long one is still heard after letting go, in milliseconds: the last syllable is longer than the thumb. */
export const RELEASE_TAIL_MS = 200;
/** The longest that may be chosen. */
export const MAX_RELEASE_TAIL_MS = 2_000;

/** Why the talk key is held; more than one at a time is possible. */
type Hold = "key" | "screen";

export class TalkKey {
  code: TalkCode = DEFAULT_TALK_KEY;
  /** @see RELEASE_TAIL_MS */
  tailMs = RELEASE_TAIL_MS;
  /** False: another mode is chosen, and no key is taken from the page. */
  listening = false;

  private readonly holds = new Set<Hold>();
  private tail: Cancel | null = null;

  constructor(
    private readonly timers: Timers,
    private readonly changed: () => void,
  ) {}

  /** Whether one may be heard now: held, or let go a moment ago. */
  get held(): boolean {
    return this.holds.size > 0 || this.tail !== null;
  }

  /**
   * Something went down.
   * @param modified whether Ctrl, Alt, Meta are down with it: then it is a shortcut and not ours
   * @returns whether it is ours, so that the page must not act on it
   */
  down(code: TalkCode, { focus, modified, repeat }: { focus: Focus; modified: boolean; repeat: boolean }): boolean {
    if (!this.listening || code !== this.code) return false;
    if (this.holds.has("key")) return writes(code);
    // A repeat of a key whose first press was not ours: it was held in a field, or while the window was away.
    if (repeat) return false;
    if (writes(code) && (focus === "field" || modified)) return false;
    if (focus === "control" && presses(code)) return false;
    this.hold("key");
    // A key that writes nothing keeps its meaning in shortcuts.
    return writes(code) || isMouse(code);
  }

  /** Something came up. @returns whether it was ours */
  up(code: TalkCode): boolean {
    if (code !== this.code || !this.holds.has("key")) return false;
    this.letGo("key");
    return true;
  }

  /** The button on the screen is held. */
  press() {
    if (this.listening) this.hold("screen");
  }

  release() {
    this.letGo("screen");
  }

  /** Whatever is held, we shall not hear of its end: it ends now, without a tail. */
  lost() {
    const was = this.held;
    this.holds.clear();
    this.endTail();
    if (was) this.changed();
  }

  /** A modifier that is held as talk key came up unheard: the next event of any kind says that it is up. */
  modifiersSeen(down: (code: TalkCode) => boolean | null) {
    if (this.holds.has("key") && down(this.code) === false) this.letGo("key");
  }

  private hold(hold: Hold) {
    const was = this.held;
    this.endTail();
    this.holds.add(hold);
    if (!was) this.changed();
  }

  private letGo(hold: Hold) {
    if (!this.holds.delete(hold) || this.holds.size > 0) return;
    if (this.tailMs <= 0) {
      this.changed();
      return;
    }
    this.tail = this.timers.after(this.tailMs, () => {
      this.tail = null;
      this.changed();
    });
  }

  private endTail() {
    this.tail?.();
    this.tail = null;
  }
}

/** Keys that neither write nor move anything: they may be held in a field as well. */
const SILENT = /^(?:(?:Control|Shift|Alt|Meta)(?:Left|Right)|F\d{1,2}|CapsLock|ScrollLock|Pause|Mouse\d)$/;

/** Whether this key does something in a field. */
export function writes(code: TalkCode): boolean {
  return !SILENT.test(code);
}

/** Whether this key presses a button that has the focus. */
function presses(code: TalkCode): boolean {
  return code === "Space" || code === "Enter" || code === "NumpadEnter";
}

export function isMouse(code: TalkCode): boolean {
  return code.startsWith("Mouse");
}

/** Keys that cannot be a talk key: they would take away the way around the page, or never say that they came up. */
export function mayTalk(code: TalkCode): boolean {
  return /^[A-Za-z][A-Za-z0-9]{0,23}$/.test(code) && !["Escape", "Tab", "Enter", "Unidentified", "Mouse0", "Mouse2", "MetaLeft", "MetaRight"].includes(code);
}
