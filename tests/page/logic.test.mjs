// What the page reckons without a browser: days in the clinic's zone, places on the board, stock, errors, streams.

import assert from 'node:assert/strict';
import { test } from 'node:test';

// The page asks the browser which English to write.
if (!globalThis.navigator) globalThis.navigator = { languages: ['en-US'] };
const clock = await import('../../page/lib/clock.js');
const { placeAt, snapped, hoursOf } = await import('../../page/views/board/geometry.js');
const { articlesOf } = await import('../../page/views/stock/articles.js');
const { problemOf } = await import('../../page/lib/problem.js');
const { eventsOf } = await import('../../page/lib/events.js');
const { partsOf, taken } = await import('../../page/lib/answer.js');
const { merged, replaced } = await import('../../page/lib/rows.js');

const ZONE = 'America/New_York';

test('a_day_is_the_clinic_s_whatever_the_browser_s', () => {
  assert.equal(clock.dayOf('2026-11-25T03:30:00Z', ZONE), '2026-11-24');
  assert.equal(clock.minutesOf('2026-11-25T03:30:00Z', ZONE), 22 * 60 + 30);
  assert.equal(clock.instantAt('2026-11-24', 540, ZONE).toISOString(), '2026-11-24T14:00:00.000Z');
  assert.equal(clock.addDays('2026-12-31', 1), '2027-01-01');
});

test('days_on_which_clocks_change_have_their_own_midnights', () => {
  const hours = (day) => (clock.instantAt(clock.addDays(day, 1), 0, ZONE) - clock.instantAt(day, 0, ZONE)) / 3_600_000;
  assert.deepEqual([hours('2026-03-08'), hours('2026-11-01'), hours('2026-11-24')], [23, 25, 24]);
  assert.equal(clock.instantAt('2026-03-08', 540, ZONE).toISOString(), '2026-03-08T13:00:00.000Z');
  assert.equal(clock.instantAt('2026-11-01', 540, ZONE).toISOString(), '2026-11-01T14:00:00.000Z');
});

test('every_instant_of_a_year_is_found_again_by_its_day_and_minutes', () => {
  for (const zone of [ZONE, 'Europe/Lisbon', 'Australia/Lord_Howe', 'Asia/Kathmandu']) {
    for (let at = Date.UTC(2026, 0, 1); at < Date.UTC(2027, 0, 1); at += 6_300_000) {
      const [day, minutes] = [clock.dayOf(at, zone), clock.minutesOf(at, zone)];
      const found = clock.instantAt(day, minutes, zone);
      // A time that comes twice is found as one of the two.
      assert.deepEqual([clock.dayOf(found, zone), clock.minutesOf(found, zone)], [day, minutes], `${zone} ${new Date(at).toISOString()}`);
    }
  }
});

test('a_place_on_the_board_is_a_dentist_and_a_start_on_the_grid', () => {
  const columns = [{ id: 'a', left: 0, right: 100, top: 0, bottom: 600 }, { id: 'b', left: 100, right: 200, top: 0, bottom: 600 }];
  const hours = [480, 1080];
  assert.deepEqual(placeAt({ x: 150, y: 64 }, 0, columns, hours, 15, 30), { dentistId: 'b', start: 540 });
  assert.deepEqual(placeAt({ x: 900, y: 9000 }, 0, columns, hours, 15, 30), { dentistId: 'b', start: 1050 });
  assert.deepEqual(placeAt({ x: -5, y: -5 }, 0, columns, hours, 15, 30), { dentistId: 'a', start: 480 });
  assert.equal(snapped(547, hours, 15, 30), 540);
});

test('the_board_shows_the_clinic_s_hours_and_whatever_lies_beyond', () => {
  const settings = { opening_hours: [{ weekday: 2, opens: '08:30', closes: '17:30' }] };
  const early = { starts_at: '2026-11-24T12:15:00Z', ends_at: '2026-11-24T12:45:00Z' };
  assert.deepEqual(hoursOf('2026-11-24', settings, [], ZONE), [480, 1080]);
  assert.deepEqual(hoursOf('2026-11-24', settings, [early], ZONE), [420, 1080]);
  assert.deepEqual(hoursOf('2026-11-28', settings, [], ZONE), [480, 1080], 'a day off');
});

