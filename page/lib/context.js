// What every view needs: the clinic, who is signed in, and where to say things.

import { createContext } from 'preact';
import { useContext } from 'preact/hooks';

/** `{client, live, key, request, heardAt, settings, zone, me: {id, role, name}, dentists, say}` */
export const Clinic = createContext(null);
export const useClinic = () => useContext(Clinic);
