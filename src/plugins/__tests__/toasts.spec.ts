import { Notification } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';

import { ApiError, ConnectionLostError } from '../../api/request';
import { complain, reasonText } from '../toasts';

const trans = nullTranslator.load('jupyterlab_container_kernels');
const refusal = new ApiError('not_ours', 'It is not yours.', 'Ask.', 403);

describe('what is said of an error', () => {
  it('is what it says itself, when the server part refused', () => {
    expect(said(refusal)).toBe('It is not yours. Ask.');
  });

  it('begins with what could not be done, of any other', () => {
    expect(said(new Error('Chunk 7 is gone.'))).toBe(
      'The log cannot be read. Chunk 7 is gone.'
    );
    expect(said('odd')).toBe('The log cannot be read. odd');
    expect(said(undefined)).toBe('The log cannot be read. undefined');
  });

  it('names no technical reason when nobody answered', () => {
    expect(said(new ConnectionLostError('Failed to fetch'))).toBe(
      'The log cannot be read. The Jupyter server does not answer. Try again in a moment.'
    );
  });

  it('names one of several things of which each can fail', () => {
    expect(reasonText('A was not removed.', refusal, trans)).toBe(
      'A was not removed. It is not yours. Ask.'
    );
  });
});

function said(error: unknown): string {
  const told: string[] = [];
  const spy = jest.spyOn(Notification, 'error').mockImplementation(message => {
    told.push(message);
    return '';
  });
  complain(error, 'The log cannot be read.', trans);
  spy.mockRestore();
  return told.join('\n');
}
