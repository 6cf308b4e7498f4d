/**
 * One thing a sheet asks of the server: whether it is under way, and what went wrong.
 */
import { RequestError } from "../socket";
import { refusal } from "../words";

export class Errand {
  busy = $state(false);
  /** In words, for whoever asked. */
  fault = $state<string | null>(null);
  /** The same as a program reads it. */
  code = $state<RequestError["code"] | null>(null);

  /** Carries it out, unless another one is under way; whether it was done. */
  async run(work: () => Promise<unknown>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.forget();
    try {
      await work();
      return true;
    } catch (error) {
      this.code = error instanceof RequestError ? error.code : "internal";
      this.fault = refusal(this.code === "lost" || this.code === "silent" ? "unreachable" : this.code);
      return false;
    } finally {
      this.busy = false;
    }
  }

  forget() {
    this.fault = null;
    this.code = null;
  }
}
