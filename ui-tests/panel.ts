import { expect, Locator, Page } from '@playwright/test';

import type { Jupyter } from './jupyter';

/** When tiles came into the Launcher's part of the DOM, and when they went. */
interface ITileTimes {
  came: Record<string, number>;
  went: Record<string, number>;
}

declare global {
  interface Window {
    containerKernelsTiles?: ITileTimes;
  }
}

/** JupyterLab in a page of the browser, as a user sees and works it. */
export class Lab {
  constructor(
    readonly page: Page,
    readonly jupyter: Pick<Jupyter, 'url' | 'token'>
  ) {
    this.addDialog = new AddDialog(page);
    this.panel = new Panel(page);
  }

  readonly addDialog: AddDialog;
  readonly panel: Panel;

  /**
   * Opens JupyterLab.
   *
   * @param workspace - What is open is kept by this name; a new one begins
   * with a Launcher.
   */
  async open(workspace: string): Promise<void> {
    await this.page.addInitScript(watchTiles);
    await this.page.goto(
      `${this.jupyter.url}lab/workspaces/${workspace}?token=${this.jupyter.token}`
    );
    await this.ready();
  }

  /** Loads the page again. */
  async reload(): Promise<void> {
    await this.page.reload();
    await this.ready();
  }

  /** Waits until JupyterLab has drawn itself and put back what was open. */
  async ready(): Promise<void> {
    // A Launcher comes when there is nothing to put back, and that is the last
    // that JupyterLab does.
    await expect(
      this.page.getByRole('main').getByRole('tab').first()
    ).toBeVisible({ timeout: 60_000 });
    await expect(this.page.locator('#jupyterlab-splash')).toHaveCount(0);
  }

  /** A tile of the Launcher, by the words on it. */
  tile(name: string): Locator {
    return this.page
      .locator('.jp-LauncherCard[data-category="Notebook"]')
      .filter({ has: this.page.getByText(name, { exact: true }) });
  }

  /** The item in the status bar that tells of tasks. */
  get statusItem(): Locator {
    return this.page
      .locator('#jp-main-statusbar')
      .getByTitle('Show the container kernels');
  }

  /** A toast, by a part of its text. */
  toast(text: string | RegExp): Locator {
    return this.page.locator('.Toastify__toast').filter({ hasText: text });
  }

  /** The dialog that asks whether to delete. */
  get deleteDialog(): DeleteDialog {
    return new DeleteDialog(this.page);
  }

  /** A tab of the main area, by its title. */
  tab(title: string | RegExp): Locator {
    return this.page.getByRole('main').getByRole('tab', { name: title });
  }

  /** Clicks through the menu bar. */
  async menu(...labels: string[]): Promise<void> {
    const [top, ...rest] = labels;
    const bar = this.page.getByRole('menubar').first();
    // A menu that is opened before all extensions are there lacks their items.
    await expect(async () => {
      await this.page.keyboard.press('Escape');
      await bar.getByRole('menuitem', { name: top, exact: true }).click();
      for (const [index, label] of rest.entries()) {
        const item = this.page
          .locator('.lm-Menu-item')
          .filter({
            has: this.page.locator('.lm-Menu-itemLabel', {
              hasText: new RegExp(`^${label}$`)
            })
          })
          .last();
        await (index < rest.length - 1
          ? item.hover({ timeout: 2000 })
          : item.click({ timeout: 2000 }));
      }
    }).toPass({ timeout: 60_000 });
  }

  /** Runs a command by the palette. */
  async command(label: string): Promise<void> {
    const palette = this.page.locator('.jp-ModalCommandPalette');
    const search = palette.getByPlaceholder('SEARCH');
    await expect(async () => {
      await this.page.keyboard.press('Control+Shift+C');
      await expect(search).toBeVisible({ timeout: 1000 });
    }).toPass();
    await search.fill(label);
    await palette
      .getByRole('menuitem')
      .filter({ has: this.page.getByText(label, { exact: true }) })
      .first()
      .click();
    await expect(search).toBeHidden();
  }

