/**
 * What this device is to do when something calls for attention, and whether its browser lets it.
 */
import type { TextCue } from "../cues";
import { recall, remember } from "../memory";

export type Permission = "unsupported" | NotificationPermission;

/** Percent. */
const VOLUME = 60;

class Wishes {
  private wantsPopUps = $state(recall("popups") === "on");
  private silenced = $state<Record<TextCue, boolean>>({ mention: recall("cue.mention") === "off", message: recall("cue.message") === "off" });
  private loudness = $state(readVolume());
  private permitted = $state<Permission>(permission());

  /** Whether pop-ups are wanted and may be shown. */
  get popUps(): boolean {
    return this.wantsPopUps && this.permitted === "granted";
  }

  set popUps(wanted: boolean) {
    this.wantsPopUps = wanted;
    remember("popups", wanted ? "on" : null);
  }

  sound(cue: TextCue): boolean {
    return !this.silenced[cue];
  }

  setSound(cue: TextCue, on: boolean) {
    this.silenced[cue] = !on;
    remember(`cue.${cue}`, on ? null : "off");
  }

  /** 0 to 100. */
  get volume(): number {
    return this.loudness;
  }

  set volume(volume: number) {
    this.loudness = volume;
    remember("cue.volume", String(volume));
  }

  get permission(): Permission {
    return this.permitted;
  }

  /** Looks again: it may have been changed beside the address. */
  look() {
    this.permitted = permission();
  }

  /** Asks the person, by the browser. Only ever after a press. */
  async ask() {
    await Notification.requestPermission();
    this.look();
    if (this.permitted === "granted") this.popUps = true;
  }
}

export const wishes = new Wishes();

function permission(): Permission {
  return "Notification" in globalThis && isSecureContext ? Notification.permission : "unsupported";
}

function readVolume(): number {
  const stored = Number(recall("cue.volume") ?? VOLUME);
  return stored >= 0 && stored <= 100 ? stored : VOLUME;
}
