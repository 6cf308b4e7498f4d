/**
 * The microphone: asks for it, says why there is none, measures how loud it is.
 *
 * Browser functions come in as {@link AudioDevices}. Must not know: rooms, peers, the server.
 */

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

/** The parts of the browser that are used here. */
export interface AudioDevices {
  /** `navigator.mediaDevices`, which is absent on pages without https. */
  media: Pick<MediaDevices, "getUserMedia"> | undefined;
  /** Opens an audio graph for measuring; null when the browser cannot. */
  audioContext(): AudioContext | null;
  /** True: take the sound as it is, without echo cancellation, noise suppression and gain control. */
  raw(): boolean;
}

export type Opened = { microphone: Microphone } | { refused: NoMicrophone };

export async function openMicrophone(devices: AudioDevices): Promise<Opened> {
  if (!devices.media) return { refused: "insecure" };
  const processed = !devices.raw();
  try {
    const stream = await devices.media.getUserMedia({
      audio: {
        echoCancellation: processed,
        noiseSuppression: processed,
        autoGainControl: processed,
        channelCount: 1,
      },
    });
    const track = stream.getAudioTracks()[0];
    return track ? { microphone: new Microphone(track, devices.audioContext()) } : { refused: "missing" };
  } catch (error) {
    return { refused: whyNot(error) };
  }
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
  private readonly meter: Meter | null;

  constructor(
    readonly track: MediaStreamTrack,
    context: AudioContext | null,
  ) {
    track.onended = () => this.onended?.();
    this.meter = context ? Meter.of(track, context) : null;
  }

  /** Whether sound leaves the microphone for the peer; the meter hears it either way. */
  set open(open: boolean) {
    this.track.enabled = open;
  }

  /** How loud it is now, in dBFS, at least {@link QUIETEST_DB}. Null when it cannot be measured. */
  level(): number | null {
    return this.meter?.read() ?? null;
  }

  close() {
    this.onended = null;
    this.track.onended = null;
    this.track.stop();
    this.meter?.close();
  }
}

class Meter {
  private readonly samples: Float32Array<ArrayBuffer>;

  private constructor(
    private readonly track: MediaStreamTrack,
    private readonly context: AudioContext,
    private readonly analyser: AnalyserNode,
  ) {
    this.samples = new Float32Array(analyser.fftSize);
  }

  static of(track: MediaStreamTrack, context: AudioContext): Meter | null {
    try {
      // A copy stays enabled while the gate closes the original.
      const copy = track.clone();
      const analyser = context.createAnalyser();
      analyser.fftSize = 1024;
      context.createMediaStreamSource(new MediaStream([copy])).connect(analyser);
      return new Meter(copy, context, analyser);
    } catch {
      return null;
    }
  }

  read(): number {
    this.analyser.getFloatTimeDomainData(this.samples);
    let sum = 0;
    for (const sample of this.samples) sum += sample * sample;
    const rms = Math.sqrt(sum / this.samples.length);
    return Math.max(QUIETEST_DB, 20 * Math.log10(rms + 1e-9));
  }

  close() {
    this.track.stop();
    void this.context.close();
  }
}
