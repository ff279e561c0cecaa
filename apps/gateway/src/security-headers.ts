import helmet from 'helmet';

/** For every answer, errors before routing included. Nothing here is to be framed, guessed or run. */
export const securityHeaders = helmet({
  contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
  // The embedded way of running speaks plain HTTP on loopback; who puts TLS before it says so there.
  strictTransportSecurity: false,
  crossOriginResourcePolicy: { policy: 'same-origin' },
});
