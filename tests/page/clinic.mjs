// The seed clinic as the tests of the page look at it.

const ZONE = 'America/New_York';
/** A day to come, 'YYYY-MM-DD', on which all three dentists have an appointment that can be moved; `skip` passes over some. */
export async function busyDay(database, skip = 0) {
  const [row] = await database.rows(
    `select d.day::text from (
       select (a.starts_at at time zone $1)::date as day, a.dentist_id from public.appointment a
        where a.starts_at > now() and a.status in ('scheduled', 'confirmed') and a.deleted_at is null and a.ends_at - a.starts_at >= interval '30 minutes') d
      where d.day > (now() at time zone $1)::date group by d.day having count(distinct d.dentist_id) = 3 order by d.day offset $2 limit 1`,
    [ZONE, skip],
  );
  if (!row) throw new Error('the seed has no day on which all dentists are busy');
  return row.day;
}

/** The first appointment of a day that can still be moved or cancelled and takes half an hour or more. */
export async function appointmentOn(database, day, dentist = '%') {
  const [row] = await database.rows(
    `select a.id, a.patient_id, a.dentist_id, a.version, a.starts_at, a.ends_at, u.first_name || ' ' || u.last_name as name, d.last_name as dentist,
            (extract(epoch from (a.starts_at at time zone $2)::time) / 60)::int as start
       from public.appointment a join public."user" u on u.id = a.patient_id join public."user" d on d.id = a.dentist_id
      where (a.starts_at at time zone $2)::date = $1::date and a.status in ('scheduled', 'confirmed') and a.deleted_at is null
        and a.ends_at - a.starts_at >= interval '30 minutes' and a.dentist_id::text like $3
      order by a.starts_at, a.id limit 1`,
    [day, ZONE, dentist],
  );
  if (!row) throw new Error(`the seed has no appointment on ${day}`);
  return row;
}

export async function boardAt(page, day) {
  await page.getByLabel('Day', { exact: true }).and(page.locator('input')).fill(day);
}

/** Goes to a day, a week ahead or later, on which something is free. */
export async function freeTimes(page) {
  await page.getByRole('button', { name: 'Week after' }).click();
  const next = page.getByRole('button', { name: 'Go to the next free day' });
  const slots = page.locator('.finder .slot');
  await slots.first().or(next).first().waitFor();
  if (await next.isVisible()) await next.click();
  await slots.first().waitFor();
}
