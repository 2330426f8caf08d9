// What the page of every widget has: one abort signal, requests, a frame, colour scales, and traits it follows.

import { Answers } from "./answers";
import { makeScale, type Scale } from "./colour";
import { on } from "./dom";
import { Frame } from "./frame";
import { listen, type Model, type RenderContext, type WidgetModule } from "./host";
import { Requests } from "./requests";
import { type Drawing, toSvg } from "./save";

type Name = Parameters<Frame["colour"]>[0];

export interface PageOptions {
  styles: string;
  /** What `?` lists: the key or gesture, and what it does. */
  keys: readonly (readonly [string, string])[];
  /** Traits that change the picture, besides those that every widget has. */
  traits: readonly string[];
}

/** `Info` is what the widget's `_view` holds. */
export abstract class Page<Info = unknown> {
  readonly model: Model;
  readonly requests: Requests;
  readonly answers: Answers;
  readonly frame: Frame;
  /** Known once the page's theme has been measured; nothing is drawn before. */
  scales!: { plain: Scale; signed: Scale };
  #stop = new AbortController();
  #started = false;

  /** A subclass builds its parts in its constructor and calls `start` at the end. */
  constructor({ model, el }: RenderContext, { styles, keys, traits }: PageOptions) {
    this.model = model;
    const { signal } = this;
    this.requests = new Requests(model, signal);
    this.answers = new Answers(
      this.requests,
      () => this.update(),
      (error) => this.frame.fail(error),
    );
    this.frame = new Frame({
      ...{ model, el, signal, requests: this.requests, styles, keys },
      drawing: () => this.drawing(),
      themed: (theme, bg) => {
        this.scales = { plain: makeScale(theme, bg, false), signed: makeScale(theme, bg, true) };
        this.update();
      },
    });
    for (const trait of [...traits, "title", "_view"]) {
      listen(model, `change:${trait}`, signal, () => {
        this.#anew();
        this.changed(trait);
        this.update();
      });
    }
    on(this.frame.root, "keydown", (event) => this.#key(event), signal);
    listen(model, "msg:custom", signal, (message: { type?: string; id?: number }) => {
      if (message.type !== "draw") return;
      const svg = toSvg(this.drawing(), this.frame.colour("bg"), this.frame.fonts);
      model.send({ type: "drawn", id: message.id, svg });
    });
  }

  /** Everything registered ends with this signal. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  start(): void {
    this.#started = true;
    this.update();
  }

  dispose(): void {
    this.#stop.abort();
  }

  #key(event: KeyboardEvent): void {
    const target = event.composedPath()[0] as Element;
    // A field and a menu have keys of their own, and so has the browser.
    if (/^(SELECT|INPUT|TEXTAREA)$/.test(target.tagName) || event.ctrlKey || event.metaKey || event.altKey)
      return;
    const act = this.acts(event)[event.key];
    if (!act) return;
    // The notebook has keys of its own too ("a" adds a cell): what is meant for the widget stays in it.
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  get info(): Info {
    return this.get<Info>("_view");
  }

  get<T>(name: string): T {
    return this.model.get(name) as T;
  }

  /** Set traits as one act of the reader. */
  choose(values: Record<string, unknown>): void {
    for (const [name, value] of Object.entries(values)) this.model.set(name, value);
    this.settle();
    this.model.save_changes();
    this.#anew();
    this.update();
  }

  /** After an act of the reader a failure is forgotten, and what failed is asked for again. */
  #anew(): void {
    this.frame.fail(null);
    this.answers.retry();
  }

  /** Draw again; safe to call at any time. */
  update(): void {
    if (!this.#started || !this.scales || this.signal.aborted) return;
    this.frame.setTitle(this.get("title"));
    this.draw();
  }

  /** The theme's colours, for drawing. */
  get colours() {
    const names = "ink quiet line accent pin bg".split(" ") as Name[];
    return Object.fromEntries(names.map((name) => [name, this.frame.colour(name)])) as Record<Name, string>;
  }

  /** A trait was set from outside, before the picture is drawn again. */
  changed(_trait: string): void {}

  /** Bring traits that depend on others back into their range, before they are sent. */
  settle(): void {}

  /** What each key does now; a key without an act is left to the notebook. */
  abstract acts(event: KeyboardEvent): Record<string, (() => void) | false>;
  abstract draw(): void;
  abstract drawing(): Drawing;
}

/** The module of a widget. */
export function widget(make: (context: RenderContext) => Page): WidgetModule {
  return {
    render(context) {
      const page = make(context);
      return () => page.dispose();
    },
  };
}
