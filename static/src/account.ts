/**
 * The plain HTTP requests about one's own account and, for admins, about those of others, for the pages that are loaded when somebody wants them.
 *
 * Must not know: what is done with the answers.
 */
import { call } from "./api";
import type {
  Account,
  AskForMail,
  AuditAction,
  AuditPage,
  ChangeEmail,
  ChangePassword,
  CreateUser,
  People,
  Profile,
  RelayTest,
  ResetLink,
  ResetPassword,
  Role,
  ServerSetting,
  ServerSettings,
  Sessions,
  User,
  UserId,
  VoicePreferences,
  Volume,
} from "./protocol";

export const account = {
  show: () => call<Account>("GET", "/api/account"),
  setProfile: (form: Profile) => call<User>("PUT", "/api/account/profile", form),
  setVoice: (form: VoicePreferences) => call<VoicePreferences>("PUT", "/api/account/voice", form),
  setVolume: (user: UserId, percent: number) => call<Volume>("PUT", `/api/account/volumes/${user}`, { percent }),
  changePassword: (form: ChangePassword) => call<void>("PUT", "/api/account/password", form),
  changeEmail: (form: ChangeEmail) => call<void>("PUT", "/api/account/email", form),
  delete: (password: string) => call<void>("POST", "/api/account/deletion", { password }),
  sessions: () => call<Sessions>("GET", "/api/account/sessions"),
  signOutThere: (session: string) => call<void>("DELETE", `/api/account/sessions/${session}`),
  signOutEverywhere: () => call<void>("DELETE", "/api/account/sessions"),
  forgotten: (form: AskForMail) => call<void>("POST", "/api/password/forgotten", form),
  resend: (form: AskForMail) => call<void>("POST", "/api/confirmation/resend", form),
  reset: (form: ResetPassword) => call<void>("POST", "/api/password/reset", form),
  confirm: (token: string) => call<void>("POST", "/api/confirmation", { token }),
};

export const people = {
  /** Those who come after this user name and have `search` in a name or in their address. */
  list: (after: string, search: string) =>
    call<People>("GET", `/api/users?after=${encodeURIComponent(after)}&search=${encodeURIComponent(search)}`),
  delete: (user: UserId) => call<void>("DELETE", `/api/users/${user}`),
  create: (form: CreateUser) => call<User>("POST", "/api/users", form),
  setRole: (user: UserId, role: Role) => call<User>("PUT", `/api/users/${user}/role`, { role }),
  setAccess: (user: UserId, disabled: boolean) => call<User>("PUT", `/api/users/${user}/access`, { disabled }),
  resetLink: (user: UserId) => call<ResetLink>("POST", `/api/users/${user}/reset-link`),
};

export const audit = {
  list: (before: string, actor: string, action: AuditAction | "") =>
    call<AuditPage>("GET", `/api/audit?before=${before}&actor=${actor}&action=${action}`),
};

export const server = {
  show: () => call<ServerSettings>("GET", "/api/settings"),
  change: (settings: ServerSetting[]) => call<ServerSettings>("PUT", "/api/settings", { settings }),
  tryRelays: () => call<RelayTest>("POST", "/api/settings/relay-test"),
};