test('stock_is_low_or_expiring_by_what_can_be_used', () => {
  const lot = (columns) => ({ sku: 'A', location: 'main', name: 'A', unit: 'box', reorder_level: 5, on_hand: 3, status: 'active', expires_on: null, ...columns });
  const of = (...lots) => {
    const [{ usable, low, expiring, expired }] = articlesOf(lots, '2026-11-24', '2026-12-24');
    return { usable, low, expiring, expired };
  };
  assert.deepEqual(of(lot(), lot({ on_hand: 4 })), { usable: 7, low: false, expiring: false, expired: false });
  assert.deepEqual(of(lot({ on_hand: 5 })), { usable: 5, low: true, expiring: false, expired: false });
  assert.deepEqual(of(lot({ on_hand: 9 }), lot({ expires_on: '2026-11-23' })), { usable: 9, low: false, expiring: true, expired: true });
  assert.deepEqual(of(lot({ on_hand: 9 }), lot({ expires_on: '2026-12-24' })), { usable: 12, low: false, expiring: true, expired: false });
  assert.deepEqual(of(lot({ on_hand: 9 }), lot({ expires_on: '2026-11-01', on_hand: 0 })), { usable: 9, low: false, expiring: false, expired: false });
  assert.equal(of(lot({ on_hand: 9, status: 'quarantined' })).low, true);
});

test('an_error_is_shown_at_the_field_that_it_points_to', () => {
  const error = { type: 'https://chairside.dev/errors/validation-failed', detail: 'Some values are not valid', errors: [{ pointer: '/0/starts_at', detail: 'A time' }, { pointer: '/reason', detail: 'Too long' }] };
  assert.deepEqual(problemOf({ error, status: 422 }).fields, { starts_at: 'A time', reason: 'Too long' });
  assert.equal(problemOf({ error: { message: 'TypeError: Failed to fetch' }, status: 0 }).code, 'unreachable');
  assert.deepEqual(problemOf({ error: { type: 'x/slot-taken', alternatives: [1] }, status: 409 }).alternatives, [1]);
});

const streamOf = (...pieces) => new ReadableStream({
  start(controller) {
    for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
    controller.close();
  },
});

async function all(stream) {
  const events = [];
  for await (const event of eventsOf(stream)) events.push(event);
  return events;
}

test('a_stream_is_read_however_it_is_cut', async () => {
  const whole = 'data: {"a":"é"}\n\n: still here\n\ndata: {"a":2}\r\n\r\ndata: [DONE]\n\n';
  const bytes = Buffer.from(whole);
  for (let at = 1; at < bytes.length; at += 1) {
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(bytes.subarray(0, at));
        controller.enqueue(bytes.subarray(at));
        controller.close();
      },
    });
    assert.deepEqual(await all(stream), [{ a: 'é' }, { a: 2 }], `cut at ${at}`);
  }
  await assert.rejects(all(streamOf('data: {"a":1}\n\n')), /broke off/);
});

test('an_answer_is_put_together_and_its_marks_found', () => {
  const chunks = [
    { choices: [{ delta: { role: 'assistant', content: 'Rinse gently [1].' } }] },
    { choices: [{ delta: { content: ' See [7].' } }] },
    { choices: [{ delta: {}, finish_reason: 'stop' }], sources: [{ number: 1, document: 'after', title: 'After' }] },
  ];
  const answer = chunks.reduce(taken, { text: '', sources: [] });
  assert.equal(answer.sources[0].slug, 'after');
  assert.deepEqual(partsOf(answer.text, answer.sources), ['Rinse gently ', 1, '. See ', '[7]', '.']);
  assert.throws(() => taken(answer, { error: { message: 'The model is away.' } }), /away/);
});

test('the_newer_row_wins_whichever_comes_first', () => {
  const known = new Map([['a', { id: 'a', version: 3, status: 'arrived', patient: 'P' }]]);
  assert.equal(merged(known, { id: 'a', version: 2, status: 'scheduled' }), known);
  assert.deepEqual(merged(known, { id: 'a', version: 4, status: 'in_chair' }).get('a'), { id: 'a', version: 4, status: 'in_chair', patient: 'P' });
  const read = replaced(known, [{ id: 'a', version: 2, status: 'scheduled', lines: [] }, { id: 'b', version: 1 }, { id: 'c', version: 1 }], new Set(['c']));
  assert.deepEqual([...read.keys()], ['a', 'b']);
  assert.deepEqual(read.get('a'), { id: 'a', version: 3, status: 'arrived', patient: 'P', lines: [] });
});
