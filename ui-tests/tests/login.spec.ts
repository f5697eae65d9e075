import { expect, test } from '../fixtures';
import { registry } from '../jupyter';

test('the dialog completes tags, and logs in where a registry asks for it, and no password is ever shown', async ({
  lab,
  page
}) => {
  const { addDialog } = lab;
  const { dialog } = addDialog;
  await lab.tile('Add container kernel').click();

  await test.step('a tag is completed', async () => {
    await addDialog.image.fill(`${registry()}/demo/python:`);
    await expect(addDialog.image).toHaveRole('combobox');
    const option = dialog.locator('datalist option').first();
    await expect(option).toHaveAttribute('value', /\/demo\/python:\w+$/);
  });

  const private_ = process.env.CK_TEST_PRIVATE_REGISTRY ?? '';
  const password = process.env.CK_TEST_PRIVATE_PASSWORD ?? '';
  const login = dialog.getByRole('group', { name: `Log in to ${private_}` });

  await test.step('a password is asked for beside the reason', async () => {
    await addDialog.image.fill(`${private_}/test/private:1`);
    await expect(addDialog.answer).toContainText('does not let strangers read');
    await dialog.getByRole('button', { name: 'Log in…' }).click();
    await expect(login.getByLabel('User name')).toBeFocused();
    await page.keyboard.type(process.env.CK_TEST_PRIVATE_USER ?? '');
    await page.keyboard.press('Tab');
    await page.keyboard.type('a-wrong-secret');
    await page.keyboard.press('Enter');
    await expect(login.getByRole('alert')).toContainText('does not take');
    // Toasts are in the body, too.
    await expect(page.locator('body')).not.toContainText('a-wrong-secret');
    await expect(dialog).toBeVisible();
  });

  await test.step('the image is known once it is right', async () => {
    await login.getByLabel('Password or access token').fill(password);
    await login.getByRole('button', { name: 'Log in' }).click();
    await expect(addDialog.answer).toContainText('to download');
    await expect(dialog).toContainText('Asked as tester.');
    expect(await page.content()).not.toContain(password);
  });

  await test.step('and asked for again after a logout', async () => {
    await dialog.getByRole('button', { name: 'Log out' }).click();
    await expect(addDialog.answer).toContainText('does not let strangers read');
    expect(await page.content()).not.toContain(password);
  });
});
