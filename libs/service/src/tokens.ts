/** What every service can have injected. */

/** The service's own Prisma client. */
export const DATABASE = Symbol('Database');
export const CLOCK = Symbol('Clock');
export const LOGGER = Symbol('Logger');
/** A Secret: what services state when they call each other. */
export const TOKEN = Symbol('Token');
