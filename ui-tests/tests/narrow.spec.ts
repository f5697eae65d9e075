import { expect, test } from '../fixtures';
import { imageFile } from '../jupyter';

test('what tells kernels apart can be read in a narrow window, too', async ({
  lab,
  jupyter,
  page
}) => {
  const { panel } = lab;
  const slug = await jupyter.addKernel({
    image: await imageFile(),
    display_name: 'Original'
  });
  jupyter.invent(slug, [
    {
      name: 'PyTorch 2.9.1',
      image: 'pytorch/pytorch:2.9.1-cuda12.6-cudnn9-runtime',
      bytes: 3.3e9,
      gpu: 'on',
      version: '3.12.3',
      ageHours: 1
    }
  ]);
  await lab.openPanel();
  const image = panel.row('PyTorch 2.9.1').getByRole('gridcell').nth(1);
  await expect(image).toContainText(
    'pytorch/pytorch:2.9.1-cuda12.6-cudnn9-runtime'
  );

  await page.keyboard.press('Control+B'); // the file browser
  for (const width of [1440, 1200, 1000, 820, 480]) {
    await test.step(`a tag in a window of ${width} pixels`, async () => {
      await page.setViewportSize({ width, height: 700 });
      const end = image.getByText('-runtime', { exact: true });
      await expect(end).toBeInViewport({ ratio: 0.99 });
      const [cell, box] = [await image.boundingBox(), await end.boundingBox()];
      expect(box?.x).toBeGreaterThan(cell?.x ?? 0);
      expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(
        (cell?.x ?? 0) + (cell?.width ?? 0)
      );
    });
  }

  await test.step('the button below a log', async () => {
    await panel.row('Original').focus();
    await panel
      .row('Original')
      .getByRole('button', { name: 'More actions' })
      .click();
    await page.getByRole('menuitem', { name: 'Log of the last start' }).click();
    const copy = page.getByRole('button', { name: 'Copy log' });
    const lines = () => copy.evaluate(node => {
      const range = document.createRange();
      range.selectNodeContents(node);
      return range.getClientRects().length;
    });
    expect(await lines()).toBe(1);
  });
});