  /** Opens one more Launcher. */
  async openLauncher(): Promise<void> {
    const open = this.tab('Launcher');
    const create = this.page
      .getByRole('main')
      .getByRole('button', { name: 'New Launcher' });
    await ((await open.count()) > 0 ? open : create).first().click();
    await expect(this.tile('Add container kernel').last()).toBeVisible();
  }

  /** Opens the panel. */
  async openPanel(): Promise<void> {
    await this.menu('View', 'Container Kernels');
    await expect(this.panel.region).toBeVisible();
  }

  /** The notebook in front. */
  get notebook(): Notebook {
    return new Notebook(this.page);
  }

  /** When a tile came or went, in milliseconds since the epoch. */
  async tileTime(event: 'came' | 'went', name: string): Promise<number> {
    const time = await this.page.evaluate(
      ([which, label]) =>
        window.containerKernelsTiles?.[which as 'came' | 'went'][label],
      [event, name]
    );
    if (time === undefined) {
      throw new Error(`The tile “${name}” never ${event}`);
    }
    return time;
  }
}

/** Runs in the page, before anything else: notes when tiles come and go. */
function watchTiles(): void {
  const times: ITileTimes = { came: {}, went: {} };
  window.containerKernelsTiles = times;
  let known = new Set<string>();
  new MutationObserver(() => {
    const now = new Set(
      Array.from(
        document.querySelectorAll(
          '.jp-LauncherCard[data-category="Notebook"] .jp-LauncherCard-label p'
        ),
        label => label.textContent ?? ''
      )
    );
    for (const name of now) {
      if (!known.has(name)) {
        times.came[name] = Date.now();
      }
    }
    for (const name of known) {
      if (!now.has(name)) {
        times.went[name] = Date.now();
      }
    }
    known = now;
  }).observe(document, { childList: true, subtree: true });
}

/** The dialog that adds a kernel. */
export class AddDialog {
  constructor(private _page: Page) {
    this.dialog = _page.getByRole('dialog', { name: 'Add container kernel' });
    this.image = this.dialog.getByLabel('Image', { exact: true });
    this.answer = this.dialog.getByRole('status', { name: 'About the image' });
    this.name = this.dialog.getByLabel('Name', { exact: true });
    this.kernelName = this.dialog.getByLabel('Kernel name');
    this.python = this.dialog.getByLabel('Python found in the image');
    this.environment = this.dialog.getByLabel('Environment');
    this.isolation = this.dialog.getByRole('checkbox', {
      name: /^Keep packages and settings/
    });
    this.more = this.dialog.locator('summary', { hasText: 'More' });
    this.tile = this.dialog.getByRole('img', {
      name: /The tile as it will look/
    });
    this.addButton = this.dialog.getByRole('button', { name: 'Add kernel' });
    this.cancelButton = this.dialog.getByRole('button', { name: 'Cancel' });
    this.chooseButton = this.dialog.getByRole('button', {
      name: 'Choose file…'
    });
    this.problems = this.dialog.getByRole('alert');
  }

  readonly dialog: Locator;
  readonly image: Locator;
  /** What is said of the image. */
  readonly answer: Locator;
  readonly name: Locator;
  readonly kernelName: Locator;
  /** A list where the image was looked into, else a field. */
  readonly python: Locator;
  readonly environment: Locator;
  readonly isolation: Locator;
  readonly more: Locator;
  readonly tile: Locator;
  readonly addButton: Locator;
  readonly cancelButton: Locator;
  readonly chooseButton: Locator;
  /** What is wrong with fields. */
  readonly problems: Locator;

  /** A choice of the GPU. */
  gpu(choice: RegExp): Locator {
    return this.dialog.getByRole('radio', { name: choice });
  }

