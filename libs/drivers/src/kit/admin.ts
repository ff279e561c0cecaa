import type { Administration, Login } from '../driver.js';

/** The administrator of a kind whose declaration demands one. */
export function adminOf({ admin }: Pick<Administration<unknown>, 'admin'>): Login {
  if (admin === null) throw new TypeError('The declaration of this kind demands an administrator.');
  return admin;
}
