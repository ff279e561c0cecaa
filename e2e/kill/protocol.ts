import type { ExpectedEnd } from './end-judge.js';
import type { Verdict, WatchOptions } from './cell-watch.js';
import type { ClientReport } from './client-session.js';
import type { Observed } from './observed-target.js';

/** A place in the course of a rotation at which a fault can happen, as the worker that passes it names it. */
export interface Point {
  /** `set`, `probe new`, `step promote` … */
  readonly effect: string;
  /** Before the effect, or after it and before the journal knows. Of a transaction: before or after its commit. */
  readonly when: 'before' | 'after';
  /** How often this effect was begun in this process, from 1. */
  readonly occurrence: number;
}

export const pointKey = ({ effect, when, occurrence }: Point): string => `${effect}#${occurrence}/${when}`;

/** The database and files of one cell, as a worker process needs them. */
export interface CellHome {
  readonly database: {
    readonly host: string;
    readonly port: number;
    readonly database: string;
    readonly password: string;
  };
  /** The kind of its target. */
  readonly kind: string;
  /** Folder of key file and mark. */
  readonly folder: string;
  readonly tapFile: string;
  /** Where events go; null: nowhere. */
  readonly sidecar: SidecarHome | null;
}

/** The Dapr sidecar that a worker publishes through. */
export interface SidecarHome {
  readonly url: string;
  readonly apiToken: string;
  readonly topicPrefix: string;
}

export type ToWorker =
  /** Host the rotation service on this home; stand still at these points, by key. */
  | {
      readonly do: 'host';
      readonly home: CellHome;
      readonly stopAt: readonly string[];
      /** The only process of its installation: it waits for no lease of one before it. */
      readonly isOnly: boolean;
    }
  /** Go on from this point, or from wherever it stands. */
  | { readonly do: 'go'; readonly at: string | null; readonly toNext: boolean }
  /** Close the service and be free for another cell. */
  | { readonly do: 'leave' };

export type FromWorker =
  | { readonly is: 'warm' }
  | { readonly is: 'hosting'; readonly url: string }
  | { readonly is: 'passed' | 'standing'; readonly point: Point }
  | { readonly is: 'left' }
  | { readonly is: 'broken'; readonly message: string };

export type ToOracle =
  | { readonly do: 'watch'; readonly cell: string; readonly options: WatchOptions }
  | { readonly do: 'look'; readonly cell: string }
  | { readonly do: 'conclude'; readonly cell: string; readonly expected: ExpectedEnd };

export type FromOracle =
  | { readonly is: 'warm' }
  | { readonly is: 'watching' | 'looked'; readonly cell: string }
  /** Our records say that the rotation is over. */
  | { readonly is: 'settled'; readonly cell: string; readonly atMs: number }
  | { readonly is: 'concluded'; readonly cell: string; readonly verdict: Verdict }
  | { readonly is: 'broken'; readonly message: string };

export type ToClient =
  | {
      readonly do: 'begin';
      readonly cell: string;
      readonly service: string;
      readonly target: Observed;
      readonly isInPlace: boolean;
      readonly survivor: string | null;
    }
  /** Where the service answers from now on; null: nowhere. */
  | { readonly do: 'turn-to'; readonly cell: string; readonly url: string | null }
  | { readonly do: 'end'; readonly cell: string };

export type FromClient =
  | { readonly is: 'warm' }
  | { readonly is: 'working'; readonly cell: string }
  | { readonly is: 'ended'; readonly cell: string; readonly report: ClientReport }
  | { readonly is: 'broken'; readonly message: string };
