/** By what people name a service: its environment, and its name there. */
export interface Place {
  readonly environment: string;
  readonly service: string;
}
