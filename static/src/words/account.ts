/**
 * The words about one's own account, at the door and in the settings: a part of the catalogue in `words.ts`, loaded with the
 * pages that say them.
 *
 * Has all the words of the first page too, so that whoever needs both has one catalogue. Must not know: where a sentence is
 * shown.
 */
import * as shared from "../words";
import { dateAnyYear, dayKey, time } from "../words";

export * from "../words";

export const setup = {
  house: "New server",
  page: "New server, Cromulent",
  once: "This page works once, with the link from your console. It closes when you finish.",
  who: "Who runs this?",
  make: "Make me the admin",
  secure: (host: string) => ({ title: "Browsers open the microphone here", small: `${host} is a secure address` }),
  insecure: { title: "Browsers keep the microphone shut here", small: "People can only listen until the page comes over https" },
  mute: { title: "This browser cannot talk", small: "Use a current Firefox, Chrome, Edge or Safari" },
  talks: { title: "This browser can talk", small: "Voice uses what it already has" },
  answers: { title: "The server answers", small: "It gave you this page" },
} as const;

export const form = {
  name: "Name",
  email: "E-mail",
  newPassword: "New password",
  passwordLabel: "Password",
  nameHint: "Letters a to z, digits, hyphen and underscore, 2 to 40.",
  emailHint: "Other people never see it.",
  passwordHint: "12 characters or more. A sentence is good.",
  nameBad: "2 to 40 letters a to z, digits, hyphens or underscores.",
  nameReserved: "This word means something else here. Choose another name.",
  emailBad: "This does not look like an e-mail address.",
  passwordShort: "At least 12 characters.",
  passwordLong: "At most 72 characters.",
  loginMissing: "Write your e-mail or your name.",
  passwordMissing: "Write your password.",
} as const;

export const door = {
  call: "A house with rooms to talk in.",
  comeIn: "Come in.",
  signIn: "Sign in",
  login: "E-mail or name",
  newHere: "New here?",
  create: "Create an account",
  createPress: "Create account",
  haveOne: "Have one?",
  signInInstead: "Sign in instead",
  remember: "Stay signed in",
  forgotten: "Forgot your password?",
  forgottenNoMail: "Forgot your password? Your admin can give you a link for a new one.",
  asked: (email: string) => `We sent a mail to ${email}. Your account begins with the link in it.`,
} as const;

export const links = {
  forgotten: "A new password",
  forgottenHint: "We send you a link. It works once, within a day.",
  forgottenSend: "Send me a link",
  forgottenSent: "If that address has an account, a mail is on its way.",
  reset: "Choose a new password",
  resetHint: "You are signed out everywhere, and sign in with the new one.",
  resetSave: "Take this password",
  resetDone: "Your password is changed. Sign in with it.",
  confirm: "Confirm your e-mail address",
  confirmHint: "Press the button, and this address is yours here.",
  confirmPress: "This is my address",
  confirmDone: "Your address is confirmed.",
  toTheDoor: "Go to the sign-in",
  inside: "Go on",
} as const;

