/** Somebody whose microphone is open and who hears everybody as they come; see `hearing`. */
import type { Hearing } from "../protocol";

export const openEars: Hearing = {
  preferences: {
    transmit: "continuous",
    talk_key: "Space",
    release_tail_ms: 200,
    threshold_db: null,
    sound: "voice",
    echo_cancellation: true,
    noise_removal: true,
    gain_control: true,
    cues: true,
    attenuation: false,
  },
  volumes: [],
};
