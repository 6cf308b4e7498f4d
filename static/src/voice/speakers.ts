/**
 * Plays what arrives: one audio element per receiving line, each as loud as it was told.
 *
 * The only file of the voice code that touches elements. Must not know: who is heard on which line.
 */

export interface Loudspeakers {
  /** Plays these tracks instead of any before. */
  play(tracks: readonly MediaStreamTrack[]): void;
  /** Deafened: nothing is heard, from this moment. */
  silence(silent: boolean): void;
  /** Everybody is softer, or as loud as before. */
  soften(soft: boolean): void;
  /** How loud each line is, in per cent, 0 to 200; 100 for those not named. */
  volumes(percents: readonly number[]): void;
  stop(): void;
}

/** By how much others are softer while one talks: 6 dB. */
const SOFT = 0.5;
const AS_IT_COMES = 100;

/** One receiving line and how it is played. */
interface Line {
  element: HTMLAudioElement;
  stream: MediaStream;
  /** Makes it louder than it comes, which an element alone cannot; null as long as nobody wants that. */
  boost: { source: MediaStreamAudioSourceNode; gain: GainNode } | null;
}

export class Speakers implements Loudspeakers {
  /** Called with true when the browser wants a press before it plays, with false when it plays. */
  onblocked: (blocked: boolean) => void = () => {};
  private lines: Line[] = [];
  private percents: readonly number[] = [];
  private silent = false;
  private soft = false;
  /** Only where somebody is louder than they come. */
  private context: AudioContext | null = null;

  /** @param device the loudspeaker to play on; empty for the system's own choice */
  constructor(private device: string) {}

  /** Plays on another loudspeaker from now on; on the system's own choice when that one is gone. */
  async moveTo(device: string) {
    this.device = device;
    await Promise.all(this.lines.map(({ element }) => this.through(element)));
    await this.contextThrough();
  }

  /** Lets an element play on the chosen loudspeaker, where the browser can choose. */
  async through(element: HTMLAudioElement) {
    if (!("setSinkId" in element)) return;
    try {
      await element.setSinkId(this.device);
    } catch {
      await element.setSinkId("").catch(() => {});
    }
  }

  play(tracks: readonly MediaStreamTrack[]) {
    this.stop();
    this.lines = tracks.map((track) => {
      const element = new Audio();
      const stream = new MediaStream([track]);
      element.autoplay = true;
      element.srcObject = stream;
      if (this.device !== "") void this.through(element);
      return { element, stream, boost: null };
    });
    this.apply();
    this.resume();
  }

  silence(silent: boolean) {
    this.silent = silent;
    this.apply();
  }

  soften(soft: boolean) {
    if (this.soft === soft) return;
    this.soft = soft;
    this.apply();
  }

  volumes(percents: readonly number[]) {
    this.percents = percents;
    this.apply();
  }

  /** Tries to play again; call it from a press when the browser held the sound back. */
  resume() {
    void this.context?.resume();
    for (const { element } of this.lines) {
      element.play().then(
        () => this.onblocked(false),
        (error: unknown) => {
          if (error instanceof DOMException && error.name === "NotAllowedError") this.onblocked(true);
        },
      );
    }
  }

  stop() {
    for (const line of this.lines) {
      line.boost?.source.disconnect();
      line.boost?.gain.disconnect();
      line.element.pause();
      line.element.srcObject = null;
    }
    this.lines = [];
    void this.context?.close();
    this.context = null;
    this.onblocked(false);
  }

  private apply() {
    this.lines.forEach((line, index) => {
      const wanted = ((this.percents[index] ?? AS_IT_COMES) / AS_IT_COMES) * (this.soft ? SOFT : 1);
      if (wanted > 1 && !line.boost) line.boost = this.boost(line.stream);
      // A boosted line is heard through its gain alone; the element goes on playing, since without it nothing flows.
      line.element.muted = this.silent || line.boost !== null;
      line.element.volume = Math.min(1, wanted);
      if (line.boost) line.boost.gain.gain.value = this.silent ? 0 : wanted;
    });
  }

  private boost(stream: MediaStream): Line["boost"] {
    if (!this.context) {
      this.context = new AudioContext();
      void this.contextThrough();
    }
    const source = this.context.createMediaStreamSource(stream);
    const gain = this.context.createGain();
    source.connect(gain).connect(this.context.destination);
    return { source, gain };
  }

  private async contextThrough() {
    const context = this.context as (AudioContext & { setSinkId?: (id: string) => Promise<void> }) | null;
    await context?.setSinkId?.(this.device).catch(() => {});
  }
}
