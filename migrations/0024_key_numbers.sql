-- What had the last number and is found no more must not leave it to the next: its keys still stand.
SET LOCAL search_path = mfm;

ALTER TABLE overlap_keyed ADD COLUMN given int NOT NULL DEFAULT 0;   -- the last number that it was given
SELECT set_config('mfm.appending', 'on', true);
UPDATE overlap_keyed k SET given = m.last
  FROM (SELECT mechanism_id, max(number) AS last FROM overlap_key GROUP BY mechanism_id) m
 WHERE m.mechanism_id = k.mechanism_id;
SELECT set_config('mfm.appending', '', true);
CREATE INDEX overlap_keyed_given ON overlap_keyed (mechanism_id, given);

-- As in 0022, counting on from the last number that was given.
CREATE OR REPLACE FUNCTION write_keys(p_mechanism int, p_rows jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = mfm, pg_temp AS $$
DECLARE last int;
BEGIN
  PERFORM FROM head WHERE mechanism_id = p_mechanism FOR UPDATE;
  PERFORM set_config('mfm.appending', 'on', true);
  SELECT coalesce(max(given), 0) INTO last FROM overlap_keyed WHERE mechanism_id = p_mechanism;
  WITH told AS (
    SELECT r ->> 'kind' AS kind, r ->> 'id' AS id, (r ->> 'version')::int AS version, r -> 'keys' AS keys,
           last + row_number() OVER (ORDER BY i)::int AS number
      FROM jsonb_array_elements(p_rows) WITH ORDINALITY u(r, i)),
  kept AS (
    INSERT INTO overlap_keyed AS k
    SELECT p_mechanism, kind, id, CASE WHEN keys <> '[]' THEN number END, version, number FROM told
    ON CONFLICT (mechanism_id, kind, id) DO UPDATE
       SET number = excluded.number, version = excluded.version, given = excluded.given)
  INSERT INTO overlap_key
  SELECT p_mechanism, key::bigint, number FROM told, jsonb_array_elements_text(keys) key;
  PERFORM set_config('mfm.appending', '', true);
END $$;
