-- The keys by which overlap is looked for: what two organisations' names, or two applications, have in
-- common. They are made from nouns and may be made anew from them at any time; no record says what they
-- are. A thing that is keyed again gets another number, so that nothing is ever taken away here.
SET LOCAL search_path = mfm;

CREATE TABLE overlap_keyed (
  mechanism_id int NOT NULL,
  kind text NOT NULL CHECK (kind IN ('party', 'application')), id text NOT NULL,
  number int CHECK (number > 0),              -- under which its keys stand; NULL: it is found no more
  version int NOT NULL CHECK (version > 0),   -- of the keys
  PRIMARY KEY (mechanism_id, kind, id));
CREATE UNIQUE INDEX overlap_keyed_number ON overlap_keyed (mechanism_id, number);

CREATE TABLE overlap_key (
  mechanism_id int NOT NULL,
  key bigint NOT NULL,                        -- a hash, with the kind in it
  number int NOT NULL,
  PRIMARY KEY (mechanism_id, key, number));

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['overlap_keyed', 'overlap_key'] LOOP
    EXECUTE format('CREATE TRIGGER no_delete BEFORE DELETE ON %I'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION deny()', name);
    EXECUTE format('CREATE TRIGGER only_append BEFORE INSERT OR UPDATE ON %I'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION only_append()', name);
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %I'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION deny()', name);
    EXECUTE format('ALTER TABLE %1$I ENABLE ALWAYS TRIGGER no_delete,'
                   ' ENABLE ALWAYS TRIGGER only_append, ENABLE ALWAYS TRIGGER no_truncate,'
                   ' ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('GRANT SELECT ON %I TO mfm_writer, mfm_reader, mfm_auditor', name);
    EXECUTE format('CREATE POLICY write_any ON %I FOR SELECT TO mfm_writer USING (true)', name);
    EXECUTE format($p$CREATE POLICY read_one ON %I FOR SELECT TO mfm_reader, mfm_auditor
      USING (mechanism_id = nullif(current_setting('mfm.mechanism', true), '')::int)$p$, name);
  END LOOP;
END $$;

-- Keeps the keys of things, each once: [{"kind", "id", "version", "keys": [..]}]; without keys it is
-- found no more. In a submission's own transaction; the head is held, so numbers are given one by one.
CREATE FUNCTION write_keys(p_mechanism int, p_rows jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = mfm, pg_temp AS $$
DECLARE last int;
BEGIN
  PERFORM FROM head WHERE mechanism_id = p_mechanism FOR UPDATE;
  PERFORM set_config('mfm.appending', 'on', true);
  SELECT coalesce(max(number), 0) INTO last FROM overlap_keyed WHERE mechanism_id = p_mechanism;
  WITH told AS (
    SELECT r ->> 'kind' AS kind, r ->> 'id' AS id, (r ->> 'version')::int AS version, r -> 'keys' AS keys,
           last + row_number() OVER (ORDER BY i)::int AS number
      FROM jsonb_array_elements(p_rows) WITH ORDINALITY u(r, i)),
  kept AS (
    INSERT INTO overlap_keyed AS k
    SELECT p_mechanism, kind, id, CASE WHEN keys <> '[]' THEN number END, version FROM told
    ON CONFLICT (mechanism_id, kind, id) DO UPDATE SET number = excluded.number, version = excluded.version)
  INSERT INTO overlap_key
  SELECT p_mechanism, key::bigint, number FROM told, jsonb_array_elements_text(keys) key;
  PERFORM set_config('mfm.appending', '', true);
END $$;
REVOKE ALL ON FUNCTION write_keys FROM PUBLIC;
GRANT EXECUTE ON FUNCTION write_keys TO mfm_writer;

-- What is asked beside the keys when one party or application is looked at.
CREATE INDEX commitment_to_party ON commitment (mechanism_id, to_party);
CREATE INDEX attestation_value ON attestation (mechanism_id, value);
CREATE INDEX fund_steward ON fund (mechanism_id, steward);
CREATE INDEX call_days ON call (mechanism_id, closes_on, opens_on);
