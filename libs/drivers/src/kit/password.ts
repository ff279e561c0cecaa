import { randomInt } from 'node:crypto';
import { Secret } from '@dsops/kernel';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** 40 characters out of 62 carry 238 bits. Letters and digits alone need no quoting in URLs, shells, YAML or .pgpass. */
const LENGTH = 40;

/** A new password from the system's cryptographic source; every character is equally likely. */
export const generatePassword = (): Secret =>
  new Secret(Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join(''));
