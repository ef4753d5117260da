// The page's icons, drawn on a grid of 24. They repeat what a text beside them says and are hidden from readers.

const PATHS = {
  tooth: 'M7 4c-3 1-4 4-3 7 .7 2 1 3 1.300 5C5.700 18.500 6 21 8 21c2.500 0 1.500-6 4-6s1.500 6 4 6c2 0 2.300-2.500 2.700-5 .3-2 .6-3 1.300-5 1-3 0-6-3-7-2-.6-3.300.7-5 .7S9 3.400 7 4z',
  board: 'M4 5h16v15H4zM4 10h16M9.300 10v10M14.600 10v10M8 3v4M16 3v4',
  book: 'M4 5h16v15H4zM4 10h16M8 3v4M16 3v4M12 12.500v5M9.500 15h5',
  visits: 'M4 5h16v15H4zM4 10h16M8 3v4M16 3v4M9 15l2 2 4-4',
  stock: 'M4 8l8-4 8 4v8l-8 4-8-4zM4 8l8 4 8-4M12 12v8',
  chat: 'M4 5h16v11H10l-4 4v-4H4z',
  knowledge: 'M5 4h11a3 3 0 0 1 3 3v13H8a3 3 0 0 1-3-3zM5 17a3 3 0 0 1 3-3h11M9 8h6',
  out: 'M14 4h5v16h-5M10 8l-4 4 4 4M6 12h9',
  left: 'M15 5l-7 7 7 7',
  right: 'M9 5l7 7-7 7',
  close: 'M6 6l12 12M18 6L6 18',
  live: 'M5 12.500l4.500 4.500L19 7',
  wait: 'M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
  alert: 'M12 4l9 16H3zM12 10v4M12 17v.5',
  cut: 'M4 4l16 16M8.500 8.500A9 9 0 0 0 4 11M12 7c3 0 6 1.500 8 4M9 15a4.500 4.500 0 0 1 4.500-.8M12 19v.5',
  held: 'M7 4h10M7 20h10M8 4c0 4 8 5 8 8s-8 4-8 8M16 4c0 4-8 5-8 8s8 4 8 8',
  requested: 'M9 9a3 3 0 1 1 4 2.800c-.7.300-1 .8-1 1.700M12 17v.5M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
  scheduled: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
  confirmed: 'M8 12.500l3 3 5-6M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
  arrived: 'M12 21s-6-6-6-11a6 6 0 0 1 12 0c0 5-6 11-6 11zM12 8a2 2 0 1 0 0 4 2 2 0 0 0 0-4z',
  in_chair: 'M7 4v9h9l2 7M7 13l-1 7M7 9h8',
  completed: 'M3 12.500l4 4 7-9M11 15.500l1 1 8-9.500',
  cancelled: 'M6 6l12 12M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
  no_show: 'M9 9l6 6M15 9l-6 6M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
  person: 'M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4 20c1-4 4-6 8-6s7 2 8 6',
  send: 'M4 12l16-8-6 16-3-6z',
  plus: 'M12 5v14M5 12h14',
};

export function Icon({ name, class: extra = '' }) {
  return (
    <svg class={`icon ${extra}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
