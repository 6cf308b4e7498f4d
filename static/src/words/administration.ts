/**
 * The words that only admins read: a part of the catalogue in `words.ts`, loaded with the pages that say them.
 *
 * Must not know: where a sentence is shown.
 */
import type { AuditAction, AuditEntry, Channel, Person, RelayOutcome, UserId } from "../protocol";
import { people, somebody } from "../words";

/** What admins decide about the whole server. */
export const serverSettings = {
  hint: "What you change here holds at once, on every open page. Only admins see this page.",
  given: "Set where the server is started, and not to be changed here.",
  voice: "Voice",
  voiceHint: "Off ends every call at once. Nobody talks until it is on again.",
  registration: "Open door",
  registrationHint: "Everybody who can open the page may make an account. Closed, only admins make accounts.",
  links: "Look behind links",
  linksHint: "The server fetches what people link to, and shows its title. Whoever runs that page sees that your server asked.",
  confirmation: "Confirm e-mail addresses",
  confirmationHint: "An account begins with the answer to a mail. Whoever never answered one cannot sign in until they do.",
  confirmationNoMail: "Needs a mail server. Set one where the server is started.",
  saved: (what: string) => `${what}: saved.`,
  relays: "Relays",
  relaysHint: "For people whose network lets neither UDP nor TCP through to the voice ports. A relay is a TURN server of yours, such as coturn with use-auth-secret.",
  relayUrls: "Addresses",
  relayUrlsHint: "One or up to four, with spaces between, such as turn:relay.example.org:3478. Empty for none.",
  relaySecret: "Secret",
  relaySecretHint: "What the relays have as static-auth-secret. It is not shown again.",
  relaySecretKept: "The server has it. Write here only to change it.",
  relaySave: "Save relays",
  relayTry: "Try the relays",
  relayTrying: "Trying",
  relayBad: "turn:HOST, turn:HOST:PORT or turns:HOST:PORT, four at most.",
  relaySecretBad: "1 to 200 characters without spaces. Relays need one.",
  /** "turn:…: works. It gave the place 192.0.2.7:49152." */
  relayOutcome: (url: string, outcome: RelayOutcome) => `${url}: ${relayOutcome(outcome)}`,
} as const;

function relayOutcome(outcome: RelayOutcome): string {
  switch (outcome.type) {
    case "works":
      return `works. It gave the place ${outcome.relay}.`;
    case "refused":
      return "refuses us. Its secret is another one.";
    case "failed":
      return `is there and gives no place. Code ${outcome.code}`;
    case "unreachable":
      return "does not answer. Look at its address and at the firewall.";
    case "not_a_relay":
      return "something else answers there, or a relay with another secret.";
    case "not_tried":
      return "not tried. It is inside TLS, where only browsers go.";
  }
}

/** Colours that can be told from the surface in both themes. */
export const GROUP_COLORS = [
  { name: "Blue", color: "#3b82c4" },
  { name: "Teal", color: "#16888f" },
  { name: "Green", color: "#3a8a4d" },
  { name: "Olive", color: "#7d7f2a" },
  { name: "Brown", color: "#a5652f" },
  { name: "Red", color: "#cf4a40" },
  { name: "Pink", color: "#c04d8c" },
  { name: "Violet", color: "#8a63d2" },
] as const;

/** All channels, for those who may change them. */
export const channelList = {
  hint: "Every channel there is. You may change them all; what is written in a private one only its members read.",
  search: "Find a channel",
  found: (count: number) => (count === 0 ? "No channel has this in its name or topic." : count === 1 ? "1 channel found" : `${count} channels found`),
  /** "Voice, private, 3 people" */
  about: ({ kind, admission, archived }: Channel, members: number | null) =>
    [
      kind === "voice" ? "Voice" : "Text",
      ...(admission === "private" ? ["private"] : []),
      ...(archived ? ["in the archive"] : []),
      ...(members === null ? [] : [people(members)]),
    ].join(", "),
  settings: "Settings",
  settingsOf: (name: string) => `Settings of ${name}`,
  members: "People",
  membersOf: (name: string) => `Who is in ${name}`,
  archive: "Archive",
  archiveOf: (name: string) => `Archive ${name}`,
  unarchive: "Take out",
  unarchiveOf: (name: string) => `Take ${name} out of the archive`,
  delete: "Delete",
  deleteOf: (name: string) => `Delete ${name}`,
} as const;

