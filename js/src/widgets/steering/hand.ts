// The reader's hand on the sliders: what it holds before Python takes it, and how to go back.

import { ended, onFrame } from "../../core/dom";
import type { Page } from "../../core/page";
import { rangeOf, type Strengths, type TargetInfo, type ViewInfo } from "./data";

const REST = 250; // milliseconds after the last move

export class Hand {
  /** The target that moves, or moved last. */
  touched: string | null = null;
  #page: Page<ViewInfo>;
  #held: Strengths | null = null;
  #timer = 0;
  #undo: Strengths | null = null;
  #offs: Strengths = {};
  #saved: Strengths;
  #redraw: () => void;

  constructor(page: Page<ViewInfo>) {
    this.#page = page;
    this.#saved = { ...page.get<Strengths>("strengths") };
    this.#redraw = onFrame(page.signal, () => page.update());
    ended(page.signal, () => clearTimeout(this.#timer));
  }

  get moving(): boolean {
    return this.#held !== null;
  }

  get strengths(): Strengths {
    return this.#held ?? this.#page.get<Strengths>("strengths");
  }

  target(name: string): TargetInfo {
    return this.#page.info.targets.find((one) => one.name === name)!;
  }

  modeOf(name: string): string {
    return this.#page.get<Record<string, string>>("modes")[name] ?? this.target(name).modes[0]!;
  }

  neutralOf(name: string): number | null {
    return rangeOf(this.target(name), this.modeOf(name)).neutral;
  }

  /** Let go: what Python or another act has set counts. */
  drop(): void {
    this.#held = null;
    clearTimeout(this.#timer);
  }

  /** What Python gave back for what is held. */
  correct(applied: [string, number][]): void {
    this.#held = { ...this.strengths, ...Object.fromEntries(applied) };
  }

  touch(name: string): void {
    this.touched = name;
    if (this.#page.get("target") !== name) this.#page.choose({ target: name });
  }

  move(name: string, value: number | null): void {
    const { grid } = this.#page.info;
    this.touched = name;
    // On a saved page that holds no combinations, the other sliders go back to where they were saved.
    this.#held = { ...(grid && !grid.product ? this.#saved : this.strengths), [name]: value };
    this.#undo = null;
    this.rest();
    // Of the moves between two frames only the last is asked about.
    this.#redraw();
  }

  /** A moment after its last move the hand rests; then Python takes the strengths, and the texts follow. */
  rest(): void {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.commit(), REST);
  }

  commit(): void {
    const strengths = this.#held;
    this.drop();
    if (strengths) this.#page.choose({ strengths });
  }

  set(name: string, value: number | null): void {
    this.move(name, value);
    this.commit();
  }

  toggle(name: string): void {
    const now = this.strengths[name] ?? null;
    if (now !== null) this.#offs[name] = now;
    this.set(name, now === null ? (this.#offs[name] ?? this.neutralOf(name) ?? 0) : null);
  }

  mode(name: string, mode: string): void {
    const modes = { ...this.#page.get<Record<string, string>>("modes"), [name]: mode };
    const strengths = { ...this.strengths, [name]: rangeOf(this.target(name), mode).neutral };
    this.drop();
    delete this.#offs[name];
    this.#page.choose({ modes, strengths, target: name });
  }

  /** Everything neutral; again, as it was. */
  release(): void {
    const now = this.strengths;
    const names = this.#page.info.targets.map(({ name }) => name);
    const neutral = Object.fromEntries(names.map((name) => [name, this.neutralOf(name)]));
    const active = names.some((name) => (now[name] ?? neutral[name]) !== neutral[name]);
    const back = active ? neutral : this.#undo;
    if (!back) return;
    this.#undo = active ? { ...now } : null;
    this.drop();
    this.#page.choose({ strengths: back });
  }

  /** The name of the target before or after the chosen one. */
  beside(by: number): string | undefined {
    const names = this.#page.info.targets.map(({ name }) => name);
    const at = names.indexOf(this.#page.get<string | null>("target") ?? "");
    return names[(at + by + names.length) % names.length];
  }
}
