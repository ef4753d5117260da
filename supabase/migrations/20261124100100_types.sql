-- Enumerations of the status machines, and the domains that columns share. Each domain's constraint carries the
-- message that a client reads when a value breaks it.

create type public.appointment_status as enum (
  'held', 'requested', 'scheduled', 'confirmed', 'arrived', 'in_chair', 'completed', 'cancelled', 'no_show', 'rescheduled');
comment on type public.appointment_status is
  'held → requested, scheduled, cancelled · requested → scheduled, confirmed, cancelled, rescheduled · scheduled → confirmed, arrived, cancelled, no_show, rescheduled · confirmed → arrived, cancelled, no_show, rescheduled · arrived → in_chair, cancelled, no_show · in_chair → completed; the rest are final.';

create type public.treatment_status as enum (
  'planned', 'accepted', 'in_progress', 'completed', 'existing_current', 'existing_other', 'referred', 'condition', 'declined', 'entered_in_error');
comment on type public.treatment_status is
  'Any change while unsigned, except away from entered_in_error; once signed only to entered_in_error.';

create type public.treatment_area as enum ('none', 'surface', 'tooth', 'mouth', 'quadrant', 'sextant', 'arch', 'tooth_range');
comment on type public.treatment_area is 'Which location a treatment of the service has to state.';

create type public.invoice_status as enum ('draft', 'issued', 'partially_paid', 'paid', 'void', 'written_off');
comment on type public.invoice_status is
  'draft → issued, void · issued → partially_paid, paid, written_off, void · then what has been paid decides; void is final.';

create type public.payment_status as enum ('pending', 'authorized', 'succeeded', 'failed', 'voided');
comment on type public.payment_status is
  'pending → authorized, succeeded, failed, voided · authorized → succeeded, failed, voided; the rest are final.';

create type public.payment_kind as enum ('payment', 'refund', 'insurance', 'adjustment', 'write_off');
comment on type public.payment_kind is 'What a payment does to its invoice: paid, insurance_paid or write_off.';

create type public.medical_history_kind as enum ('allergy', 'condition', 'medication', 'surgery', 'family_history', 'social', 'alert');
comment on type public.medical_history_kind is 'What an entry of the medical history is about.';

create domain public.short_text as text
  constraint short_text_length check (char_length(value) <= 200);
comment on constraint short_text_length on domain public.short_text is 'At most 200 characters.';

create domain public.required_text as text
  constraint required_text_length check (char_length(btrim(value)) >= 1 and char_length(value) <= 200);
comment on constraint required_text_length on domain public.required_text is 'Between 1 and 200 characters, not blank.';

create domain public.note_text as text
  constraint note_text_length check (char_length(value) <= 10000);
comment on constraint note_text_length on domain public.note_text is 'At most 10,000 characters.';

create domain public.person_name as text
  constraint person_name_length check (char_length(btrim(value)) between 1 and 100 and char_length(value) <= 100);
comment on constraint person_name_length on domain public.person_name is 'A name has 1 to 100 characters.';

create domain public.email_address as text
  constraint email_address_form check (value ~ '^[^@\s]+@[^@\s]+\.[^@\s]+$' and char_length(value) <= 254);
comment on constraint email_address_form on domain public.email_address is 'An e-mail address such as name@example.org, at most 254 characters.';

create domain public.phone_number as text
  constraint phone_number_form check (value ~ '^\+[1-9][0-9]{6,14}$');
comment on constraint phone_number_form on domain public.phone_number is 'A telephone number in international form: +, then 7 to 15 digits.';

create domain public.language_code as text
  constraint language_code_form check (value ~ '^[a-z]{2,3}(-[A-Z]{2})?$');
comment on constraint language_code_form on domain public.language_code is 'A language such as en or pt-BR.';

create domain public.time_zone_name as text
  constraint time_zone_name_form check (value ~ '^[A-Za-z0-9_+/-]{1,64}$');
comment on constraint time_zone_name_form on domain public.time_zone_name is 'The name of a time zone such as America/New_York.';

create domain public.currency_code as text
  constraint currency_code_form check (value ~ '^[A-Z]{3}$');
comment on constraint currency_code_form on domain public.currency_code is 'A currency of three capital letters, such as USD.';

create domain public.amount as numeric(12, 2)
  constraint amount_not_negative check (value >= 0 and value <> 'NaN');
comment on constraint amount_not_negative on domain public.amount is 'An amount of money is never negative.';

create domain public.stock_quantity as numeric(12, 3)
  constraint stock_quantity_not_negative check (value >= 0 and value <> 'NaN');
comment on constraint stock_quantity_not_negative on domain public.stock_quantity is 'A quantity in stock is never below zero.';

create domain public.percentage as smallint
  constraint percentage_range check (value between 0 and 100);
comment on constraint percentage_range on domain public.percentage is 'A percentage is 0 to 100.';

create domain public.tooth_code as text
  constraint tooth_code_form check (value ~ '^([1-9]|[12][0-9]|3[0-2]|5[1-9]|[67][0-9]|8[0-2]|[A-T]S?)$');
comment on constraint tooth_code_form on domain public.tooth_code is 'A tooth is 1-32 or A-T, a supernumerary one 51-82 or AS-TS.';

create domain public.surface_codes as text
  constraint surface_codes_form check (value ~ '^[MODBLIFV]{1,5}$');
comment on constraint surface_codes_form on domain public.surface_codes is 'One to five surfaces out of M, O, D, B, L, I, F, V.';
