/**
 * Listens to one's own microphone: how loud it is, and whether one is speaking.
 *
 * The page's end of `activity.worklet`. Must not know: what is done with either.
 */
import type { Threshold } from "./activity";

/** What the audio thread tells. */
export interface Heard {
  speaking: boolean;
  /** The loudest since it told last, in dBFS. */
  level: number;
  /** From which level on it takes sound for speech now, in dBFS. */
  opensAt: number;
}

export class Ear {
  /** Called when one begins or stops speaking. */
  onspeech: ((speaking: boolean) => void) | null = null;
  private last: Heard | null = null;

  private constructor(
    private readonly track: MediaStreamTrack,
    private readonly context: AudioContext,
    private readonly node: AudioWorkletNode,
  ) {
    node.port.onmessage = ({ data }: MessageEvent<Heard>) => {
      const before = this.speaking;
      this.last = data;
      if (data.speaking !== before) this.onspeech?.(data.speaking);
    };
  }

  /**
   * @param worklet where `activity.worklet` is
   * @returns null when this browser cannot listen
   */
  static async open(track: MediaStreamTrack, context: AudioContext, worklet: string): Promise<Ear | null> {
    // A copy stays enabled while the gate closes the original.
    const copy = track.clone();
    try {
      await context.audioWorklet.addModule(worklet);
      const node = new AudioWorkletNode(context, "activity", { numberOfInputs: 1, numberOfOutputs: 0 });
      context.createMediaStreamSource(new MediaStream([copy])).connect(node);
      return new Ear(copy, context, node);
    } catch (error) {
      console.error("the microphone cannot be listened to", error);
      copy.stop();
      void context.close();
      return null;
    }
  }

  get speaking(): boolean {
    return this.last?.speaking ?? false;
  }
  get heard(): Heard | null {
    return this.last;
  }
  set threshold(threshold: Threshold) {
    this.node.port.postMessage(threshold);
  }

  /** Goes on after the browser held the sound back. */
  resume() {
    void this.context.resume().catch(() => {});
  }

  close() {
    this.onspeech = null;
    this.node.port.onmessage = null;
    this.track.stop();
    void this.context.close();
  }
}
