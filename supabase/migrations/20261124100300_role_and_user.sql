-- Everybody the clinic knows, and the four roles. `user.id` is `auth.users.id` for those who can sign in; there is no
-- foreign key because reception also registers patients who never do.

create table public.role (
  id smallint constraint role_pkey primary key,
  code text not null,
  name public.required_text not null,
  description public.note_text,
  permissions jsonb not null default '{}',
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  updated_by uuid,
  constraint role_code_key unique (code),
  constraint role_code_of_id check ((id, code) in ((1, 'patient'), (2, 'dentist'), (3, 'receptionist'), (4, 'admin'))),
  constraint role_permissions_form check (jsonb_typeof(permissions) = 'object' and octet_length(permissions::text) <= 10000)
);
comment on table public.role is 'The four roles of the clinic.';
comment on column public.role.id is '1 patient, 2 dentist, 3 receptionist, 4 admin.';
comment on column public.role.code is 'The role''s stable code, as it appears in access tokens.';
comment on column public.role.name is 'The role''s name for people.';
comment on column public.role.description is 'What the role is for.';
comment on column public.role.permissions is 'Notes for front ends; the database''s own policies do not read it.';
comment on constraint role_pkey on public.role is 'There is such a role already.';
comment on constraint role_code_key on public.role is 'There is a role with this code already.';
comment on constraint role_code_of_id on public.role is 'Roles are 1 patient, 2 dentist, 3 receptionist, 4 admin.';
comment on constraint role_permissions_form on public.role is 'Permissions are a JSON object of at most 10,000 bytes.';

insert into public.role (id, code, name, description) values
  (1, 'patient', 'Patient', 'Sees and books for themself.'),
  (2, 'dentist', 'Dentist', 'Treats patients and keeps their records.'),
  (3, 'receptionist', 'Receptionist', 'Runs the diary, invoices, payments and stock.'),
  (4, 'admin', 'Administrator', 'Manages people, services and settings.');

create table public."user" (
  id uuid constraint user_pkey primary key default gen_random_uuid(),
  role_id smallint not null default 1 constraint user_role_id_fkey references public.role (id),
  status text not null default 'active',
  first_name public.person_name not null,
  last_name public.person_name not null,
  preferred_name public.person_name,
  email public.email_address,
  phone public.phone_number,
  date_of_birth date,
  sex text,
  address jsonb,
  language public.language_code not null default 'en',
  timezone public.time_zone_name not null default 'UTC',
  guarantor_id uuid constraint user_guarantor_id_fkey references public."user" (id),
  primary_dentist_id uuid constraint user_primary_dentist_id_fkey references public."user" (id),
  license_no public.short_text,
  npi text,
  specialty public.short_text,
  contact_method text not null default 'email',
  consent_privacy_at timestamptz,
  consent_treatment_at timestamptz,
  consent_sms_at timestamptz,
  consent_ai_at timestamptz,
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  created_by uuid,
  updated_by uuid,
  deleted_at timestamptz,
  constraint user_status_known check (status in ('active', 'inactive', 'archived', 'deceased')),
  constraint user_sex_known check (sex in ('female', 'male', 'other', 'unknown')),
  constraint user_date_of_birth_range check (date_of_birth between '1900-01-01' and '2100-01-01'),
  constraint user_address_form check (jsonb_typeof(address) = 'object' and octet_length(address::text) <= 2000),
  constraint user_npi_form check (npi ~ '^[0-9]{10}$'),
  constraint user_contact_method_known check (contact_method in ('email', 'sms', 'call', 'none')),
  constraint user_not_own_guarantor check (guarantor_id <> id)
);
comment on table public."user" is 'Patients and staff. A patient sees only the own row; dentists'' public columns are in the view dentist.';
comment on column public."user".id is 'The same id as the person''s account in Auth, where there is one.';
comment on column public."user".role_id is 'The person''s role; only an admin changes it.';
comment on column public."user".status is 'Only active people have any rights.';
comment on column public."user".first_name is 'Given name.';
comment on column public."user".last_name is 'Family name.';
comment on column public."user".preferred_name is 'What the person likes to be called.';
comment on column public."user".email is 'Contact address, stored in lower case.';
comment on column public."user".phone is 'Contact number in international form.';
comment on column public."user".date_of_birth is 'Date of birth.';
comment on column public."user".sex is 'female, male, other or unknown.';
comment on column public."user".address is 'Postal address as a JSON object: line1, line2, city, region, postal_code, country.';
comment on column public."user".language is 'Language the person is written to in.';
comment on column public."user".timezone is 'The person''s own time zone.';
comment on column public."user".guarantor_id is 'Who pays for this person, when somebody else does.';
comment on column public."user".primary_dentist_id is 'The dentist who usually sees this patient.';
comment on column public."user".license_no is 'A dentist''s licence.';
comment on column public."user".npi is 'A dentist''s national provider identifier, ten digits.';
comment on column public."user".specialty is 'A dentist''s specialty.';
comment on column public."user".contact_method is 'How the person wants to be reached.';
comment on column public."user".consent_privacy_at is 'When the privacy notice was accepted.';
comment on column public."user".consent_treatment_at is 'When treatment was consented to.';
comment on column public."user".consent_sms_at is 'When text messages were consented to.';
comment on column public."user".consent_ai_at is 'When the chatbot''s use was consented to.';
comment on constraint user_pkey on public."user" is 'There is a person with this id already.';
comment on constraint user_role_id_fkey on public."user" is 'role_id names no role.';
comment on constraint user_guarantor_id_fkey on public."user" is 'guarantor_id names nobody the clinic knows.';
comment on constraint user_primary_dentist_id_fkey on public."user" is 'primary_dentist_id names nobody the clinic knows.';
comment on constraint user_status_known on public."user" is 'Status is active, inactive, archived or deceased.';
comment on constraint user_sex_known on public."user" is 'Sex is female, male, other or unknown.';
comment on constraint user_date_of_birth_range on public."user" is 'Date of birth lies between 1900 and 2100.';
comment on constraint user_address_form on public."user" is 'Address is a JSON object of at most 2,000 bytes.';
comment on constraint user_npi_form on public."user" is 'An NPI has ten digits.';
comment on constraint user_contact_method_known on public."user" is 'Contact method is email, sms, call or none.';
comment on constraint user_not_own_guarantor on public."user" is 'Nobody is their own guarantor.';

create unique index user_email_live on public."user" (email) where deleted_at is null;
comment on index public.user_email_live is 'Somebody else uses this e-mail address already.';
create index user_role_id_idx on public."user" (role_id);
create index user_guarantor_id_idx on public."user" (guarantor_id) where guarantor_id is not null;
create index user_primary_dentist_id_idx on public."user" (primary_dentist_id) where primary_dentist_id is not null;
create index user_name_idx on public."user" (last_name, first_name, id);
