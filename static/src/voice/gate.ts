/**
 * Whether one's own sound goes out: one value, made from everything that has a say.
 *
 * The words in the dock come from it and never from a button, so that they cannot lie. Must not know: keys,
 * levels, the server. What holds a key is `talkKey`, what hears speech is `activity`.
 */

/** What opens the gate when nothing closes it, with what it says now. */
export type TransmitMode =
  | { kind: "continuous" }
  | { kind: "push_to_talk"; held: boolean }
  | { kind: "voice_activity"; speaking: boolean };

export interface GateInputs {
  /** In a room, with a way for sound to travel. */
  joined: boolean;
  /** There is a microphone to take sound from. */
  microphone: boolean;
  muted: boolean;
  deafened: boolean;
  mode: TransmitMode;
}

/** Open, or the first thing that closes it, the weightiest first. */
export type Gate =
  | { open: true }
  | { open: false; because: "not_joined" | "deafened" | "muted" | "no_microphone" | "key_up" | "silent" };

export function gate(inputs: GateInputs): Gate {
  if (!inputs.joined) return closed("not_joined");
  if (inputs.deafened) return closed("deafened");
  if (!inputs.microphone) return closed("no_microphone");
  if (inputs.muted) return closed("muted");
  const { mode } = inputs;
  switch (mode.kind) {
    case "continuous":
      return { open: true };
    case "push_to_talk":
      return mode.held ? { open: true } : closed("key_up");
    case "voice_activity":
      return mode.speaking ? { open: true } : closed("silent");
  }
}

function closed(because: Extract<Gate, { open: false }>["because"]): Gate {
  return { open: false, because };
}
