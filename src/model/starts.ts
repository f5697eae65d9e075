import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import type { IKernelLog } from '../api/types';
import type { IStartedKernel, IStarts, ITroubledStart } from '../tokens';
import { StartWatch } from './startWatch';

/** A start with which something is wrong, and which attempt it was. */
interface ICard extends ITroubledStart {
  readonly kernelId: string;
  /** Tells attempts of all kernels apart. */
  readonly attempt: string;
}

/**
 * The starts that this page sees, and what is wrong with them: one thing of a
 * kernel, told once an attempt, until a later start works or somebody has
 * seen it. Jupyter starts a dead kernel again up to five times: that is one
 * attempt.
 */
export class Starts implements IStarts, IDisposable {
  /** @param readLog - Reads the log of a kernel's last start. */
  constructor(readLog: (slug: string) => Promise<IKernelLog>) {
    this._readLog = readLog;
  }

  get troubled(): readonly ITroubledStart[] {
    return this._cards;
  }

  get appeared(): ISignal<this, ITroubledStart> {
    return this._appeared;
  }

  get settled(): ISignal<this, string> {
    return this._settled;
  }

  /** `troubled` changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    for (const watch of this._watches.values()) {
      watch.dispose();
    }
    this._watches.clear();
    Signal.clearData(this);
  }

  see(kernel: IStartedKernel): void {
    if (!this._watches.has(kernel.id)) {
      this._watches.set(kernel.id, this._makeWatch(kernel));
    }
    this._watches.get(kernel.id)?.see(kernel.state);
  }

  forget(id: string): void {
    this._watches.get(id)?.dispose();
    this._watches.delete(id);
    // What has failed is still to be mended; what was slow is no more.
    const slow = this._cards.find(
      card => card.kernelId === id && card.kind === 'slow'
    );
    if (slow) {
      this.settle(slow.slug);
    }
  }

  dismiss(slug: string): void {
    const card = this._find(slug);
    if (card) {
      this._dismissed.add(`${card.attempt} ${card.kind}`);
      this.settle(slug);
    }
  }

  /** What was wrong with a kernel was mended, or went with the kernel. */
  settle(slug: string): void {
    if (this._find(slug)) {
      this._cards = this._cards.filter(card => card.slug !== slug);
      this._settled.emit(slug);
      this._changed.emit();
    }
  }

  private _makeWatch(kernel: IStartedKernel): StartWatch {
    const { id, slug, displayName } = kernel;
    return new StartWatch({
      readLog: () => this._readLog(slug),
      onTrouble: (attempt, kind, log) =>
        this._onTrouble({
          slug,
          displayName,
          kind,
          log,
          kernelId: id,
          attempt: `${id} ${attempt}`
        }),
      onAnswer: attempt => this._onAnswer(slug, `${id} ${attempt}`)
    });
  }

  private _onTrouble(card: ICard): boolean {
    const before = this._find(card.slug);
    if (card.kind !== 'slow') {
      const told = this._told.get(card.slug);
      if (
        told &&
        told.attempt !== card.attempt &&
        told.log.start.started === card.log.start.started
      ) {
        return false; // this attempt has not written its own log yet
      }
      this._told.set(card.slug, card);
    }
    if (this._dismissed.has(`${card.attempt} ${card.kind}`)) {
      return true;
    }
    this._cards = [
      card,
      ...this._cards.filter(each => each.slug !== card.slug)
    ];
    this._changed.emit();
    if (before?.attempt !== card.attempt || before.kind !== card.kind) {
      this._appeared.emit(card);
    }
    return true;
  }

  private _onAnswer(slug: string, attempt: string): void {
    const card = this._find(slug);
    if (!card) {
      return;
    }
    // That another kernel of it answers does not make this one quicker; and
    // why one has stopped is to be read though it was started again.
    const settles =
      card.kind === 'failed' ||
      (card.kind === 'slow') === (card.attempt === attempt);
    if (settles) {
      this.settle(slug);
    }
  }

  private _find(slug: string): ICard | undefined {
    return this._cards.find(card => card.slug === slug);
  }

  private _readLog: (slug: string) => Promise<IKernelLog>;
  private _watches = new Map<string, StartWatch>();
  private _cards: readonly ICard[] = [];
  private _told = new Map<string, ICard>();
  private _dismissed = new Set<string>();
  private _appeared = new Signal<this, ITroubledStart>(this);
  private _settled = new Signal<this, string>(this);
  private _changed = new Signal<this, void>(this);
  private _isDisposed = false;
}
