import { Locator, Page } from '@playwright/test';

/** The tab with what takes room. */
export class SpaceTab {
  constructor(page: Page) {
    this.tab = page.getByRole('tab', { name: 'Images & space' });
    this.panel = page.getByRole('tabpanel', { name: 'Images & space' });
    this.table = this.panel.getByRole('table', { name: 'What is stored' });
    this.meters = this.panel.getByRole('meter');
    this.question = page.getByRole('dialog');
  }

  readonly tab: Locator;
  readonly panel: Locator;
  readonly table: Locator;
  /** The bars of the disks. */
  readonly meters: Locator;
  /** What is asked before something goes. */
  readonly question: Locator;

  /** The line of something that is stored, by a part of what it says. */
  row(text: string | RegExp): Locator {
    return this.table
      .locator('.jp-ContainerKernels-spaceRow')
      .filter({ hasText: text });
  }

  /** The line above things of a kind. */
  group(name: string): Locator {
    return this.table
      .locator('.jp-ContainerKernels-spaceHead')
      .filter({ hasText: name });
  }
}
