import { expect, measured, test } from '../fixtures';
import { imageFile } from '../jupyter';
import { Lab } from '../panel';

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

test(
  'tiles come and go within a second of the file system, in every page',
  { tag: '@measured' },
  async ({ lab, context, jupyter }) => {
    test.setTimeout(240_000);
    const other = new Lab(await context.newPage(), jupyter);
    await other.open('other-page');
    const image = await imageFile();
    const publications = jupyter.watch();
    const names = ['First', 'Second', 'Third'];
    const coming: number[] = [];
    const going: number[] = [];
    for (const name of names) {
      const slug = await jupyter.addKernel({ image, display_name: name });
      for (const each of [lab, other]) {
        await expect(each.tile(name)).toBeVisible();
        coming.push(
          (await each.tileTime('came', name)) - publications.time('came', slug)
        );
      }
    }
    await lab.page.bringToFront(); // behind another page it is drawn too seldom to be clicked
    await lab.openPanel();
    for (const name of names) {
      await lab.panel.row(name).press('Delete');
      await lab.deleteDialog.deleteButton.click();
      await expect(lab.tile(name)).toHaveCount(0);
      going.push(
        (await lab.tileTime('went', name)) -
          publications.time('went', name.toLowerCase())
      );
    }
    coming.forEach(time => measured('publish to tile', time, 'ms'));
    going.forEach(time => measured('unpublish to no tile', time, 'ms'));
    // One may be late on a busy machine.
    expect(median(coming)).toBeLessThan(1000);
    expect(median(going)).toBeLessThan(1000);
    publications.close();
  }
);

test('a tab that was hidden while a kernel was published has its tile when it is seen again', async ({
  lab,
  page,
  jupyter
}) => {
  const show = (isVisible: boolean) =>
    page.evaluate(visible => {
      Object.defineProperty(document, 'hidden', {
        configurable: true,
        get: () => !visible
      });
      Object.defineProperty(document, 'visibilityState', {
        configurable: true,
        get: () => (visible ? 'visible' : 'hidden')
      });
      document.dispatchEvent(new Event('visibilitychange'));
    }, isVisible);

  const image = await imageFile();
  const { id } = await jupyter.add({ image, display_name: 'Unseen' });
  await expect(lab.statusItem).toContainText('Unseen');
  await show(false);
  expect((await jupyter.ended(id)).state).toBe('done');
  const seen = Date.now();
  await show(true);
  await expect(lab.tile('Unseen')).toBeVisible();
  expect((await lab.tileTime('came', 'Unseen')) - seen).toBeLessThan(1000);
  await expect(lab.toast('Unseen is ready.')).toBeVisible();
});
