/** What a tool does to the world: eight classes in order of severity, and what stands before each. */

import { z } from "zod";

/** From harmless to grave. `draft` is seen by nobody outside; `write` changes what is; from `publish` on strangers notice. */
export const ACTION_CLASSES = ["read", "draft", "write", "publish", "send", "spend", "delete", "admin"] as const;
export const actionClass = z.enum(ACTION_CLASSES);
export type ActionClass = z.infer<typeof actionClass>;

/** `auto`: done at once. `ask`: a person approves exactly this. `deny`: never, whoever asks. */
export const PERMISSIONS = ["auto", "ask", "deny"] as const;
export const permission = z.enum(PERMISSIONS);
export type Permission = z.infer<typeof permission>;
export type Policy = Readonly<Record<ActionClass, Permission>>;

export const DEFAULT_POLICY: Policy = {
  read: "auto",
  draft: "auto",
  write: "ask",
  publish: "ask",
  send: "ask",
  spend: "ask",
  delete: "deny",
  admin: "deny",
};

/** No configuration makes these happen unasked: each single one has a person's yes. */
export const ALWAYS_ASKED: readonly ActionClass[] = ["send", "spend", "delete", "admin"];

export function severity(of: ActionClass): number {
  return ACTION_CLASSES.indexOf(of);
}

export function mostSevere(first: ActionClass, ...rest: readonly ActionClass[]): ActionClass {
  return rest.reduce((worst, next) => (severity(next) > severity(worst) ? next : worst), first);
}

/** The stricter of two: deny before ask before auto. */
export function stricter(a: Permission, b: Permission): Permission {
  return PERMISSIONS.indexOf(a) > PERMISSIONS.indexOf(b) ? a : b;
}

/**
 * What stands before an action of this class. Whatever the policy says, what is always asked is asked; and a run that has
 * read something from outside does nothing above `draft` unasked.
 */
export function permissionFor(of: ActionClass, policy: Policy, tainted: boolean): Permission {
  const asked = ALWAYS_ASKED.includes(of) || (tainted && severity(of) > severity("draft"));
  return stricter(policy[of], asked ? "ask" : "auto");
}
