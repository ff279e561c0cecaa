/** What the host of the rotation service is told, on its standard input's side of the channel. */
export interface HostRequest {
  readonly database: {
    readonly host: string;
    readonly port: number;
    readonly database: string;
    readonly password: string;
  };
  readonly folder: string;
  readonly concurrency: number;
}

export type ToHost = { readonly host: HostRequest } | { readonly stop: true };

export type FromHost =
  | { readonly is: 'ready' }
  | { readonly is: 'hosting'; readonly url: string; readonly token: string }
  | { readonly is: 'broken'; readonly message: string };
