/**
 * The words of order in voice rooms: a part of the catalogue in `words.ts`, loaded when somebody needs them.
 *
 * Must not know: where a sentence is shown.
 */
import type { VoiceRights } from "../protocol";
import { names } from "../words";

type Right = keyof VoiceRights;

export const order = {
  rights: "Rights in the room",
  rightsHint: "Admins who are in the channel may do all of this. A change takes effect at once, also on those who talk.",
  rightNames: {
    listen: "Come in and listen",
    speak: "Speak",
    prioritise: "Speak before all others",
    mute_others: "Mute others, and let them speak",
    move_others: "Move others and put them out",
  } satisfies Record<Right, string>,
  speakHint: "Whoever may not speak can raise a hand, and be let speak.",
  grants: { everybody: "Everybody", groups: "Groups", admins: "Admins" },
  groupsOf: (right: Right) => `Groups: ${order.rightNames[right]}`,
  noGroups: "There are no groups yet.",
  peopleMax: "Places in the room",
  peopleMaxHint: "Empty for as many as want. Who may move others comes in all the same.",
  peopleMaxBad: (most: number) => `A number from 1 to ${most}, or nothing.`,

  inRoom: (room: string) => `In ${room}`,
  mute: "Mute for everybody",
  unmute: "Let them be heard",
  deafen: "Deafen",
  undeafen: "Let them hear",
  kept: "Holds in this room until somebody lifts it, and up to an hour after they left.",
  letSpeak: "Let speak",
  backToAudience: "Back to the audience",
  lowerHand: "Lower hand",
  moveTo: "Move to",
  move: "Move",
  putOut: "Put out of the room",
  done: "Done",

  mutedBy: (who: string) => `muted by ${who}`,
  deafenedBy: (who: string) => `deafened by ${who}`,
  handUp: "hand up",
  audience: "audience",

  youMutedBy: (who: string) => `${who} muted you for everybody in this room.`,
  youDeafenedBy: (who: string) => `${who} deafened you in this room.`,
  youListen: "You are in the audience.",
  youMayAsk: "Raise your hand if you want to speak.",
  youWait: (place: number) => (place === 1 ? "Your hand is up. You are next." : `Your hand is up. ${place - 1} before you.`),
  youMaySpeak: "You were let speak.",
  youWereMoved: (who: string | null) => (who === null ? "You were away for long, so you are here now." : `${who} moved you here.`),
  youWerePutOut: (who: string) => `${who} put you out of the room.`,
  raise: "Raise hand",
  lower: "Lower hand",
  hands: "Hands up",
  handsOf: (who: readonly string[]) => `Hands up: ${names(who)}`,
  of: (what: string, who: string) => `${what}: ${who}`,
  dismiss: "Close",
} as const;
