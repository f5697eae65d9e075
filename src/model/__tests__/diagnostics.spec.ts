import { ConnectionLostError } from '../../api/request';
import type { IDiagnostics, IFinding } from '../../api/types';
import { byUrgency, DiagnosticsReader } from '../diagnostics';

const FOUND = { findings: [] } as unknown as IDiagnostics;

describe('diagnostics', () => {
  it('are asked for once at a time', async () => {
    let answer: (found: IDiagnostics) => void = () => undefined;
    const ask = jest.fn(
      () =>
        new Promise<IDiagnostics>(resolve => {
          answer = resolve;
        })
    );
    const reader = new DiagnosticsReader(ask);
    const first = reader.read();
    const second = reader.read();
    expect(reader.isReading).toBe(true);
    answer(FOUND);
    await Promise.all([first, second]);
    expect(ask).toHaveBeenCalledTimes(1);
    expect(reader.isReading).toBe(false);
    expect(reader.value).toBe(FOUND);
    reader.dispose();
  });

  it('keep what was read when the server does not answer any more', async () => {
    const ask = jest.fn(async () => FOUND);
    const reader = new DiagnosticsReader(ask);
    await reader.read();
    ask.mockRejectedValueOnce(new ConnectionLostError('502'));
    await reader.read();
    expect(reader.value).toBe(FOUND);
    expect(reader.problem).not.toBeNull();
    expect(reader.isReading).toBe(false);
    await reader.read();
    expect(reader.problem).toBeNull();
    reader.dispose();
  });

  it('stand with what needs attention first, else as they came', () => {
    const finding = (title: string, state: IFinding['state']): IFinding => ({
      area: 'node',
      title,
      state,
      found: '',
      meaning: '',
      action: ''
    });
    const came = [
      finding('a', 'ok'),
      finding('b', 'unknown'),
      finding('c', 'problem'),
      finding('d', 'ok'),
      finding('e', 'warning'),
      finding('f', 'problem')
    ];
    const before = [...came];
    expect(byUrgency(came).map(({ title }) => title)).toEqual([
      'c',
      'f',
      'e',
      'b',
      'a',
      'd'
    ]);
    expect(came).toEqual(before);
  });
});
