/**
 * The words of the dialogs about channels: a part of the catalogue in `words.ts`, loaded with them.
 *
 * Has all the words of the first page too, so that whoever needs both has one catalogue. Must not know: where a sentence is
 * shown.
 */
import type { Admission, ChannelKind, Writers } from "../protocol";
import * as shared from "../words";
import { people } from "../words";

export * from "../words";

/** Of channels, all that is said; what the first page says of them is in `words`. */
export const channels = {
  ...shared.channels,
  name: "Name",
  topic: "Topic",
  kind: "For",
  create: "Create",
  save: "Save",
  cancel: "Cancel",
  back: "Back",
  join: shared.room.join,
  joinIt: (name: string) => `Join ${name}`,
  read: "Read",
  readIt: (name: string) => `Read ${name}`,
  nameHint: "What people will call it.",
  nameBad: "1 to 60 characters, with at least one letter a to z or digit.",
  heard: "Heard at once",
  heardHint: "Whoever talks loudest is heard. Those in mid-sentence finish first.",
  heardAll: "As many as possible",
  topicHint: "What one writes or talks about here. It stands beside the name.",
  topicBad: "At most 300 characters.",
  category: "Heading",
  noCategory: "No heading",
  admission: "Who is in it",
  writers: "Who writes",
  archive: "Archive",
  archiveHint: "In the archive everybody goes on reading, and nobody writes or talks. You can take it out again.",
  unarchive: "Take out of the archive",
  delete: "Delete",
  deleting: (name: string) => `Delete ${name}`,
  deleteLoss: (kind: ChannelKind) =>
    kind === "text" ? "Everything written in it goes with it. It cannot be brought back." : "Whoever is in it is out at once. It cannot be brought back.",
  nameAgain: "Name of the channel",
  nameAgainHint: (name: string) => `Write ${name} if you are sure.`,
  nameDiffers: (name: string) => `The channel is called ${name}.`,
  members: "Who is in it",
  membersOf: (name: string) => `Who is in ${name}`,
  settings: "Settings",
  leave: "Leave channel",
  addSomebody: "Add somebody",
  addHint: "Write a part of the name.",
  found: "People found",
  nobodyFound: "Nobody outside has such a name.",
  addPress: "Add",
  addThem: (name: string) => `Add ${name}`,
  remove: "Remove",
  removeThem: (name: string) => `Remove ${name}`,
  find: "Find a channel",
  toJoin: "Channels to join",
  nothingToJoin: "You are in every channel that is open to you.",
  inArchive: "Archive",
  notInIt: (name: string) => `You are not in ${name}`,
  joinToRead: "Join it to read and write.",
  notOpen: "This channel is not open to you",
  notOpenHelp: "Ask somebody who is in it to add you. It may also have been deleted.",
  toRooms: "Back to the rooms",
  privateHidden: "Private channels are not listed. Somebody who is in one can add you.",
  moveUp: (name: string) => `Move ${name} up`,
  moveDown: (name: string) => `Move ${name} down`,
  heading: (name: string) => `the heading ${name}`,
  headingName: (name: string) => `Name of the heading ${name}`,
  headingAway: (name: string) => `Take the heading ${name} away`,
  addCategory: "New heading",
  categoryHint: "Channels go under it with the arrows, or in their settings.",
  categoryNameMissing: "Write what the heading says.",
} as const;

/** What is left of a list that somebody searches, for those who do not see it. */
export function channelsFound(count: number): string {
  if (count === 0) return "No channel has this in its name or topic.";
  return count === 1 ? "1 channel found" : `${count} channels found`;
}

/** The same of people; more may fit than are shown. */
export function peopleFound(count: number): string {
  return `${people(count)} found`;
}

export function admission(value: Admission): string {
  return { everybody: "Everybody", open: "Open", private: "Private" }[value];
}

export function admissionHint(value: Admission): string {
  return {
    everybody: "Everybody is in it from the start.",
    open: "Everybody finds it and may join.",
    private: "Only its members know of it. They add others.",
  }[value];
}

export function writers(value: Writers): string {
  return { everybody: "Everybody", admins: "Admins only" }[value];
}

/** What is lost by leaving, and how one comes back. */
export function leaving(value: Admission): string {
  return value === "private" ? "You cannot come back by yourself: somebody in it must add you." : "You can join again at any time.";
}

/** How many people are heard at once in a room. */
export function heardAtOnce(most: number | null): string {
  return most === null ? channels.heardAll : people(most);
}
