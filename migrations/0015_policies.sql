-- Policies: every version that was written, and when each was in force. The files are blobs.
SET LOCAL search_path = mfm;

CREATE TABLE policy (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL
    CHECK (status IN ('draft', 'tested', 'simulated', 'approved', 'active', 'superseded', 'reversed')),
  name text NOT NULL, version bigint NOT NULL CHECK (version > 0),
  kind text NOT NULL CHECK (kind IN ('eligibility', 'conditionality', 'spending')),
  gates jsonb NOT NULL, fund text NOT NULL, windows jsonb NOT NULL,
  judged_on text NOT NULL CHECK (judged_on IN ('submission', 'decision')),
  effective_from date NOT NULL, effective_until date CHECK (effective_until >= effective_from),
  content text NOT NULL, logic text NOT NULL, catalogue text NOT NULL, cases text NOT NULL,
  edited_by text NOT NULL CHECK (edited_by <> ''), approved_by text NOT NULL,
  activated_by text NOT NULL, activated_on date,
  PRIMARY KEY (mechanism_id, id),
  CHECK (id = name || '.v' || version),
  CHECK ((activated_by = '') = (activated_on IS NULL)),
  -- What is in force was approved, and nobody activated or approved what they had edited.
  CHECK (status NOT IN ('approved', 'active', 'superseded') OR approved_by <> ''),
  CHECK (status NOT IN ('active', 'superseded') OR activated_by NOT IN ('', edited_by)),
  CHECK (approved_by IN ('', 'release') OR approved_by <> edited_by),
  CHECK (status IN ('draft', 'reversed') OR cases <> '' OR edited_by = 'release'));
SELECT join_nouns('policy');
CREATE INDEX policy_name ON policy (mechanism_id, name);

-- No two versions of a policy are in force on one day: a temporal constraint (PostgreSQL 18). Its
-- columns must be ranges, since a GiST index knows no plain ones without btree_gist; a name's is of
-- the number that its SHA-256 begins with.
CREATE FUNCTION number_of(name text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT ('x' || left(encode(sha256(convert_to(name, 'UTF8')), 'hex'), 15))::bit(60)::bigint $$;
REVOKE ALL ON FUNCTION number_of FROM PUBLIC;
CREATE TABLE policy_period (
  mechanism_id int NOT NULL, policy text NOT NULL, name text NOT NULL, period daterange NOT NULL,
  mechanism int4range NOT NULL CHECK (mechanism = int4range(mechanism_id, mechanism_id, '[]')),
  series int8range NOT NULL CHECK (series = int8range(number_of(name), number_of(name), '[]')),
  PRIMARY KEY (mechanism_id, policy),
  UNIQUE (mechanism, series, period WITHOUT OVERLAPS) DEFERRABLE INITIALLY DEFERRED);

CREATE FUNCTION keep_period() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
BEGIN
  IF NEW.status IN ('active', 'superseded') THEN
    INSERT INTO policy_period (mechanism_id, policy, name, period, mechanism, series)
      VALUES (NEW.mechanism_id, NEW.id, NEW.name, daterange(NEW.effective_from, NEW.effective_until, '[]'),
        int4range(NEW.mechanism_id, NEW.mechanism_id, '[]'), int8range(number_of(NEW.name), number_of(NEW.name), '[]'))
      ON CONFLICT (mechanism_id, policy) DO UPDATE SET period = excluded.period;
  END IF;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION keep_period FROM PUBLIC;
CREATE TRIGGER period AFTER INSERT OR UPDATE ON policy FOR EACH ROW EXECUTE FUNCTION keep_period();
ALTER TABLE policy ENABLE ALWAYS TRIGGER period;

CREATE TRIGGER no_delete BEFORE DELETE ON policy_period FOR EACH STATEMENT EXECUTE FUNCTION deny();
CREATE TRIGGER only_append BEFORE INSERT OR UPDATE ON policy_period
  FOR EACH STATEMENT EXECUTE FUNCTION only_append();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON policy_period FOR EACH STATEMENT EXECUTE FUNCTION deny();
ALTER TABLE policy_period ENABLE ALWAYS TRIGGER no_delete, ENABLE ALWAYS TRIGGER only_append,
  ENABLE ALWAYS TRIGGER no_truncate, ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON policy_period TO mfm_writer, mfm_reader, mfm_auditor;
CREATE POLICY write_any ON policy_period FOR SELECT TO mfm_writer USING (true);
CREATE POLICY read_one ON policy_period FOR SELECT TO mfm_reader, mfm_auditor
  USING (mechanism_id = nullif(current_setting('mfm.mechanism', true), '')::int);
