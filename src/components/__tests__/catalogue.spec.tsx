import { nullTranslator } from '@jupyterlab/translation';
import { act, fireEvent, render, screen, within } from '@testing-library/react';
import React from 'react';

import { ApiError } from '../../api/request';
import { AddForm } from '../../model/addForm';
import {
  aResolution,
  aSite,
  aSiteImage,
  someInfo
} from '../../testing/samples';
import { AddFormView } from '../addFormView';
import { CatalogueCards } from '../catalogueCards';
import { SiteRules } from '../siteRules';
import { SupportLine } from '../supportLine';

const trans = nullTranslator.load('');

const support = { text: 'Ask us.', link: 'https://hpc.example.org' };

function aForm(add?: jest.Mock): AddForm {
  const form = new AddForm({
    trans,
    resolve: add ?? jest.fn(async () => aResolution()),
    inspect: jest.fn(),
    listTags: jest.fn(async () => ({ tags: [], complete: true })),
    logIn: jest.fn(),
    logOut: jest.fn(),
    takenSlugs: []
  });
  form.info = someInfo({
    site: aSite({ catalogue: [aSiteImage()], support, registries: ['ghcr.io'] })
  });
  render(<AddFormView trans={trans} form={form} />);
  return form;
}

function field(name: RegExp | string): HTMLInputElement {
  return screen.getByRole<HTMLInputElement>('textbox', { name });
}

describe('the images of a site', () => {
  it('are drawn with what tells them apart, and can be chosen', () => {
    const onChoose = jest.fn();
    render(
      <CatalogueCards
        trans={trans}
        images={[aSiteImage()]}
        onChoose={onChoose}
      />
    );
    const list = screen.getByRole('list', { name: 'Images of your site' });
    const card = within(list).getByRole('button');
    expect(card.textContent).toContain('PyTorch 2.9.1');
    expect(card.textContent).toContain('Python · GPU · pytorch/pytorch:2.9.1');
    fireEvent.click(card);
    expect(onChoose).toHaveBeenCalledWith(aSiteImage());
  });

  it('leave no empty list', () => {
    render(<CatalogueCards trans={trans} images={[]} onChoose={jest.fn()} />);
    expect(screen.queryByRole('list')).toBeNull();
  });

  it('are the first choices of the form, which one of them fills', () => {
    const form = aForm();
    fireEvent.click(screen.getByRole('button', { name: /PyTorch 2\.9\.1/ }));
    expect(form.request).toMatchObject({
      image: aSiteImage().image,
      display_name: 'PyTorch 2.9.1',
      gpu: 'on'
    });
    expect(
      screen.queryByRole('list', { name: 'Images of your site' })
    ).toBeNull();
    // another image has another name
    fireEvent.change(screen.getByRole('combobox', { name: 'Image' }), {
      target: { value: 'debian:12' }
    });
    expect(form.values.displayName).not.toBe('PyTorch 2.9.1');
  });

  it('do not take the place of a name that was typed', () => {
    const form = aForm();
    fireEvent.change(field('Name'), { target: { value: 'Mine' } });
    fireEvent.click(screen.getByRole('button', { name: /PyTorch 2\.9\.1/ }));
    expect(form.request.display_name).toBe('Mine');
  });
});

describe('what a site allows', () => {
  it('is said before something is typed', () => {
    aForm();
    expect(
      screen.getByText('Your site allows images from ghcr.io.')
    ).toBeTruthy();
  });

  it('is said in full', () => {
    const site = aSite({
      registries: [],
      files: ['/a'],
      digest_required: true
    });
    const { container } = render(<SiteRules trans={trans} site={site} />);
    expect(container.textContent).toBe(
      'Your site allows no registries. Image files have to lie in /a. Images are to be named by their digest (@sha256:…).'
    );
  });

  it('is not said where all is', () => {
    const { container } = render(<SiteRules trans={trans} site={aSite()} />);
    expect(container.textContent).toBe('');
  });

  it('is refused at the image, when it is not', async () => {
    const form = aForm();
    fireEvent.change(screen.getByRole('combobox', { name: 'Image' }), {
      target: { value: 'debian:12' }
    });
    await act(() =>
      form.submit(async () => {
        throw new ApiError('not_allowed', 'Not here.', 'Ask us.', 403);
      })
    );
    expect(form.problem('image')?.message).toBe('Not here.');
  });
});

describe('whom to ask', () => {
  it('is told with a link that opens beside the page', () => {
    render(<SupportLine trans={trans} support={support} />);
    const link = screen.getByRole<HTMLAnchorElement>('link', {
      name: 'Get help'
    });
    expect(link.href).toBe('https://hpc.example.org/');
    expect(link.rel).toBe('noopener noreferrer');
  });

  it('is not told where nobody is named', () => {
    const { container } = render(<SupportLine trans={trans} support={null} />);
    expect(container.innerHTML).toBe('');
  });
});
