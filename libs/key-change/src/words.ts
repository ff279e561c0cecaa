import type { KeyChange, Progress } from './change-master-key.js';

const counted = new Intl.NumberFormat('en');

const PHASES: Record<Progress['phase'], string> = {
  check: 'Opened with the present key',
  seal: 'Sealed with the new key',
  prove: 'Opened with the new key',
};

/** `Sealed with the new key: 1,200 of 4,000` */
export const progressLine = ({ phase, done, total }: Progress): string =>
  `${PHASES[phase]}: ${counted.format(done)} of ${counted.format(total)}`;

/** What a person has to know after it. */
export function describeOutcome({ keyId, values, former, setAside }: KeyChange, keyFile: string): string[] {
  return [
    `The master key is now ${keyId}. Values sealed with it: ${counted.format(values)}.`,
    `Back up ${keyFile} now, apart from the data: without it nobody can open them.`,
    ...(former === null
      ? []
      : [
          `The former key is kept as ${former}. Backups of the database that were made before now need it: delete it once there are none.`,
        ]),
    ...(setAside === null
      ? []
      : [
          `There was a key that this database knows nothing of. It was not used, and is now ${setAside}: delete it unless another copy of the database needs it.`,
        ]),
  ];
}
