/**
 * What the three forms at the door share: checking before sending, and saying what is wrong where it is.
 */
import { tick } from "svelte";
import { ApiError } from "../api";
import type { ErrorCode } from "../protocol";
import { form as words, refusal } from "../words/account";

/** Where an error is shown; `form` is below all fields. */
export type Place = "username" | "email" | "login" | "password" | "new_password" | "display_name" | "avatar" | "relays" | "secret" | "form";

/** Which field a refusal belongs to, and in which words if not the usual ones. */
export type Places = Partial<Record<ErrorCode | "unreachable", { place: Place; text?: string }>>;

const PLACES: Places = {
  name_taken: { place: "username" },
  email_taken: { place: "email" },
  wrong_password: { place: "password" },
};

export class FormState {
  errors = $state<Partial<Record<Place, string>>>({});
  busy = $state(false);

  /** Sends with `send` unless `found` names a fault; the focus goes to the first field with one. */
  async submit(
    element: HTMLFormElement,
    found: Partial<Record<Place, string>>,
    send: () => Promise<void>,
    places: Places = PLACES,
  ) {
    if (this.busy) return;
    this.errors = found;
    if (Object.keys(found).length === 0) {
      this.busy = true;
      try {
        await send();
      } catch (error) {
        const code = error instanceof ApiError ? error.code : "internal";
        const at = places[code];
        this.errors = { [at?.place ?? "form"]: at?.text ?? refusal(code) };
      } finally {
        this.busy = false;
      }
    }
    if (Object.keys(this.errors).length === 0) return;
    await tick();
    element.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }
}

/** Words that mean many people or the house, and the names of deleted accounts; the server has the same. */
export function isReserved(name: string): boolean {
  return /^(?:admin|all|channel|everyone|here|me|server|system|deleted-.*)$/iu.test(name);
}

/** The server checks again; here it only saves the way. */
export function faultsOfAccount(username: string, email: string, password: string): Partial<Record<Place, string>> {
  const faults: Partial<Record<Place, string>> = {};
  if (!/^[A-Za-z0-9_-]{2,40}$/u.test(username)) faults.username = words.nameBad;
  else if (isReserved(username)) faults.username = words.nameReserved;
  const address = faultOfEmail(email);
  if (address !== null) faults.email = address;
  const secret = faultOfPassword(password);
  if (secret !== null) faults.password = secret;
  return faults;
}

export function faultOfEmail(email: string): string | null {
  return /^\S+@\S+$/u.test(email) ? null : words.emailBad;
}

export function faultOfPassword(password: string): string | null {
  const length = [...password].length;
  if (length < 12) return words.passwordShort;
  return length > 72 ? words.passwordLong : null;
}
