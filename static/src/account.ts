/**
 * The plain HTTP requests about one's own account and, for admins, about those of others, for the pages that are loaded when somebody wants them.
 *
 * Must not know: what is done with the answers.
 */
import { call } from "./api";
import type {
  Account,
  AskForMail,
  ChangeEmail,
  ChangePassword,
  CreateUser,
  People,
  Profile,
  ResetLink,
  ResetPassword,
  Role,
  Sessions,
  User,
  UserId,
} from "./protocol";

export const account = {
  show: () => call<Account>("GET", "/api/account"),
  setProfile: (form: Profile) => call<User>("PUT", "/api/account/profile", form),
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
  list: (after: string) => call<People>("GET", after === "" ? "/api/users" : `/api/users?after=${after}`),
  create: (form: CreateUser) => call<User>("POST", "/api/users", form),
  setRole: (user: UserId, role: Role) => call<User>("PUT", `/api/users/${user}/role`, { role }),
  setAccess: (user: UserId, disabled: boolean) => call<User>("PUT", `/api/users/${user}/access`, { disabled }),
  resetLink: (user: UserId) => call<ResetLink>("POST", `/api/users/${user}/reset-link`),
};
