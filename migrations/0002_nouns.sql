-- A noun is a table with its states' records: seq and prev. New ones join without naming them twice.
SET LOCAL search_path = mfm;

-- Gives a new noun's table what every noun's has: who may read it, and that append_batch alone writes it.
CREATE FUNCTION join_nouns(noun text) RETURNS void LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
BEGIN
  EXECUTE format('CREATE UNIQUE INDEX %I ON %I (mechanism_id, seq, id)', noun || '_seq', noun);
  EXECUTE format('CREATE TRIGGER no_delete BEFORE DELETE ON %I'
                 ' FOR EACH STATEMENT EXECUTE FUNCTION deny()', noun);
  EXECUTE format('CREATE TRIGGER only_append BEFORE INSERT OR UPDATE ON %I'
                 ' FOR EACH STATEMENT EXECUTE FUNCTION only_append()', noun);
  EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %I'
                 ' FOR EACH STATEMENT EXECUTE FUNCTION deny()', noun);
  EXECUTE format('ALTER TABLE %1$I ENABLE ALWAYS TRIGGER no_delete,'
                 ' ENABLE ALWAYS TRIGGER only_append, ENABLE ALWAYS TRIGGER no_truncate,'
                 ' ENABLE ROW LEVEL SECURITY', noun);
  EXECUTE format('GRANT SELECT ON %I TO mfm_writer, mfm_reader, mfm_auditor', noun);
  EXECUTE format('CREATE POLICY write_any ON %I FOR SELECT TO mfm_writer USING (true)', noun);
  EXECUTE format($p$CREATE POLICY read_one ON %I FOR SELECT TO mfm_reader, mfm_auditor
    USING (mechanism_id = nullif(current_setting('mfm.mechanism', true), '')::int)$p$, noun);
END $$;
REVOKE ALL ON FUNCTION join_nouns FROM PUBLIC;

-- As in 0001, but any table with id, seq and prev is a noun.
CREATE OR REPLACE FUNCTION apply_changes(
  p_mechanism int, p_first bigint, p_last bigint, noun text, rows jsonb)
RETURNS void
LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
DECLARE columns text; written bigint;
BEGIN
  IF (SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass(format('mfm.%I', noun))
        AND attname IN ('id', 'seq', 'prev')) <> 3 THEN
    PERFORM refuse_batch('noun-unknown', noun);
  END IF;
  SELECT string_agg(format('%1$I = excluded.%1$I', attname), ', ') INTO columns
    FROM pg_attribute WHERE attrelid = format('mfm.%I', noun)::regclass AND attnum > 0
     AND NOT attisdropped AND attname NOT IN ('mechanism_id', 'id');
  EXECUTE format('INSERT INTO %1$I AS t SELECT r.* FROM jsonb_populate_recordset(NULL::%1$I, $1) r'
    ' WHERE r.mechanism_id = $2 AND r.seq BETWEEN $3 AND $4 AND r.prev < r.seq'
    ' ON CONFLICT (mechanism_id, id) DO UPDATE SET %2$s WHERE t.seq <= excluded.prev', noun, columns)
    USING rows, p_mechanism, p_first, p_last;
  GET DIAGNOSTICS written = ROW_COUNT;
  IF written <> jsonb_array_length(rows) THEN PERFORM refuse_batch('noun-stale', noun); END IF;
END $$;
