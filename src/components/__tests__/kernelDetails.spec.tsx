import { nullTranslator } from '@jupyterlab/translation';
import { render, screen } from '@testing-library/react';
import React from 'react';

import type { IKernelImage } from '../../api/types';
import { aKernel } from '../../testing/samples';
import type { IKernelActions } from '../kernelRow';
import { KernelDetails } from '../kernelDetails';

const trans = nullTranslator.load('');

function show(image: Partial<IKernelImage>): void {
  const sample = aKernel();
  render(
    <KernelDetails
      trans={trans}
      kernel={{ ...sample, image: { ...sample.image, ...image } }}
      details={null}
      problem={null}
      now={0}
      isBusy={false}
      actions={{} as IKernelActions}
      onClose={jest.fn()}
      onCopy={jest.fn()}
    />
  );
}

/** What stands of the image, by its names. */
function facts(): Record<string, string | null | undefined> {
  const heading = screen.getByRole('heading', { name: 'Image' });
  const names = [...heading.parentElement!.querySelectorAll('dt')];
  return Object.fromEntries(
    names.map(each => [each.textContent, each.nextElementSibling?.textContent])
  );
}

describe('the details of a kernel', () => {
  it('name the file of its image, and its size', () => {
    show({ path: '/images/a.sif', size_bytes: 8_100_000_000 });
    expect(facts()).toMatchObject({ File: '/images/a.sif', Size: '8.1 GB' });
  });

  it('name the folder of an image that lies unpacked, which has no known size', () => {
    const path = '/cvmfs/unpacked.cern.ch/docker.io/library/python:3.12';
    show({ path, size_bytes: null, stored: false, unpacked: true });
    expect(facts()).toMatchObject({
      'Image folder': path,
      Kept: 'where you keep it'
    });
    expect(Object.keys(facts())).not.toContain('Size');
    expect(Object.keys(facts())).not.toContain('File');
  });
});
