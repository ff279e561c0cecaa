/** Why the server cannot be had, and what to do: it becomes a DomainError where it is reported. */
export class Failure extends Error {
  constructor(code, message, remedy) {
    super(message);
    this.code = code;
    this.remedy = remedy;
  }
}
