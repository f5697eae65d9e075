import { nullTranslator } from '@jupyterlab/translation';

import {
  checkEnvironment,
  formatEnvironment,
  readEnvironment
} from '../environment';
import { checkInterpreter } from '../validation';

const trans = nullTranslator.load('');

describe('variables', () => {
  it.each([
    ['A=1', { A: '1' }],
    // blank lines and line ends of Windows are none of their business
    ['A=1\r\n\n  \nB=2', { A: '1', B: '2' }],
    // values are literal
    ['A= "x" $HOME # y', { A: ' "x" $HOME # y' }],
    ['A=b=c', { A: 'b=c' }],
    ['  A =', { A: '' }],
    ['_a9=x', { _a9: 'x' }],
    // only these very names belong to the runtime
    [
      'PATHS=1\nMY_APPTAINER=1\nhome=1',
      { PATHS: '1', MY_APPTAINER: '1', home: '1' }
    ]
  ])('%j are read', (typed, environment) => {
    expect(checkEnvironment(typed, trans)).toBeUndefined();
    expect(readEnvironment(typed)).toEqual(environment);
    expect(readEnvironment(formatEnvironment(environment))).toEqual(
      environment
    );
  });

  it.each([
    ['A', 'Write A=value.'],
    ['9A=1', 'letters, digits'],
    ['A B=1', 'letters, digits'],
    ['=1', 'letters, digits'],
    ['export A=1', 'Without “export” it can: A'],
    ['HOME=/x', 'not free'],
    ['LD_PRELOAD=/x', 'not free'],
    ['APPTAINER_BIND=/x', 'not free'],
    ['SINGULARITYENV_X=1', 'not free'],
    ['A=1\nB=2\nA=3', 'Remove one']
  ])('%j are wrong, with a word on what would be right', (typed, hint) => {
    expect(checkEnvironment(typed, trans)?.hint).toContain(hint);
  });
});

it.each([
  ['', true],
  [' /usr/bin/python3 ', true],
  ['python3', false]
])('the interpreter %j is a path: %s', (typed, isFine) => {
  expect(checkInterpreter(typed, trans) === undefined).toBe(isFine);
});