export const groups = {
  hint: "People who can be mentioned at once. Everybody sees the groups; only admins change them.",
  none: "There is no group yet.",
  add: "New group",
  name: "Name",
  nameHint: "1 to 40 characters, with at least one letter a to z or digit.",
  nameBad: "1 to 40 characters.",
  nameTaken: "Somebody, or another group, has this name.",
  nameInvalid: "The server does not take this name. It needs a letter a to z or a digit, and some words are reserved.",
  mention: (slug: string) => `@${slug}`,
  color: "Colour",
  noColor: "None",
  ownColor: "Own colour",
  oldColor: (color: string) => `As it is, ${color}`,
  save: "Save",
  create: "Create group",
  cancel: "Cancel",
  edit: "Edit",
  editOf: (name: string) => `Edit ${name}`,
  title: (name: string) => `Group ${name}`,
  members: "Who is in it",
  membersOf: (count: number) => people(count),
  addSomebody: "Add somebody",
  addHint: "Write a part of the name.",
  found: "People found",
  nobodyFound: "Nobody outside has such a name.",
  put: "Add",
  putOf: (name: string) => `Add ${name}`,
  take: "Remove",
  takeOf: (name: string) => `Remove ${name}`,
  more: (count: number) => `Show ${count} more`,
  delete: "Delete group",
  deleteTitle: (name: string) => `Delete ${name}`,
  deleteLoss: "Nobody can mention it any more. Messages that mention it stay as they are, and so do its people.",
  keep: "Keep it",
  close: "Close",
  gone: "This group is gone.",
} as const;

/** A colour that cannot be seen somewhere. */
export function colorHidden(theme: "light" | "dark"): string {
  return `This colour cannot be told from the page in the ${theme} theme. Take a ${theme === "light" ? "darker" : "lighter"} one.`;
}

export const audit = {
  hint: "What was done to accounts, channels, groups and the server, newest first. It keeps the last 100,000 entries.",
  none: "Nothing of this kind was done.",
  who: "By whom",
  what: "What",
  anybody: "Anybody",
  anything: "Anything",
  when: "When",
  entry: "What was done",
  table: "Audit log",
  older: "Show older",
  again: "Look again",
  console: "The console, or a link",
} as const;

/** What was done, as one reads it: who stands before it. */
export function auditSentence(entry: AuditEntry, name: (user: UserId) => string): string {
  const whom = entry.subject === null ? somebody : name(entry.subject);
  const { object } = entry;
  switch (entry.action) {
    case "user_created":
      return `made an account for ${whom}`;
    case "role_changed":
      return `changed the role of ${whom}`;
    case "user_disabled":
      return `shut ${whom} out`;
    case "user_enabled":
      return `let ${whom} in again`;
    case "reset_link_issued":
      return `made a link to a new password for ${whom}`;
    case "password_reset":
      return `replaced the password of ${whom} by a link`;
    case "password_changed":
      return entry.subject === entry.actor ? "changed the own password" : `changed the password of ${whom}`;
    case "email_changed":
      return entry.subject === entry.actor ? "changed the own e-mail address" : `changed the e-mail address of ${whom}`;
    case "account_deleted":
      return `deleted the account ${object === "" ? whom : object}`;
    case "token_reused":
      return `used an old token of ${whom} again, which ended that sign-in`;
    case "setting_changed":
      return "changed a server setting";
    case "channel_created":
      return `made the channel ${object}`;
    case "channel_changed":
      return `changed the channel ${object}`;
    case "channel_deleted":
      return `deleted the channel ${object} and everything in it`;
    case "member_added":
      return `put ${whom} into the channel ${object}`;
    case "member_removed":
      return `took ${whom} out of the channel ${object}`;
    case "category_created":
      return `made the heading ${object}`;
    case "category_changed":
      return `changed the heading ${object}`;
    case "category_deleted":
      return `took the heading ${object} away`;
    case "group_created":
      return `made the group ${object}`;
    case "group_changed":
      return `changed the group ${object}`;
    case "group_deleted":
      return `deleted the group ${object}`;
    case "group_member_added":
      return `put ${whom} into the group ${object}`;
    case "group_member_removed":
      return `took ${whom} out of the group ${object}`;
    case "message_deleted":
      return `deleted a message of ${whom} in ${object}`;
    case "voice_muted":
      return `muted ${whom} in the voice room ${object}, or lifted it`;
    case "voice_deafened":
      return `deafened ${whom} in the voice room ${object}, or lifted it`;
    case "voice_moved":
      return `moved ${whom} from the voice room ${object}`;
    case "voice_put_out":
      return `put ${whom} out of the voice room ${object}`;
  }
}