/** Of one's own settings, all that is said; what the first page says of them is in `words`. */
export const settings = {
  ...shared.settings,
  back: "Back to the rooms",
  backToList: "Back to settings",
  parts: {
    profile: "Profile",
    voice: "Voice",
    notifications: "Notifications",
    "sign-in": "Password and e-mail",
    devices: "Where you are signed in",
    people: "People",
    channels: "Channels",
    groups: "Groups",
    server: "Server settings",
    audit: "Audit log",
  },
  own: "Yours",
  house: "Administration",
  saved: "Saved",
  profileHint: "Everybody on this server sees this, at once.",
  name: "Name to show",
  nameHint: (username: string) => `Empty for your user name. People mention you as @${username}.`,
  nameBad: "At most 40 characters, none of them invisible.",
  nameTaken: "Somebody else has this as user name. Choose another one.",
  nameReserved: form.nameReserved,
  picture: "Picture",
  pictures: { none: "Initials", libravatar: "Libravatar", link: "Address" },
  pictureNoneHint: "Two letters of your name, in a colour that is yours.",
  pictureLibravatarHint: "The picture that libravatar.org has for your e-mail address. Whoever guesses your address can check it by the picture.",
  pictureLinkHint: "The server that has the picture learns who looks at it.",
  pictureLink: "Address of the picture",
  pictureLinkBad: "An address that begins with https, at most 500 characters.",
  save: "Save",
  email: "E-mail",
  emailNow: (email: string) => `Your address is ${email}.`,
  emailUnconfirmed: "It is not confirmed yet.",
  emailPending: (email: string) => `${email} waits for the link in the mail we sent there.`,
  emailNew: "New e-mail",
  emailSave: "Change e-mail",
  emailSent: "A mail is on its way. The new address counts when you open the link in it.",
  emailDone: "Your address is changed.",
  emailSame: "This is your address already.",
  resend: "Send the mail again",
  resent: "A mail is on its way.",
  password: "Password",
  passwordHint: "Another password signs you out everywhere else.",
  passwordNow: "Present password",
  passwordNew: "New password",
  passwordSave: "Change password",
  passwordDone: "Your password is changed. You are signed out everywhere else.",
  passwordWrong: "This is not your password.",
  end: "Delete account",
  endHint: "Your name, address and picture go. What you wrote stays, by a deleted account. There is no way back.",
  endOpen: "Delete my account",
  endTitle: (username: string) => `Delete ${username} for good`,
  keep: "Keep it",
  devicesHint: "Whatever is open there ends at once, a talk too.",
  here: "This one",
  signOutThere: "Sign out",
  signOutThereOf: (device: string) => `Sign out of ${device}`,
  signOutEverywhere: "Sign out everywhere, here too",
  usedNow: "in use now",
} as const;

export const notices = {
  hint: "They hold for this device. What you are seen as, and what you hear of each channel, holds on all of them.",
  desktop: "Pop-ups",
  desktopHint: "They show who mentions you while this page is not in front of you, and go when you have read it elsewhere.",
  desktopOn: "Show pop-ups",
  ask: "Allow pop-ups",
  asking: "Your browser asks you now.",
  denied: "Your browser blocks pop-ups from this page. Allow them at the symbol beside the address, then come back here.",
  unsupported: "This browser shows no pop-ups here. They need a secure address (https), and on some phones an app.",
  sounds: "Sounds",
  cues: { mention: "When somebody mentions you", message: "For messages in channels of which you hear everything" },
  volume: "Loudness",
  volumeOf: (percent: number) => `${percent} %`,
  tryIt: "Play it",
  undisturbed: "You are not to be disturbed: there is neither sound nor pop-up until you choose another status in the menu.",
} as const;

/** What somebody would call a device, out of what it says of itself. */
export function device(kind: string, name: string): string {
  if (kind !== "browser") return name;
  const browsers: [RegExp, string][] = [
    [/\bEdgA?\//u, "Edge"],
    [/\bOPR\//u, "Opera"],
    [/\bFirefox\/|\bFxiOS\//u, "Firefox"],
    [/\bSamsungBrowser\//u, "Samsung Internet"],
    [/\bElectron\//u, "The desktop client"],
    [/\bChrom(?:e|ium)\/|\bCriOS\/|\bHeadlessChrome\//u, "Chrome"],
    [/\bSafari\//u, "Safari"],
  ];
  const systems: [RegExp, string][] = [
    [/\bAndroid\b/u, "Android"],
    [/\biPhone\b/u, "an iPhone"],
    [/\biPad\b/u, "an iPad"],
    [/\bWindows\b/u, "Windows"],
    [/\bMac OS X\b/u, "a Mac"],
    [/\bCrOS\b/u, "a Chromebook"],
    [/\bLinux\b/u, "Linux"],
  ];
  const find = (all: [RegExp, string][]) => all.find(([pattern]) => pattern.test(name))?.[1];
  const browser = find(browsers);
  if (browser === undefined) return "Another browser";
  const system = find(systems);
  return system === undefined ? browser : `${browser} on ${system}`;
}

/** "used 14:12", "used yesterday 14:12", "used 3 May 2026" */
export function lastUsed(at: number, now: number): string {
  // The server knows it to ten minutes.
  if (now - at < 10 * 60_000) return settings.usedNow;
  if (dayKey(at) === dayKey(now)) return `used ${time(at)}`;
  const yesterday = new Date(now);
  yesterday.setDate(yesterday.getDate() - 1);
  if (dayKey(at) === dayKey(yesterday.getTime())) return `used yesterday ${time(at)}`;
  return `used ${dateAnyYear.format(at)}`;
}
