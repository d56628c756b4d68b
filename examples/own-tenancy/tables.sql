-- An operator's own database, as it may have been for years: nothing in it knows
-- of peppol-authz.

CREATE TYPE stage AS ENUM ('demo', 'shared', 'whitelabel');
CREATE TYPE job AS ENUM ('admin', 'member', 'ap_manager', 'ap_user');

CREATE TABLE company (
  company_id   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name         varchar(200) NOT NULL,
  stage        stage NOT NULL DEFAULT 'demo',
  wanted_stage stage,
  max_parties  integer
);

CREATE TABLE contact (
  company_id uuid NOT NULL REFERENCES company ON DELETE CASCADE,
  kind       varchar(20) NOT NULL,
  phone      varchar(40) NOT NULL,
  PRIMARY KEY (company_id, kind, phone)
);

CREATE TABLE person (
  person_id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  mail              varchar(320) NOT NULL UNIQUE CHECK (mail = lower(mail)),
  mail_confirmed_at timestamptz,
  is_operator       boolean NOT NULL DEFAULT false
);

CREATE TABLE employment (
  person_id  uuid NOT NULL REFERENCES person ON DELETE CASCADE,
  company_id uuid NOT NULL REFERENCES company ON DELETE CASCADE,
  job        job NOT NULL,
  PRIMARY KEY (person_id, company_id, job)
);

CREATE TABLE gateway (
  code       varchar(40) PRIMARY KEY,
  production boolean NOT NULL,
  -- Null: the operator's own.
  company_id uuid REFERENCES company
);

CREATE TABLE party (
  -- As 'iso6523-actorid-upis::0007:5561234567', the value in lower case.
  party_id   varchar(200) PRIMARY KEY,
  company_id uuid NOT NULL REFERENCES company,
  production boolean NOT NULL
);
CREATE INDEX ON party (company_id);

CREATE TABLE party_right (
  party_id  varchar(200) NOT NULL REFERENCES party ON DELETE CASCADE,
  person_id uuid NOT NULL REFERENCES person ON DELETE CASCADE,
  send      boolean NOT NULL DEFAULT false,
  receive   boolean NOT NULL DEFAULT false,
  remove    boolean NOT NULL DEFAULT false,
  hooks     boolean NOT NULL DEFAULT false,
  PRIMARY KEY (party_id, person_id)
);
CREATE INDEX ON party_right (person_id);

CREATE TABLE branch (
  branch_id  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  company_id uuid NOT NULL REFERENCES company
);

CREATE TABLE reader (
  reader_id  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  company_id uuid NOT NULL REFERENCES company,
  mail       varchar(320) NOT NULL UNIQUE CHECK (mail = lower(mail)),
  sees_all   boolean NOT NULL DEFAULT false
);

CREATE TABLE reader_branch (
  reader_id uuid NOT NULL REFERENCES reader ON DELETE CASCADE,
  branch_id uuid NOT NULL REFERENCES branch ON DELETE CASCADE,
  PRIMARY KEY (reader_id, branch_id)
);

CREATE TABLE invoice (
  invoice_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  branch_id  uuid NOT NULL REFERENCES branch,
  incoming   boolean NOT NULL
);