/** The kinds one can look for, by what they are about. */
export const AUDIT_KINDS: readonly { title: string; kinds: readonly { action: AuditAction; name: string }[] }[] = [
  {
    title: "Accounts",
    kinds: [
      { action: "user_created", name: "Account made" },
      { action: "role_changed", name: "Role changed" },
      { action: "user_disabled", name: "Shut out" },
      { action: "user_enabled", name: "Let in again" },
      { action: "reset_link_issued", name: "Link to a new password made" },
      { action: "password_reset", name: "Password replaced by a link" },
      { action: "password_changed", name: "Password changed" },
      { action: "email_changed", name: "E-mail address changed" },
      { action: "account_deleted", name: "Account deleted" },
      { action: "token_reused", name: "Old token used again" },
    ],
  },
  {
    title: "Server",
    kinds: [{ action: "setting_changed", name: "Setting changed" }],
  },
  {
    title: "Channels",
    kinds: [
      { action: "channel_created", name: "Channel made" },
      { action: "channel_changed", name: "Channel changed" },
      { action: "channel_deleted", name: "Channel deleted" },
      { action: "member_added", name: "Member added" },
      { action: "member_removed", name: "Member removed" },
      { action: "message_deleted", name: "Message of another deleted" },
      { action: "category_created", name: "Heading made" },
      { action: "category_changed", name: "Heading changed" },
      { action: "category_deleted", name: "Heading taken away" },
    ],
  },
  {
    title: "Voice rooms",
    kinds: [
      { action: "voice_muted", name: "Muted by another" },
      { action: "voice_deafened", name: "Deafened by another" },
      { action: "voice_moved", name: "Moved to another room" },
      { action: "voice_put_out", name: "Put out of a room" },
    ],
  },
  {
    title: "Groups",
    kinds: [
      { action: "group_created", name: "Group made" },
      { action: "group_changed", name: "Group changed" },
      { action: "group_deleted", name: "Group deleted" },
      { action: "group_member_added", name: "Put into a group" },
      { action: "group_member_removed", name: "Taken out of a group" },
    ],
  },
];

const AUDIT_KEYS: Record<string, string> = {
  role: "role",
  voice: "voice",
  registration: "registration",
  link_previews: "looking behind links",
  email_confirmation: "confirming addresses",
  relays: "relays",
  relay_secret: "secret of the relays",
  name: "name",
  topic: "topic",
  admission: "who is in it",
  writers: "who writes",
  archived: "archive",
  max_speakers: "heard at once",
  place: "place",
  color: "colour",
};

/** "name: general, archive: on": the server's keys in our words, its values as they are. */
export function auditDetail(detail: string): string {
  const pairs = detail.split("; ").filter((pair) => pair !== "");
  return pairs
    .map((pair) => {
      const [key = "", ...rest] = pair.split(": ");
      return [AUDIT_KEYS[key] ?? key, ...rest].join(": ");
    })
    .join(", ");
}

export const administration = {
  hint: "Everybody who has an account here. Only admins see this page.",
  search: "Find somebody",
  searchHint: "A part of a name or an e-mail address.",
  nobody: "Nobody has this in a name or address.",
  deleteOpen: "Delete account",
  deleteTitle: (name: string) => `Delete ${name} for good`,
  deleteHint: "The name, address and picture go. What was written stays, by a deleted account. There is no way back.",
  deletePress: "Delete for good",
  deleteDone: (name: string) => `The account ${name} is gone.`,
  keep: "Keep it",
  add: "New account",
  addHint: "For somebody who does not make one. Hand over name and password yourself.",
  addDone: (name: string) => `${name} has an account.`,
  more: "Show more",
  manage: (name: string) => `Manage ${name}`,
  managePress: "Manage",
  cancel: "Cancel",
  create: "Create account",
  /** "@mira, mira@example.org, admin" */
  person: ({ user, email, confirmed }: Person) =>
    [
      `@${user.username}`,
      email,
      ...(user.role === "admin" ? ["admin"] : []),
      ...(user.state === "disabled" ? ["shut out"] : []),
      ...(confirmed ? [] : ["address not confirmed"]),
    ].join(", "),
  makeAdmin: "Make admin",
  makeMember: "Make member",
  shutOut: "Shut out",
  shutOutHint: "Every sign-in ends at once, and none begins until you let them in again.",
  letIn: "Let in again",
  link: "Link for a new password",
  linkHint: "It opens once, within a day. Whoever has it has the account: hand it over safely.",
  close: "Close",
} as const;
