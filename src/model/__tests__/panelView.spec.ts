import { DEFAULT_COLUMNS } from '../columns';
import { PanelView } from '../panelView';

describe('how somebody looks at the panel', () => {
  it('is remembered, but for what is of the moment', () => {
    const view = new PanelView();
    view.look({
      filter: 'x',
      details: 'debian-12',
      isGrouped: true,
      sort: { column: 'size', isDescending: true }
    });
    view.toggleColumn('maker');
    view.toggleColumn('size');
    const again = new PanelView();
    again.recall(JSON.parse(JSON.stringify(view.remember())));
    expect(again.remember()).toEqual(view.remember());
    expect(again.columns).toContain('maker');
    expect(again.columns).not.toContain('size');
    expect([again.filter, again.details]).toEqual(['', null]);
  });

  it.each([
    [undefined],
    [null],
    ['nonsense'],
    [{ columns: 3, sort: 'x', isGrouped: 1 }],
    [{ sort: { column: 'no such column' } }]
  ])('is as at first when %j was remembered', remembered => {
    const view = new PanelView();
    view.recall(remembered);
    expect(view.remember()).toEqual({
      columns: DEFAULT_COLUMNS,
      sort: null,
      isGrouped: false
    });
  });

  it('can be sorted as it was read again', () => {
    const view = new PanelView();
    view.look({ sort: { column: 'size', isDescending: true } });
    view.look({ filter: 'x' });
    expect(view.sort?.column).toBe('size');
    view.look({ sort: null });
    expect(view.sort).toBeNull();
  });
});
