/**
 * Ctrl-C while a proof runs: it is said, `stop` ends what runs, and the process ends with 130, as a shell expects it.
 * What is under way fails as its servers go; nobody is told about that any more.
 */
export class Interruption {
  private readonly controller = new AbortController();

  constructor(stop: () => Promise<unknown>) {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(name, () => {
        if (this.isHere) return;
        this.controller.abort();
        process.stderr.write('interrupted; stopping …\n');
        for (const failure of ['uncaughtException', 'unhandledRejection']) process.on(failure, () => undefined);
        void stop().finally(() => process.exit(130));
      });
  }

  /** Nothing new is begun once it is aborted. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get isHere(): boolean {
    return this.controller.signal.aborted;
  }

  /** Goes on unless it was interrupted: then nothing comes after this, until the process has ended. */
  async orElse(): Promise<void> {
    if (this.isHere) await new Promise(() => undefined);
  }
}
