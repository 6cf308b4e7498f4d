/**
 * The shape of our offer, and how its path is doing.
 *
 * Must not know: rooms, states, the server.
 */

/** The part of an RTCPeerConnection that is used here. */
export type Peer = Pick<
  RTCPeerConnection,
  | "addTransceiver"
  | "createOffer"
  | "restartIce"
  | "setLocalDescription"
  | "setRemoteDescription"
  | "getConfiguration"
  | "setConfiguration"
  | "connectionState"
  | "iceConnectionState"
  | "getStats"
  | "close"
> & {
  onconnectionstatechange: ((event: Event) => unknown) | null;
  oniceconnectionstatechange: ((event: Event) => unknown) | null;
};

/** One line to send on and `slots` lines to hear on; they never change. */
export function layOut(peer: Peer, microphone: MediaStreamTrack | null, slots: number, known: RTCRtpCodec[]) {
  const codecs = withRedundancyFirst(known);
  // Without a microphone the line is there all the same: it may come later, within the stay.
  const sending = peer.addTransceiver(microphone ?? "audio", { direction: "sendonly" });
  prefer(sending, codecs);
  const tracks = Array.from({ length: slots }, () => {
    const receiving = peer.addTransceiver("audio", { direction: "recvonly" });
    prefer(receiving, codecs);
    return receiving.receiver.track;
  });
  return { sender: sending.sender, tracks };
}

/** How the path is doing, from both of the browser's opinions: not every browser keeps both well. */
export function pathOf(peer: Peer): "waiting" | "connected" | "disconnected" | "failed" {
  const states: string[] = [peer.connectionState, peer.iceConnectionState];
  if (states.includes("failed") || states.includes("closed")) return "failed";
  if (states.includes("disconnected")) return "disconnected";
  // Only this one says that the keys are agreed on too.
  return peer.connectionState === "connected" ? "connected" : "waiting";
}

/** Opus with redundancy (RFC 2198) before plain Opus; browsers without it keep their own order. */
function withRedundancyFirst(codecs: RTCRtpCodec[]): RTCRtpCodec[] {
  const of = (name: string) => codecs.filter((codec) => codec.mimeType.toLowerCase() === `audio/${name}`);
  const red = of("red");
  const opus = of("opus");
  return red.length > 0 && opus.length > 0 ? [...red, ...opus] : [];
}

function prefer(transceiver: RTCRtpTransceiver, codecs: RTCRtpCodec[]) {
  if (codecs.length === 0) return;
  try {
    transceiver.setCodecPreferences(codecs);
  } catch {
    // A preference only; the browser's own order is good too.
  }
}
