/**
 * What the three forms at the door share: checking before sending, and saying what is wrong where it is.
 */
import { tick } from "svelte";
import { ApiError } from "../api";
import type { ErrorCode } from "../protocol";
import { form as words, refusal } from "../words";

/** Where an error is shown; `form` is below all fields. */
export type Place = "username" | "email" | "login" | "password" | "form";

const PLACES: Partial<Record<ErrorCode | "unreachable", Place>> = {
  name_taken: "username",
  email_taken: "email",
  wrong_password: "password",
};

export class FormState {
  errors = $state<Partial<Record<Place, string>>>({});
  busy = $state(false);

  /** Sends with `send` unless `found` names a fault; the focus goes to the first field with one. */
  async submit(element: HTMLFormElement, found: Partial<Record<Place, string>>, send: () => Promise<void>) {
    if (this.busy) return;
    this.errors = found;
    if (Object.keys(found).length === 0) {
      this.busy = true;
      try {
        await send();
      } catch (error) {
        const code = error instanceof ApiError ? error.code : "internal";
        this.errors = { [PLACES[code] ?? "form"]: refusal(code) };
      } finally {
        this.busy = false;
      }
    }
    if (Object.keys(this.errors).length === 0) return;
    await tick();
    element.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }
}

/** The server checks again; here it only saves the way. */
export function faultsOfAccount(username: string, email: string, password: string): Partial<Record<Place, string>> {
  const faults: Partial<Record<Place, string>> = {};
  if (!/^[\p{L}\p{N}_-]{2,40}$/u.test(username)) faults.username = words.nameBad;
  if (!/^\S+@\S+$/u.test(email)) faults.email = words.emailBad;
  const length = [...password].length;
  if (length < 12) faults.password = words.passwordShort;
  else if (length > 72) faults.password = words.passwordLong;
  return faults;
}
