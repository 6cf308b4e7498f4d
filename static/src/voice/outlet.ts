/**
 * Whether packets leave: nothing is sent while the gate is closed.
 *
 * A microphone that is only silent would still send silence, fifty times a second. A little of it is wanted: whoever
 * hears speech break off in the middle of nowhere has a browser that makes up how it might have gone on. So the line
 * goes on for a moment and is then switched off. Must not know: why the gate opened or closed.
 */
import type { Cancel, Timers } from "../timers";

/** Silence that is sent after the last sound, in milliseconds: a few packets, so that no listener waits for more. */
export const SILENCE_MS = 120;

/** The part of an RTCRtpSender that is used here. */
export type Sender = Pick<RTCRtpSender, "getParameters" | "setParameters">;

export class Outlet {
  private wanted = true;
  private is = true;
  private busy = false;
  private silence: Cancel | null = null;

  constructor(
    private readonly sender: Sender,
    private readonly timers: Timers,
  ) {}

  /** The gate is open or closed. Opening is at once. */
  set(open: boolean) {
    if (open) {
      this.silence?.();
      this.silence = null;
      this.want(true);
    } else if (this.wanted && !this.silence) {
      this.silence = this.timers.after(SILENCE_MS, () => {
        this.silence = null;
        this.want(false);
      });
    }
  }

  close() {
    this.silence?.();
    this.silence = null;
  }

  private want(sending: boolean) {
    this.wanted = sending;
    void this.settle();
  }

  /** One change at a time: a browser refuses parameters that another change has made old. */
  private async settle() {
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.is !== this.wanted) {
        const sending = this.wanted;
        const parameters = this.sender.getParameters();
        for (const encoding of parameters.encodings) encoding.active = sending;
        await this.sender.setParameters(parameters);
        this.is = sending;
      }
    } catch {
      // A line that ended meanwhile, or a browser that switches none: then silence is sent. Nobody is heard by mistake,
      // since the track itself is off, and there is nothing that anybody could do about it.
      this.is = this.wanted;
    } finally {
      this.busy = false;
    }
  }
}
