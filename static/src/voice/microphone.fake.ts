/** A microphone that hears what a test says; see `microphone`. */
import type { Threshold } from "./activity";

export class FakeMicrophone {
  open = true;
  closed = false;
  onended: (() => void) | null = null;
  onsilenced: (() => void) | null = null;
  onspeech: ((speaking: boolean) => void) | null = null;
  speaking = false;
  threshold: Threshold | null = null;
  opensAt = -40;
  track = { name: "microphone" };
  level = () => -30;

  /** Somebody begins or stops speaking into it. */
  hears(speaking: boolean) {
    this.speaking = speaking;
    this.onspeech?.(speaking);
  }
  resumed = 0;
  resume() {
    this.resumed += 1;
  }
  close() {
    this.closed = true;
  }
}
