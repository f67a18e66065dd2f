-- Keys of overlap that are of now alone. What was keyed anew, or is found no more, left its old keys
-- behind: they were counted among those who hold a key, so that it soon said nothing any more.
SET LOCAL search_path = mfm;

-- Keys are derived, and no record says what they are: write_keys may delete some, nobody else.
CREATE FUNCTION deny_but_keying() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('mfm.keying', true) IS DISTINCT FROM 'on' THEN
    RAISE EXCEPTION '% on mfm.% is forbidden: write_keys does', TG_OP, TG_TABLE_NAME USING ERRCODE = 'MF403';
  END IF;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION deny_but_keying FROM PUBLIC;
CREATE OR REPLACE TRIGGER no_delete BEFORE DELETE ON overlap_key
  FOR EACH STATEMENT EXECUTE FUNCTION deny_but_keying();
ALTER TABLE overlap_key ENABLE ALWAYS TRIGGER no_delete;
CREATE INDEX overlap_key_number ON overlap_key (mechanism_id, number);

-- A thing keeps the number that it was given, also while it is not found.
SELECT set_config('mfm.appending', 'on', true);
UPDATE overlap_keyed SET given = coalesce(number, 0);
SELECT set_config('mfm.keying', 'on', true);
DELETE FROM overlap_key k WHERE NOT EXISTS (
  SELECT FROM overlap_keyed d WHERE d.mechanism_id = k.mechanism_id AND d.number = k.number);
SELECT set_config('mfm.keying', '', true);
SELECT set_config('mfm.appending', '', true);

-- As in 0024, but it leaves the keys of now: those that a thing has already are not written again.
-- No thing may be told twice at once.
CREATE OR REPLACE FUNCTION write_keys(p_mechanism int, p_rows jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = mfm, pg_temp AS $$
DECLARE last int;
BEGIN
  PERFORM FROM head WHERE mechanism_id = p_mechanism FOR UPDATE;
  PERFORM set_config('mfm.appending', 'on', true);
  SELECT coalesce(max(given), 0) INTO last FROM overlap_keyed WHERE mechanism_id = p_mechanism;
  INSERT INTO overlap_keyed AS k
  SELECT p_mechanism, r ->> 'kind', r ->> 'id', CASE WHEN r -> 'keys' <> '[]' THEN n.number END,
         (r ->> 'version')::int, n.number
    FROM jsonb_array_elements(p_rows) WITH ORDINALITY u(r, i)
    LEFT JOIN overlap_keyed d ON d.mechanism_id = p_mechanism AND d.kind = r ->> 'kind' AND d.id = r ->> 'id',
    LATERAL (SELECT coalesce(nullif(d.given, 0), last + i::int) AS number) n
  ON CONFLICT (mechanism_id, kind, id) DO UPDATE
     SET number = excluded.number, version = excluded.version, given = excluded.given;
  PERFORM set_config('mfm.keying', 'on', true);
  DELETE FROM overlap_key k
   USING jsonb_array_elements(p_rows) r
    JOIN overlap_keyed d ON d.mechanism_id = p_mechanism AND d.kind = r ->> 'kind' AND d.id = r ->> 'id'
   WHERE k.mechanism_id = p_mechanism AND k.number = d.given AND NOT r -> 'keys' ? k.key::text;
  PERFORM set_config('mfm.keying', '', true);
  INSERT INTO overlap_key
  SELECT p_mechanism, key::bigint, d.given FROM jsonb_array_elements(p_rows) r
    JOIN overlap_keyed d ON d.mechanism_id = p_mechanism AND d.kind = r ->> 'kind' AND d.id = r ->> 'id',
    jsonb_array_elements_text(r -> 'keys') key
  ON CONFLICT DO NOTHING;
  PERFORM set_config('mfm.appending', '', true);
END $$;
