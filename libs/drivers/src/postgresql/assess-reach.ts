import type { Finding } from '@dsops/contracts/rotation/api';
import { warning } from '../kit/findings.js';
import { quote } from './answers.js';
import type { Picture } from './picture.js';

/** The administrator should change logins, and reach nothing of what they may do. */
export function assessReach({ admin, reach }: Picture): Finding[] {
  const direct = reach.filter(({ isDirect }) => isDirect);
  // What is reached through those ends with them.
  return (direct.length > 0 ? direct : reach).map(({ role, inherits, isDirect, hasOptions }) => {
    const [name, group] = [quote(admin.username), quote(role)];
    const stop = hasOptions
      ? `GRANT ${group} TO ${name} WITH INHERIT FALSE, SET FALSE;`
      : `REVOKE ${group} FROM ${name};`;
    return warning(
      'admin-reach',
      inherits
        ? `The admin ${admin.username} has all that ${role} may do, so it can read and drop data of the application.`
        : `The admin ${admin.username} may act as ${role}, so it can read and drop data of the application.`,
      isDirect
        ? `Run ${stop} as who granted it (\\drg in psql names that role).`
        : `Find the role between them (\\drg in psql), and revoke it from ${name}.`,
    );
  });
}
