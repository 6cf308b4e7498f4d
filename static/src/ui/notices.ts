/**
 * The wiring of alerts to what the browser has: pop-ups, sound, and locks, by which its pages agree who speaks.
 *
 * Loaded when the page stands: nothing of it is needed to draw it.
 */
import { Alerts, type PopUp } from "../alerts";
import { Cues } from "../cues";
import type { ChannelId } from "../protocol";
import { realTimers } from "../timers";
import * as words from "../words";
import { address } from "./address.svelte";
import type { App } from "./app.svelte";
import { wishes } from "./wishes.svelte";

/** The page that holds it speaks for all pages of this browser. */
const SPEAKER = "cromulent.speaker";
/** Held, with a channel's name behind it, by each page in which somebody looks at that channel. */
const WATCH = "cromulent.watch.";

export const cues = new Cues(realTimers, () => (typeof AudioContext === "undefined" ? null : new AudioContext()));

export function begin(app: App): () => void {
  // Over plain http there are no locks, and no pop-ups: then every page speaks for itself.
  const locks = navigator.locks as LockManager | undefined;
  const { store } = app.client;
  const leaving = new AbortController();
  let speaks = locks === undefined;
  let watching: { channel: ChannelId; release: () => void } | null = null;

  const before = () => (document.visibilityState === "visible" && document.hasFocus() ? store.openChannel : null);

  function watch() {
    const channel = before();
    if (channel === (watching?.channel ?? null)) return;
    watching?.release();
    watching = null;
    if (channel === null || !locks) return;
    const held = new Promise<void>((release) => (watching = { channel, release }));
    void locks.request(WATCH + channel, { mode: "shared" }, () => held).catch(() => {});
  }

  void locks
    ?.request(SPEAKER, { signal: leaving.signal }, () => {
      speaks = true;
      return new Promise<void>((resolve) => leaving.signal.addEventListener("abort", () => resolve()));
    })
    .catch(() => {});

  const alerts = new Alerts(store, {
    speaks: () => speaks,
    watched: async (channel) => {
      watch();
      if (before() === channel) return true;
      const held = (await locks?.query())?.held ?? [];
      return held.some((lock) => lock.name === WATCH + channel);
    },
    wishes: () => ({ popUps: wishes.popUps, sounds: { mention: wishes.sound("mention"), message: wishes.sound("message") } }),
    play: (kind) => cues.play(kind, wishes.volume / 100, store.sound),
    show: ({ tag, title, body, pressed }) => {
      const popUp = popUpOf(title, { body, tag, icon: "/icon.svg", silent: true });
      if (!popUp) return null;
      popUp.onclick = () => {
        focus();
        pressed();
      };
      return popUp;
    },
    title: ({ author, channel }) => words.saidIn(app.name(author), app.channel(channel)?.name ?? ""),
    go: (channel, message) => {
      const slug = app.channel(channel)?.slug;
      if (slug !== undefined) address.go({ page: "channel", slug, message });
    },
  });

  const look = () => {
    watch();
    wishes.look();
  };
  const stopOpened = store.listen("opened", watch);
  for (const type of ["focus", "blur"]) addEventListener(type, look);
  document.addEventListener("visibilitychange", look);
  look();
  return () => {
    alerts.stop();
    stopOpened();
    for (const type of ["focus", "blur"]) removeEventListener(type, look);
    document.removeEventListener("visibilitychange", look);
    watching?.release();
    watching = null;
    leaving.abort();
    cues.close();
  };
}

/** Null where a page may make none by itself, as on phones. */
function popUpOf(title: string, options: NotificationOptions): (PopUp & Notification) | null {
  try {
    return new Notification(title, options);
  } catch {
    return null;
  }
}
