/**
 * The microphone: asks for it, says why there is none, and listens to it.
 *
 * Browser functions come in as {@link AudioDevices}. Must not know: rooms, peers, the server.
 */
import type { Sound } from "../protocol";
import type { Threshold } from "./activity";
import type { Ear } from "./ear";
import { QUIETEST_DB } from "./level";

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
  | "unplugged"
  /** What opens it could not be fetched from the server. */
  | "unreachable";

/** How the sound is wanted. */
export interface Processing {
  sound: Sound;
  echoCancellation: boolean;
  noiseRemoval: boolean;
  gainControl: boolean;
}

/** A microphone's sound without the noise. */
export interface Cleaned {
  readonly track: MediaStreamTrack;
  /** Calls back once if nothing comes out of it. */
  ondead(told: () => void): void;
  /** Goes on after the browser held the sound back. */
  resume(): void;
  close(): void;
}

/** Takes the noise out of a track; null where it cannot. */
export type Cleaner = (track: MediaStreamTrack) => Promise<Cleaned | null>;

/** The parts of the browser that are used here. */
export interface AudioDevices {
  /** `navigator.mediaDevices`, which is absent on pages without https. */
  media: Pick<MediaDevices, "getUserMedia"> | undefined;
  /** Listens to the sound; null when the browser cannot. */
  listen(track: MediaStreamTrack): Promise<Ear | null>;
  /** Takes noise out better than browsers do; null where that does not work. */
  clean: Cleaner | null;
  /** The microphone that was chosen on this machine; null for the browser's own choice. */
  device: string | null;
}

export type Opened = { microphone: Microphone } | { refused: NoMicrophone };

export async function openMicrophone(devices: AudioDevices, wanted: Processing): Promise<Opened> {
  const { media } = devices;
  if (!media) return { refused: "insecure" };
  const ask = async (noise: NoiseRemoval) => {
    const stream = await media.getUserMedia({ audio: constraints(wanted, noise, devices.device) });
    return stream.getAudioTracks()[0];
  };
  try {
    const ours = devices.clean !== null && wanted.sound === "voice" && wanted.noiseRemoval;
    let track = await ask(ours ? "ours" : "browser");
    let cleaned: Cleaned | null = null;
    if (track && ours) {
      cleaned = (await devices.clean?.(track)) ?? null;
      if (!cleaned) {
        track.stop();
        track = await ask("browser");
      }
    }
    if (!track) return { refused: "missing" };
    return { microphone: new Microphone(track, await devices.listen(cleaned?.track ?? track), cleaned) };
  } catch (error) {
    return { refused: whyNot(error) };
  }
}

/** What takes the noise out, where that is wanted: after both, a voice would sound as if from under water. */
export type NoiseRemoval = "ours" | "browser";

/** Only speech is worked on: music and raw sound go as they are. */
export function constraints(wanted: Processing, noise: NoiseRemoval, device: string | null): MediaTrackConstraints {
  const speech = wanted.sound === "voice";
  return {
    echoCancellation: speech && wanted.echoCancellation,
    noiseSuppression: speech && wanted.noiseRemoval && noise === "browser",
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


export class Microphone {
  /** Called once when the device goes away by itself. */
  onended: (() => void) | null = null;

  /** Called once when its noise removal turns out to be silent: it must be opened anew. */
  onsilenced: (() => void) | null = null;

  /**
   * @param source what the browser gave
   * @param cleaned the same without noise, where we take it out ourselves
   */
  constructor(
    private readonly source: MediaStreamTrack,
    private readonly ear: Ear | null,
    private readonly cleaned: Cleaned | null,
  ) {
    source.onended = () => this.onended?.();
    cleaned?.ondead(() => this.onsilenced?.());
  }

  /** What others hear. */
  get track(): MediaStreamTrack {
    return this.cleaned?.track ?? this.source;
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

  /** Goes on after the browser held the sound back, as on a machine that slept. */
  resume() {
    this.ear?.resume();
    this.cleaned?.resume();
  }

  close() {
    this.onended = null;
    this.onsilenced = null;
    this.source.onended = null;
    this.source.stop();
    this.ear?.close();
    this.cleaned?.close();
  }
}
