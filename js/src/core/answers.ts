// Answers as a drawing wants them: what is here now; what is not is asked for once, and drawn when it comes.

import { keyOf, NotRecorded, type Requests, Superseded } from "./requests";

export interface Wanting {
  /** Requests of one lane replace each other while they wait; each method has its own unless told. */
  lane?: string;
  /** What a saved page did not record is then no failure. */
  optional?: boolean;
}

export class Answers {
  #asked = new Set<string>();
  #requests: Requests;
  #arrived: () => void;
  #failed: (error: unknown) => void;

  constructor(requests: Requests, arrived: () => void, failed: (error: unknown) => void) {
    this.#requests = requests;
    this.#arrived = arrived;
    this.#failed = failed;
  }

  /** The answer if it is here. A drawing may want it a hundred times: it is asked for once. */
  wanted<T>(
    method: string,
    params: Record<string, unknown>,
    { lane = method, optional = false }: Wanting = {},
  ): T | undefined {
    const known = this.#requests.peek<T>(method, params);
    const key = keyOf(method, params);
    if (known !== undefined || this.#asked.has(key)) return known;
    this.#asked.add(key);
    this.#requests.ask<T>(method, params, lane).then(
      () => {
        this.#asked.delete(key);
        this.#arrived();
      },
      (error) => {
        // What a newer question replaced may be asked again; what failed only after an act of the reader.
        if (error instanceof Superseded) this.#asked.delete(key);
        else if (!(optional && error instanceof NotRecorded)) this.#failed(error);
      },
    );
    return undefined;
  }

  /** Let what has failed be asked for again. */
  retry(): void {
    this.#asked.clear();
  }
}
