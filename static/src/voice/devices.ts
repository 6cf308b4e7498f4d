/**
 * The microphones and loudspeakers of this machine, and which of them were chosen.
 *
 * A choice is this machine's own: another one has other devices. Must not know: the room, the page.
 */

/** Under these names the choices are remembered in this browser. */
export const MICROPHONE = "microphone";
export const LOUDSPEAKER = "loudspeaker";

export interface Device {
  id: string;
  /** As the system calls it; empty until the microphone was allowed once. */
  name: string;
}

export interface Devices {
  microphones: Device[];
  loudspeakers: Device[];
}

/** The part of `navigator.mediaDevices` that is used here. */
export type DeviceList = Pick<MediaDevices, "enumerateDevices" | "addEventListener" | "removeEventListener">;

/** What is plugged in now. The browser's own default is no entry of its own: no choice means it. */
export async function devices(list: DeviceList | undefined): Promise<Devices> {
  const found = (await list?.enumerateDevices()) ?? [];
  const of = (kind: MediaDeviceKind) =>
    found
      .filter((one) => one.kind === kind && one.deviceId !== "" && one.deviceId !== "default" && one.deviceId !== "communications")
      .map((one) => ({ id: one.deviceId, name: one.label }));
  return { microphones: of("audioinput"), loudspeakers: of("audiooutput") };
}

/** Tells whenever something is plugged in or out, until the returned function is called. */
export function watchDevices(list: DeviceList | undefined, changed: () => void): () => void {
  list?.addEventListener("devicechange", changed);
  return () => list?.removeEventListener("devicechange", changed);
}
