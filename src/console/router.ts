import { useEffect, useState } from 'preact/hooks';
import { type Place, placeOf } from './place.ts';

/** @returns where one is, as the address says it */
export function usePlace(): Place {
  const [place, setPlace] = useState(placeOf(location.hash));
  useEffect(() => {
    const onChange = (): void => setPlace(placeOf(location.hash));
    addEventListener('hashchange', onChange);
    return () => removeEventListener('hashchange', onChange);
  }, []);
  return place;
}
