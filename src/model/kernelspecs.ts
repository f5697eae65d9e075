import type { KernelSpec } from '@jupyterlab/services';
import { IDisposable } from '@lumino/disposable';

/** How long one refresh may take before another is tried, in milliseconds. */
const PATIENCE = 2_000;

/** The gaps between tries, in milliseconds, while the page is visible. */
const GAPS = [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000];

/** What is needed of JupyterLab's list of kernelspecs. */
export type ISpecs = Pick<
  KernelSpec.IManager,
  'refreshSpecs' | 'specs' | 'specsChanged'
>;

/**
 * Makes JupyterLab see at once that a kernel came or went.
 *
 * `refreshSpecs()` can silently do nothing: in a hidden page, while another
 * refresh is in flight, or when its request fails. So this looks whether the
 * kernel is there (or gone), tries again with growing gaps, and again when the
 * page becomes visible.
 */
export class KernelspecWatcher implements IDisposable {
  /** @param specs - JupyterLab's list. */
  constructor(specs: ISpecs) {
    this._specs = specs;
    this._specs.specsChanged.connect(this._settle, this);
    document.addEventListener('visibilitychange', this._onVisibility);
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Whether all that was expected has been seen. */
  get isSettled(): boolean {
    return this._expected.size === 0;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._specs.specsChanged.disconnect(this._settle, this);
    document.removeEventListener('visibilitychange', this._onVisibility);
    this._wake?.();
  }

  /**
   * Refresh until a kernel is listed, or no longer.
   *
   * @param slug - The kernel's name.
   * @param present - Whether it is to be there.
   * @param displayName - What it is to be called then; left out, anything.
   */
  expect(slug: string, present: boolean, displayName?: string): void {
    this._expected.set(slug, { present, displayName });
    this._begin();
  }

  /** Refresh once, without knowing what to expect. */
  async nudge(): Promise<void> {
    await this._refresh();
  }

  /** Begin with the shortest gap, whether or not tries are under way. */
  private _begin(): void {
    this._tries = 0;
    if (this._isTrying) {
      this._wake?.();
      return;
    }
    this._isTrying = true;
    void this._try().finally(() => {
      this._isTrying = false;
    });
  }

  private async _try(): Promise<void> {
    while (!this._isDisposed && this._expected.size > 0) {
      await this._refresh();
      this._settle();
      if (
        this._expected.size === 0 ||
        document.hidden ||
        this._tries >= GAPS.length
      ) {
        return; // the page becoming visible begins anew
      }
      await this._pause(GAPS[this._tries++]);
    }
  }

  /** Waits, but not when there is a reason to go on at once. */
  private async _pause(milliseconds: number): Promise<void> {
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, milliseconds);
      this._wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this._wake = null;
  }

  private async _refresh(): Promise<void> {
    // Looking whether the kernel is there tells all that matters.
    const refreshed = this._specs.refreshSpecs().catch(() => undefined);
    const paused = this._pause(PATIENCE);
    void refreshed.then(() => this._wake?.());
    await paused;
  }

  private _settle(): void {
    const specs = this._specs.specs?.kernelspecs;
    if (!specs) {
      return;
    }
    for (const [slug, { present, displayName }] of this._expected) {
      const isNamed =
        displayName === undefined || specs[slug]?.display_name === displayName;
      if (slug in specs === present && (!present || isNamed)) {
        this._expected.delete(slug);
      }
    }
  }

  private _onVisibility = (): void => {
    if (!document.hidden && this._expected.size > 0) {
      this._begin();
    }
  };

  private _specs: ISpecs;
  private _expected = new Map<
    string,
    { present: boolean; displayName: string | undefined }
  >();
  private _tries = 0;
  private _isTrying = false;
  private _wake: (() => void) | null = null;
  private _isDisposed = false;
}
