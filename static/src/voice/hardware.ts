/**
 * The microphone of this browser, with what listens to it and what takes noise out of it.
 *
 * Fetched when the page stands: nothing of it is needed to draw it. Must not know: the room, the page.
 */
import { recall } from "../memory";
import activityWorklet from "./activity.worklet?worker&url";
import { MICROPHONE } from "./devices";
import { Ear } from "./ear";
import { type Cleaner, type Opened, openMicrophone, type Processing } from "./microphone";

/** Our noise removal did not work here; until the next visit the browser's own is taken. */
let isBroken = false;

/** Whether the browser's own noise removal stands in for ours. */
export function standsIn(): boolean {
  return isBroken;
}

export function open(wanted: Processing): Promise<Opened> {
  return openMicrophone(
    {
      media: navigator.mediaDevices as MediaDevices | undefined,
      listen: (track) => Ear.open(track, new AudioContext(), activityWorklet),
      clean: isBroken ? null : clean,
      device: recall(MICROPHONE),
    },
    wanted,
  );
}

const clean: Cleaner = async (track) => {
  try {
    const { Cleaned } = await import("./noiseRemoval");
    const cleaned = await Cleaned.of(track);
    return {
      track: cleaned.track,
      ondead: (told) => {
        cleaned.ondead = () => {
          isBroken = true;
          told();
        };
      },
      resume: () => cleaned.resume(),
      close: () => cleaned.close(),
    };
  } catch (error) {
    console.info("noise removal could not start, the browser's own stands in", error);
    isBroken = true;
    return null;
  }
};
