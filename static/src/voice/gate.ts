/**
 * Whether one's own sound goes out: one value, made from everything that has a say.
 *
 * The words in the dock come from it and never from a button, so that they cannot lie.
 */

/** What opens the gate when nothing closes it. */
export type TransmitMode = { kind: "open_mic" } | { kind: "push_to_talk"; held: boolean };

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
  | { open: false; because: "not_joined" | "deafened" | "muted" | "no_microphone" | "key_up" };

export function gate(inputs: GateInputs): Gate {
  if (!inputs.joined) return closed("not_joined");
  if (inputs.deafened) return closed("deafened");
  if (!inputs.microphone) return closed("no_microphone");
  if (inputs.muted) return closed("muted");
  if (inputs.mode.kind === "push_to_talk" && !inputs.mode.held) return closed("key_up");
  return { open: true };
}

function closed(because: Extract<Gate, { open: false }>["because"]): Gate {
  return { open: false, because };
}
