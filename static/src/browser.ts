/**
 * The browser's own functions, handed to the client that must not know them.
 */
import { api } from "./api";
import { Client } from "./client";
import { recall, remember } from "./memory";
import type { Wire } from "./socket";
import { realTimers } from "./timers";
import { LOUDSPEAKER } from "./voice/devices";
import { Speakers } from "./voice/speakers";

export interface Browser {
  client: Client;
  speakers: Speakers;
  /** Stops listening to the browser and ends the client. */
  stop(): void;
}

/** What somebody does at a page. */
const INPUTS = ["pointerdown", "pointermove", "keydown", "wheel", "focus"] as const;

export function openClient(signedOut: () => void): Browser {
  const speakers = new Speakers(recall(LOUDSPEAKER) ?? "");
  const client = new Client({
    timers: realTimers,
    dial: () => new WebSocket(socketUrl()) as unknown as Wire,
    nonce: () => crypto.randomUUID(),
    stillSignedIn: async () => (await api.server()).me !== null,
    signedOut,
    voice: {
      openPeer: () => new RTCPeerConnection({ bundlePolicy: "max-bundle" }),
      codecs: () => RTCRtpReceiver.getCapabilities("audio")?.codecs ?? [],
      openMicrophone: (wanted) =>
        import("./voice/hardware").then(
          ({ open }) => open(wanted),
          () => ({ refused: "unreachable" }),
        ),
      loudspeakers: speakers,
      remembered: {
        muted: asBoolean(recall("muted")),
        remember: (muted) => remember("muted", String(muted)),
      },
    },
  });

  const otherNetwork = () => {
    client.nudge();
    client.voice.networkChanged();
  };
  // Not every browser tells when the machine goes from one network to another without having been offline.
  const { connection } = navigator as Navigator & { connection?: EventTarget };
  const seen = () => {
    if (document.visibilityState === "visible") client.nudge();
  };
  // Who closes the page has left; otherwise the others would see an empty seat for half a minute.
  const depart = (event: PageTransitionEvent) => {
    if (!event.persisted) client.voice.leave();
  };
  const touch = () => client.touch();
  for (const input of INPUTS) addEventListener(input, touch, { passive: true, capture: true });
  addEventListener("online", otherNetwork);
  connection?.addEventListener("change", otherNetwork);
  addEventListener("pagehide", depart);
  document.addEventListener("visibilitychange", seen);
  client.start();
  return {
    client,
    speakers,
    stop() {
      for (const input of INPUTS) removeEventListener(input, touch, { capture: true });
      removeEventListener("online", otherNetwork);
      connection?.removeEventListener("change", otherNetwork);
      removeEventListener("pagehide", depart);
      document.removeEventListener("visibilitychange", seen);
      client.stop();
    },
  };
}

function socketUrl(): string {
  const url = new URL("/api/socket", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

function asBoolean(text: string | null): boolean | null {
  return text === null ? null : text === "true";
}
