// The host of a static page: every widget's state and recorded answers stand in a JSON script element.

import type { Model, WidgetModule } from "../core/host";

type Callback = (...args: unknown[]) => void;

/** A model with no kernel: traits live in the page, recorded answers come with `_answers`. */
export class StaticModel implements Model {
  readonly isStatic = true;
  #listeners = new Map<string, Set<Callback>>();
  #state: Record<string, unknown>;

  constructor(state: Record<string, unknown>) {
    this.#state = state;
  }

  get(name: string): unknown {
    return this.#state[name];
  }

  set(name: string, value: unknown): void {
    if (this.#state[name] === value) return;
    this.#state[name] = value;
    for (const callback of this.#listeners.get(`change:${name}`) ?? []) callback(this, value);
  }

  save_changes(): void {}

  send(): void {
    throw new Error("a static page has no Python to ask");
  }

  on(event: string, callback: Callback): void {
    this.#listeners.set(event, (this.#listeners.get(event) ?? new Set()).add(callback));
  }

  off(event: string, callback: Callback): void {
    this.#listeners.get(event)?.delete(callback);
  }
}

export default function start(modules: Record<string, WidgetModule>): void {
  for (const script of document.querySelectorAll<HTMLScriptElement>("script[data-for]")) {
    const el = document.getElementById(script.dataset.for ?? "");
    const { name, state } = JSON.parse(script.textContent ?? "{}") as {
      name: string;
      state: Record<string, unknown>;
    };
    if (el) modules[name]?.render({ model: new StaticModel(state), el });
  }
}
