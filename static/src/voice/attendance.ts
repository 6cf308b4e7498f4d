/**
 * What the system is told while one talks: which room it is, with its keys for the microphone and for hanging up, and,
 * on a phone, that the screen stays on.
 *
 * Both come in as {@link System}, and either may be missing. Must not know: how they look, what the keys do.
 */

export interface System {
  session: {
    metadata: unknown;
    /** Also for keys that TypeScript's library does not know of. */
    setActionHandler(action: string, handler: (() => void) | null): void;
    setMicrophoneActive?(active: boolean): unknown;
  };
  /** Keeps the screen on until it is released; null where nobody needs that. */
  wake: (() => Promise<Pick<WakeLockSentinel, "release">>) | null;
  /** What is shown beside the keys. */
  describe(room: string): unknown;
  visible(): boolean;
  toggleMicrophone(): void;
  hangUp(): void;
}

/** Where one is; null in no room. */
export type Attending = { room: string; muted: boolean } | null;

const ACTIONS = ["togglemicrophone", "hangup"] as const;

export class Attendance {
  private now: Attending = null;
  private lock: Pick<WakeLockSentinel, "release"> | null = null;
  private asking = false;

  constructor(private readonly system: System) {}

  look(next: Attending) {
    const before = this.now;
    this.now = next;
    const { session } = this.system;
    if (before?.room !== next?.room) {
      session.metadata = next ? this.system.describe(next.room) : null;
      if (!before !== !next) for (const action of ACTIONS) this.handle(action, next !== null);
    }
    if (next && before?.muted !== next.muted) session.setMicrophoneActive?.(!next.muted);
    void this.settle();
  }

  /** The page came to the front or went: a system takes the lock back from what nobody sees. */
  visibilityChanged() {
    if (!this.system.visible()) this.lock = null;
    void this.settle();
  }

  private handle(action: (typeof ACTIONS)[number], on: boolean) {
    const handler = action === "hangup" ? () => this.system.hangUp() : () => this.system.toggleMicrophone();
    try {
      this.system.session.setActionHandler(action, on ? handler : null);
    } catch {
      // A browser that does not know this key throws; then there is no such key.
    }
  }

  private async settle() {
    if (this.lock && !this.now) {
      const { lock } = this;
      this.lock = null;
      await lock.release().catch(() => {});
    }
    if (!this.system.wake || !this.now || this.lock || this.asking || !this.system.visible()) return;
    this.asking = true;
    try {
      this.lock = await this.system.wake();
    } catch {
      // As when the battery is low: the screen goes off, and the talk goes on.
    } finally {
      this.asking = false;
    }
    // Left while it was asked for.
    if (this.lock && !this.now) await this.settle();
  }
}
