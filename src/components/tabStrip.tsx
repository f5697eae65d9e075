import React, { useRef } from 'react';

/** A part of a widget that one of several tabs shows. */
export interface ITab<Id extends string> {
  id: Id;
  label: string;
  /** How many things it shows, if that is known. */
  count?: number;
}

/** The tabs, and which of them is in front. */
export interface ITabStripProps<Id extends string> {
  /** What the tabs are of, for those who do not see it. */
  label: string;
  tabs: readonly ITab<Id>[];
  current: Id;
  onShow: (id: Id) => void;
}

/** The id of the element that a tab shows. */
export function tabPanelId(id: string): string {
  return `container-kernels-tabpanel-${id}`;
}

/** The id of a tab. */
export function tabId(id: string): string {
  return `container-kernels-tab-${id}`;
}

/** Draws tabs; arrows, Home and End move between them. */
export function TabStrip<Id extends string>(
  props: ITabStripProps<Id>
): JSX.Element {
  const { tabs, current } = props;
  const strip = useRef<HTMLDivElement>(null);
  const index = tabs.findIndex(tab => tab.id === current);

  const onKeyDown = (event: React.KeyboardEvent) => {
    const target = {
      ArrowLeft: (index + tabs.length - 1) % tabs.length,
      ArrowRight: (index + 1) % tabs.length,
      Home: 0,
      End: tabs.length - 1
    }[event.key];
    if (target === undefined) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    props.onShow(tabs[target].id);
    strip.current
      ?.querySelectorAll<HTMLElement>('[role="tab"]')
      [target]?.focus();
  };

  return (
    <div
      className="jp-ContainerKernels-tabs"
      role="tablist"
      aria-label={props.label}
      ref={strip}
      onKeyDown={onKeyDown}
    >
      {tabs.map(tab => (
        <button
          key={tab.id}
          type="button"
          role="tab"
          id={tabId(tab.id)}
          className="jp-ContainerKernels-tab"
          aria-selected={tab.id === current}
          aria-controls={tab.id === current ? tabPanelId(tab.id) : undefined}
          tabIndex={tab.id === current ? 0 : -1}
          onClick={() => props.onShow(tab.id)}
        >
          {tab.label}
          {tab.count !== undefined && (
            <span className="jp-ContainerKernels-count"> {tab.count}</span>
          )}
        </button>
      ))}
    </div>
  );
}
