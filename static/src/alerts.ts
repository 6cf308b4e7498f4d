/**
 * Which alerts become a sound and a pop-up on this device, and when a pop-up goes.
 *
 * Of all pages of a browser one speaks for all, and it is silent about a channel that somebody looks at in any of them.
 * What was read meanwhile, here or on another device, takes its pop-up away.
 * Must not know: how a pop-up is made, or who holds which lock. Start reading at {@link Alerts.hear}.
 */
import { parse } from "./markdown/blocks";
import { plain } from "./markdown/nodes";
import type { ChannelId, MessageId } from "./protocol";
import type { Alert, Store } from "./store/store";

/** Pop-ups kept at most: systems show a handful, and drop the oldest too. */
const SHOWN_MAX = 20;

export interface PopUp {
  close(): void;
}

export interface AlertPorts {
  /** Whether this page speaks for all pages of the browser. */
  speaks(): boolean;
  /** Whether somebody has this channel before them, in any page of the browser. */
  watched(channel: ChannelId): Promise<boolean>;
  /** What this device is to do. */
  wishes(): { popUps: boolean; sounds: Record<Alert["kind"], boolean> };
  play(kind: Alert["kind"]): void;
  /** Null where there is none to be had. Two with one tag are one. */
  show(popUp: { tag: string; title: string; body: string; pressed(): void }): PopUp | null;
  /** Who wrote, and where. */
  title(alert: Alert): string;
  /** Goes to the message. */
  go(channel: ChannelId, message: MessageId): void;
}

export class Alerts {
  private readonly shown = new Map<MessageId, { alert: Alert; popUp: PopUp }>();
  private readonly stops: (() => void)[];

  constructor(
    private readonly store: Store,
    private readonly ports: AlertPorts,
  ) {
    this.stops = [
      store.listen("alert", () => {
        const { alert } = store;
        if (alert) void this.hear(alert);
      }),
      store.listen("inbox", () => this.settle()),
      store.listen("presence", () => this.settle()),
    ];
  }

  stop() {
    for (const stop of this.stops) stop();
    this.closeAll();
  }

  private async hear(alert: Alert) {
    if (!this.ports.speaks() || (await this.ports.watched(alert.channel))) return;
    // It may have been read in the meantime, or this user wants to be left alone by now.
    if (this.store.isSettled(alert) || this.store.undisturbed) return;
    const { popUps, sounds } = this.ports.wishes();
    if (sounds[alert.kind]) this.ports.play(alert.kind);
    if (!popUps) return;
    const popUp = this.ports.show({
      tag: alert.message,
      title: this.ports.title(alert),
      body: plain(parse(alert.text)),
      pressed: () => {
        this.close(alert.message);
        this.ports.go(alert.channel, alert.message);
      },
    });
    if (!popUp) return;
    this.shown.set(alert.message, { alert, popUp });
    const [oldest] = this.shown.keys();
    if (this.shown.size > SHOWN_MAX && oldest !== undefined) this.close(oldest);
  }

  private settle() {
    if (this.store.undisturbed) this.closeAll();
    for (const { alert } of [...this.shown.values()]) if (this.store.isSettled(alert)) this.close(alert.message);
  }

  private closeAll() {
    for (const message of [...this.shown.keys()]) this.close(message);
  }

  private close(message: MessageId) {
    this.shown.get(message)?.popUp.close();
    this.shown.delete(message);
  }
}
