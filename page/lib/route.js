// Where one is: the part of the address after '#'. The server knows one page.

import { useEffect, useState } from 'preact/hooks';

const current = () => location.hash.replace(/^#\/?/, '');

export function useRoute() {
  const [route, setRoute] = useState(current());
  useEffect(() => {
    const changed = () => setRoute(current());
    window.addEventListener('hashchange', changed);
    return () => window.removeEventListener('hashchange', changed);
  }, []);
  return route;
}

export const go = (route) => {
  location.hash = `#/${route}`;
};
