import { expect, measured, test } from '../fixtures';
import { imageFile } from '../jupyter';

const COUNT = 200;

/** All rows, those that are not drawn and the head, too. */
const ALL = String(COUNT + 1);

test('two hundred kernels are shown fast, filtered, and worked by keys', async ({
  lab,
  page,
  jupyter
}) => {
  const { panel } = lab;
  const slug = await jupyter.addKernel({
    image: await imageFile(),
    display_name: 'Original'
  });
  await lab.openPanel();
  await expect(panel.row('Original')).toBeVisible();
  jupyter.copies(slug, COUNT - 1);

  await test.step('shown', async () => {
    const start = Date.now();
    await panel.refreshButton.click();
    await expect(panel.table).toHaveAttribute('aria-rowcount', ALL);
    const time = Date.now() - start;
    measured('two hundred kernels shown', time, 'ms');
    expect(time).toBeLessThan(3000);
  });

  await test.step('filtered', async () => {
    await panel.filter.fill('bioc 002');
    await expect(panel.rows).toHaveCount(1);
    await expect(panel.row('Bioconductor 002')).toBeVisible();
    await panel.filter.fill('nothing like it');
    await expect(panel.region).toContainText(
      'No kernel matches “nothing like it”.'
    );
    await panel.filter.fill('');
    await expect(panel.table).toHaveAttribute('aria-rowcount', ALL);
  });

  await test.step('arrows move, the page does not jump', async () => {
    await panel.rows.first().focus();
    await page.keyboard.press('ArrowDown');
    await expect(panel.rows.nth(1)).toBeFocused();
    await page.keyboard.press('End');
    await expect(panel.rows.last()).toBeFocused();
    await expect(panel.rows.last()).toBeInViewport();
    await page.keyboard.press('Home');
    await expect(panel.rows.first()).toBeFocused();
    await page.keyboard.press('ArrowUp');
    await expect(panel.rows.first()).toBeFocused();
  });

  await test.step('Delete asks, and Escape leaves the kernel', async () => {
    const name = 'Bioconductor 002';
    await panel.filter.fill(name);
    await panel.row(name).focus();
    await page.keyboard.press('Delete');
    await expect(lab.deleteDialog.dialog).toContainText(name);
    // 199 others use the image: it stays, and that is said
    await expect(lab.deleteDialog.staying).toContainText('The image');
    await page.keyboard.press('Escape');
    await expect(lab.deleteDialog.dialog).toHaveCount(0);
    await expect(panel.row(name)).toBeVisible();
  });

  await test.step('Enter starts a notebook', async () => {
    await panel.filter.fill('Original');
    await panel.row('Original').focus();
    await page.keyboard.press('Enter');
    await expect(lab.notebook.kernelName).toHaveText('Original');
    await lab.tab('Container Kernels').click();
    await panel.filter.fill('');
  });

  await test.step('a panel of 420 pixels does not scroll sideways', async () => {
    await page.setViewportSize({ width: 420, height: 800 });
    await page.keyboard.press('Control+B'); // without the file browser
    await expect(panel.table).toHaveAttribute('aria-rowcount', ALL);
    const overflow = await panel.region.evaluate(region => {
      const wide: string[] = [];
      for (
        let node: Element | null = region;
        node && !node.matches('#main');
        node = node.parentElement
      ) {
        if (node.scrollWidth > node.clientWidth + 1) {
          wide.push(`${node.className}: ${node.scrollWidth}`);
        }
      }
      return wide;
    });
    expect(overflow).toEqual([]);
  });
});
