// The slider over the steps, and a button that takes them one after another.

import { button, div, ended, h, on } from "../../core/dom";

const PACE = 500; // milliseconds a step

export class Player {
  readonly el = div("dn-player");
  #slider = h("input", { type: "range", min: 0, step: 1, "aria-label": "steps taken" });
  #play: HTMLButtonElement;
  #output = h("output");
  #clock = 0;
  #now = 0;
  #last = 0;
  #go: (step: number) => void;

  constructor(go: (step: number) => void, signal: AbortSignal) {
    this.#go = go;
    this.#play = button("▶", "Play the run (Space)", () => this.toggle());
    on(
      this.#slider,
      "input",
      () => {
        this.stop();
        go(Number(this.#slider.value));
      },
      signal,
    );
    ended(signal, () => clearInterval(this.#clock));
    this.el.append(this.#play, this.#slider, this.#output);
  }

  update(step: number, steps: number): void {
    this.#now = step;
    this.#last = steps;
    this.#slider.max = String(steps);
    this.#slider.value = String(step);
    this.#output.textContent = `${step} of ${steps} steps`;
  }

  get playing(): boolean {
    return this.#clock !== 0;
  }

  /** Play from here, from the beginning where the run is over; or stop. */
  toggle(): void {
    if (this.playing) {
      this.stop();
      return;
    }
    this.#go(this.#now >= this.#last ? 0 : this.#now + 1);
    this.#clock = window.setInterval(() => {
      if (this.#now < this.#last) this.#go(this.#now + 1);
      if (this.#now >= this.#last) this.stop();
    }, PACE);
    this.#name("❚❚", "Stop (Space)");
  }

  stop(): void {
    clearInterval(this.#clock);
    this.#clock = 0;
    this.#name("▶", "Play the run (Space)");
  }

  #name(text: string, title: string): void {
    this.#play.textContent = text;
    this.#play.title = title;
    this.#play.setAttribute("aria-label", title);
  }
}