  /** Pastes into the image field, as if from another program. */
  async paste(text: string): Promise<void> {
    await this.image.focus();
    await this._page.evaluate(pasted => {
      const data = new DataTransfer();
      data.setData('text/plain', pasted);
      document.activeElement?.dispatchEvent(
        new ClipboardEvent('paste', {
          clipboardData: data,
          bubbles: true,
          cancelable: true
        })
      );
    }, text);
  }
}

/** The dialog that deletes a kernel. */
export class DeleteDialog {
  constructor(page: Page) {
    this.dialog = page.getByRole('dialog', { name: /^Delete / });
    this.going = this.dialog.getByRole('list', { name: 'Goes' });
    this.staying = this.dialog.getByRole('list', { name: 'Stays' });
    this.shutDown = this.dialog.getByRole('checkbox', { name: /Shut/ });
    this.purge = this.dialog.getByLabel('Remove at once, not into the trash');
    this.deleteButton = this.dialog.getByRole('button', { name: /^Delete,/ });
    this.cancelButton = this.dialog.getByRole('button', { name: 'Cancel' });
  }

  readonly dialog: Locator;
  readonly going: Locator;
  readonly staying: Locator;
  readonly shutDown: Locator;
  readonly purge: Locator;
  readonly deleteButton: Locator;
  readonly cancelButton: Locator;
}

/** The panel with kernels and tasks. */
export class Panel {
  constructor(page: Page) {
    this.region = page.getByRole('region', {
      name: 'Container Kernels',
      exact: true
    });
    this.toolbar = page.getByRole('toolbar', {
      name: 'Container kernels toolbar'
    });
    this.addButton = this.toolbar.getByRole('button', {
      name: /container kernel/
    });
    this.filter = this.toolbar.getByRole('searchbox', {
      name: 'Filter kernels'
    });
    this.refreshButton = this.toolbar.getByRole('button', { name: 'Refresh' });
    this.table = this.region.getByRole('grid', { name: 'Container kernels' });
    this.rows = this.table.locator('[data-slug]');
    this.tasks = this.region
      .getByRole('list', { name: 'Tasks' })
      .locator(':scope > li');
  }

  readonly region: Locator;
  readonly toolbar: Locator;
  readonly addButton: Locator;
  readonly filter: Locator;
  readonly refreshButton: Locator;
  readonly table: Locator;
  /** The rows of kernels. */
  readonly rows: Locator;
  /** The rows of tasks. */
  readonly tasks: Locator;

  /** The row of a kernel, by its display name. */
  row(name: string): Locator {
    return this.table
      .getByRole('row')
      .filter({ has: this.region.page().getByText(name, { exact: true }) });
  }

  /** The row of a task, by what it says to those who do not see it. */
  task(label: string | RegExp): Locator {
    return this.region.getByRole('listitem', { name: label });
  }

  /** What is said of a kernel's start, by its first line. */
  card(title: string | RegExp): Locator {
    return this.region.getByRole('region', { name: title });
  }

  /** A line that holds for the whole panel. */
  banner(text: string | RegExp): Locator {
    return this.region.getByRole('group', { name: text });
  }
}

/** The notebook in front. */
export class Notebook {
  constructor(private _page: Page) {
    this.widget = _page.locator('.jp-NotebookPanel:not(.lm-mod-hidden)');
    this.kernelName = this.widget.locator('.jp-KernelName');
    this.idle = _page.getByRole('button', { name: /\| Idle$/ });
  }

  readonly widget: Locator;
  readonly kernelName: Locator;
  /** The status bar says that the kernel waits. */
  readonly idle: Locator;

  /** Types code into the last cell and runs it. */
  async run(code: string): Promise<void> {
    // JupyterLab drops a cell that is run before the kernel is connected.
    await expect(this.idle).toBeVisible({ timeout: 60_000 });
    const cell = this.widget.locator('.jp-CodeCell').last();
    await cell.getByRole('textbox').click();
    await this._page.keyboard.insertText(code);
    await this._page.keyboard.press('Shift+Enter');
  }

  /** What cells wrote. */
  get outputs(): Locator {
    return this.widget.locator('.jp-OutputArea-output');
  }
}
