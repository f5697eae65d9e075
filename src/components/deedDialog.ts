import { Dialog } from '@jupyterlab/apputils';
import type { Message } from '@lumino/messaging';
import type { Widget } from '@lumino/widgets';

import '../../style/dialogs.css';

/**
 * A dialog that stays until what it asks for was done, so that nothing typed
 * is lost when that fails.
 */
export class DeedDialog extends Dialog<unknown> {
  /**
   * @param options - Title, body, and the words on the buttons.
   */
  constructor(options: DeedDialog.IOptions) {
    super({
      title: options.title,
      body: options.body as Dialog.IOptions<unknown>['body'],
      buttons: [
        Dialog.cancelButton({ label: options.cancelLabel }),
        options.isDangerous
          ? Dialog.warnButton({ label: options.deed })
          : Dialog.okButton({ label: options.deed })
      ],
      defaultButton: 1,
      focusNodeSelector: options.focus
    });
    this._deed = options.onAccept;
    this._focus = options.focus ?? '';
    this.addClass('jp-ContainerKernels-dialog');
    this.node.setAttribute('aria-label', options.title);
    this._button = this.node.querySelector(
      '.jp-Dialog-button.jp-mod-accept'
    ) as HTMLButtonElement;
    this._reason = document.createElement('span');
    this._reason.className = 'jp-ContainerKernels-obstacle';
    this._reason.id = `container-kernels-obstacle-${++DeedDialog._count}`;
    this._reason.setAttribute('role', 'status');
    this._button.setAttribute('aria-describedby', this._reason.id);
    this._cancel = this.node.querySelector(
      '.jp-Dialog-button.jp-mod-reject'
    ) as HTMLButtonElement;
    this.node.querySelector('.jp-Dialog-footer')?.prepend(this._reason);
  }

  /** Whether the deed was done. */
  get isDone(): boolean {
    return this._isDone;
  }

  /**
   * Says what the button does, and why it cannot.
   *
   * @param deed - What the button says.
   * @param obstacle - Why it cannot be pressed, or `null` when it can.
   */
  describe(deed: string, obstacle: string | null): void {
    const label = this._button.querySelector('.jp-Dialog-buttonLabel');
    if (label && label.textContent !== deed) {
      label.textContent = deed;
      label.setAttribute('aria-label', deed);
    }
    this._isBlocked = obstacle !== null;
    // Not `disabled`: that would take the focus away, and with it all keys.
    this._button.setAttribute('aria-disabled', String(this._isBlocked));
    if (this._reason.textContent !== (obstacle ?? '')) {
      this._reason.textContent = obstacle ?? '';
    }
  }

  override resolve(index?: number): void {
    if (index === 0) {
      super.resolve(0);
      return;
    }
    if (this._isBlocked) {
      return;
    }
    void this._deed().then(isDone => {
      if (isDone && !this.isDisposed) {
        this._isDone = true;
        super.resolve(1);
      }
    });
  }

  override handleEvent(event: Event): void {
    if (event.type === 'input') {
      return; // what is wrong with a field is said at the field
    }
    if (event.type === 'keydown' && this._isForBody(event as KeyboardEvent)) {
      return;
    }
    super.handleEvent(event);
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    // The dialog takes the focus when its body is drawn. Until then, keys would
    // go to what lies behind it: Enter would start what is to be deleted.
    if (!this.node.contains(document.activeElement)) {
      this._cancel.focus();
    }
    void this.ready.then(() => this._focusLate());
  }

  /** On a busy page, Lab takes the body for drawn before React has done so. */
  private _focusLate(): void {
    const body = this.node.querySelector('.jp-Dialog-body');
    if (!this._focus || !body || body.hasChildNodes()) {
      return;
    }
    const observer = new MutationObserver(() => {
      observer.disconnect();
      body.querySelector<HTMLElement>(this._focus)?.focus();
    });
    observer.observe(body, { childList: true });
  }

  /** Enter and arrows belong to what has the focus, unless that is a field. */
  private _isForBody(event: KeyboardEvent): boolean {
    const target = event.target as HTMLElement;
    if (!target.closest('.jp-Dialog-body')) {
      return false;
    }
    switch (event.key) {
      case 'Enter':
        return !!target.closest(
          'button, summary, a, textarea, select, [data-own-enter]'
        );
      case 'ArrowLeft':
      case 'ArrowRight':
        return true;
      default:
        return false;
    }
  }

  private _deed: () => Promise<boolean>;
  private _focus: string;
  private _button: HTMLButtonElement;
  private _cancel: HTMLButtonElement;
  private _reason: HTMLElement;
  private _isBlocked = false;
  private _isDone = false;
  private static _count = 0;
}

/** What the dialog is made of. */
export namespace DeedDialog {
  /** What it says and does. */
  export interface IOptions {
    title: string;
    body: Widget;
    /** What the button says. */
    deed: string;
    cancelLabel: string;
    /** Whether the button warns. */
    isDangerous?: boolean;
    /** What gets the focus: a selector in the body. */
    focus?: string;
    /** Does it. Tells whether it was done; if not, the dialog stays. */
    onAccept: () => Promise<boolean>;
  }
}
