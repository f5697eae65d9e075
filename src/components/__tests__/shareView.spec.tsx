import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen } from '@testing-library/react';
import React from 'react';

import type { ISharePlan } from '../../api/types';
import { IShareViewProps, ShareView } from '../shareView';

const trans = nullTranslator.load('jupyterlab_container_kernels');

const plan: ISharePlan = {
  directory: '/project/lab/jupyter',
  readers: 'lab',
  items: [
    { what: 'image', path: '/home/u/a.sif', size_bytes: 3e9, copied: true },
    { what: 'packages', path: '/home/u/p', size_bytes: 1e9, copied: false }
  ],
  left_out: ['HF_TOKEN'],
  remarks: ['Members of lab could put another folder in its place.'],
  line: 'echo x >> ~/.jupyter/y'
};

function show(change: Partial<IShareViewProps> = {}): IShareViewProps {
  const props: IShareViewProps = {
    trans,
    directory: plan.directory,
    plan,
    problem: null,
    suspects: plan.left_out,
    handedOn: new Set(),
    onDirectory: jest.fn(),
    onHandOn: jest.fn(),
    onCopy: jest.fn(),
    ...change
  };
  render(<ShareView {...props} />);
  return props;
}

describe('ShareView', () => {
  it('says who can use the kernel, what is copied and what they type', () => {
    const props = show();
    expect(screen.getByRole('status').textContent).toContain('group lab');
    expect(screen.getByText('Copied to the folder, 3.0 GB')).toBeTruthy();
    expect(screen.getByText(plan.remarks[0])).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Copy line' }));
    expect(props.onCopy).toHaveBeenCalledWith(plan.line);
  });

  it('speaks of no copies where nothing is copied', () => {
    show({ plan: { ...plan, items: plan.items.slice(1) } });
    expect(screen.queryByText(/^Copied/)).toBeNull();
  });

  it('hands on what looks like a password only when that is ticked', () => {
    const props = show();
    fireEvent.click(screen.getByLabelText('Hand on HF_TOKEN all the same'));
    expect(props.onHandOn).toHaveBeenCalledWith('HF_TOKEN', true);
  });

  it('says why a folder will not do', () => {
    show({ plan: null, problem: { message: 'It is a link.', hint: 'Other.' } });
    expect(screen.getByRole('alert').textContent).toBe('It is a link. Other.');
    expect(screen.getByLabelText('Folder').getAttribute('aria-invalid')).toBe(
      'true'
    );
  });
});
