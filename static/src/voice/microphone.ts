/**
 * The microphone: asks for it, says why there is none, and listens to it.
 *
 * Browser functions come in as {@link AudioDevices}. Must not know: rooms, peers, the server.
 */
import type { Sound } from "../protocol";
import type { Threshold } from "./activity";
import { Ear } from "./ear";

/** Why there is no microphone. */
export type NoMicrophone =
  /** The user or a policy refused it. */
  | "blocked"
  /** The machine has none. */
  | "missing"
  /** Another program holds it. */
  | "busy"
  /** The page did not come over https, so the browser offers none. */
  | "insecure"
  /** It was there and went away. */
  | "unplugged";

/** How the sound is wanted. */
export interface Processing {
  sound: Sound;
  echoCancellation: boolean;
  noiseRemoval: boolean;
  gainControl: boolean;
}

/** The parts of the browser that are used here. */
export interface AudioDevices {
  /** `navigator.mediaDevices`, which is absent on pages without https. */
  media: Pick<MediaDevices, "getUserMedia"> | undefined;
  /** Listens to the sound; null when the browser cannot. */
  listen(track: MediaStreamTrack): Promise<Ear | null>;
  /** The microphone that was chosen on this machine; null for the browser's own choice. */
  device: string | null;
}

export type Opened = { microphone: Microphone } | { refused: NoMicrophone };

export async function openMicrophone(devices: AudioDevices, wanted: Processing): Promise<Opened> {
  if (!devices.media) return { refused: "insecure" };
  try {
    const stream = await devices.media.getUserMedia({ audio: constraints(wanted, devices.device) });
    const track = stream.getAudioTracks()[0];
    return track ? { microphone: new Microphone(track, await devices.listen(track)) } : { refused: "missing" };
  } catch (error) {
    return { refused: whyNot(error) };
  }
}

/** Only speech is worked on: music and raw sound go as they are. */
export function constraints(wanted: Processing, device: string | null): MediaTrackConstraints {
  const speech = wanted.sound === "voice";
  return {
    echoCancellation: speech && wanted.echoCancellation,
    noiseSuppression: speech && wanted.noiseRemoval,
    autoGainControl: speech && wanted.gainControl,
    channelCount: wanted.sound === "music" ? { ideal: 2 } : 1,
    // A wish: a microphone that is not there today must not keep anybody out of the talk.
    ...(device === null ? {} : { deviceId: { ideal: device } }),
  };
}

function whyNot(error: unknown): NoMicrophone {
  // Names from the Media Capture and Streams specification, section 10.3.
  switch (error instanceof Error ? error.name : "") {
    case "NotFoundError":
    case "OverconstrainedError":
      return "missing";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    default:
      return "blocked";
  }
}

/** Below this there is only hiss; the meter starts here. */
export const QUIETEST_DB = -70;

export class Microphone {
  /** Called once when the device goes away by itself. */
  onended: (() => void) | null = null;

  constructor(
    readonly track: MediaStreamTrack,
    private readonly ear: Ear | null,
  ) {
    track.onended = () => this.onended?.();
  }

  /** Whether sound leaves the microphone for the peer; the ear hears it either way. */
  set open(open: boolean) {
    this.track.enabled = open;
  }

  /** Called when one begins or stops speaking. */
  set onspeech(told: (speaking: boolean) => void) {
    if (this.ear) this.ear.onspeech = told;
  }
  /** Whether one is speaking. */
  get speaking(): boolean {
    return this.ear?.speaking ?? false;
  }
  /** From which level on sound is speech. */
  set threshold(threshold: Threshold) {
    if (this.ear) this.ear.threshold = threshold;
  }
  /** That level as it is now, in dBFS; null when nobody listens. */
  get opensAt(): number | null {
    return this.ear?.heard?.opensAt ?? null;
  }

  /** How loud it is now, in dBFS, at least {@link QUIETEST_DB}. Null when it cannot be measured. */
  level(): number | null {
    const heard = this.ear?.heard;
    return heard ? Math.max(QUIETEST_DB, heard.level) : null;
  }

  close() {
    this.onended = null;
    this.track.onended = null;
    this.track.stop();
    this.ear?.close();
  }
}
