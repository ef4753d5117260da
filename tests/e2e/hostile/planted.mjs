// What is planted in hostile requests, to be looked for in replies and logs afterwards.

/** Stands where a value does, which may be a patient's: it comes back nowhere. */
export const V = 'Hildegard7f3Zauberberg';
/** Stands where a name does (of a column, a path): a reply may name it, a log may not. */
export const N = 'zz_Balthasar9c1';

export const planted = (text) => text.replaceAll('$V', V).replaceAll('$N', N);
