-- The log of reads: who read or exported what that is not public. It is no part of the journal: it says
-- nothing about a fund, is written beside the requests that it tells of, and the books do not hang on it.
SET LOCAL search_path = mfm;

CREATE TABLE read_log (
  mechanism_id int NOT NULL,
  id uuid NOT NULL DEFAULT uuidv7(),          -- in the order of writing, without a sequence
  at timestamptz NOT NULL,
  party text NOT NULL, role text NOT NULL, key text NOT NULL,  -- who: as records name actors
  action text NOT NULL,                       -- of the table of permissions, such as statement.read
  subject text NOT NULL,                      -- what: an address with its query, or a command
  items bigint NOT NULL CHECK (items >= 0),   -- how many things were told
  PRIMARY KEY (mechanism_id, id));

CREATE TRIGGER no_change BEFORE UPDATE OR DELETE ON read_log FOR EACH STATEMENT EXECUTE FUNCTION deny();
CREATE TRIGGER only_append BEFORE INSERT OR UPDATE ON read_log
  FOR EACH STATEMENT EXECUTE FUNCTION only_append();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON read_log FOR EACH STATEMENT EXECUTE FUNCTION deny();
ALTER TABLE read_log ENABLE ALWAYS TRIGGER no_change, ENABLE ALWAYS TRIGGER only_append,
  ENABLE ALWAYS TRIGGER no_truncate, ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON read_log TO mfm_writer, mfm_reader, mfm_auditor;
CREATE POLICY write_any ON read_log FOR SELECT TO mfm_writer USING (true);
CREATE POLICY read_one ON read_log FOR SELECT TO mfm_reader, mfm_auditor
  USING (mechanism_id = nullif(current_setting('mfm.mechanism', true), '')::int);

-- Adds reads to the log, one element of each array a read; it locks nothing that a writer needs.
CREATE FUNCTION note_reads(
  p_mechanism int, p_at timestamptz[], p_party text[], p_role text[], p_key text[], p_action text[],
  p_subject text[], p_items bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = mfm, pg_temp AS $$
BEGIN
  PERFORM set_config('mfm.appending', 'on', true);
  INSERT INTO read_log (mechanism_id, at, party, role, key, action, subject, items)
  SELECT p_mechanism, u.* FROM unnest(p_at, p_party, p_role, p_key, p_action, p_subject, p_items) u;
  PERFORM set_config('mfm.appending', '', true);
END $$;
REVOKE ALL ON FUNCTION note_reads FROM PUBLIC;
GRANT EXECUTE ON FUNCTION note_reads TO mfm_writer;

-- Lineage walks from a fund to its commitments, envelopes and payments.
CREATE INDEX commitment_from_fund ON commitment (mechanism_id, from_fund);
CREATE INDEX commitment_to_fund ON commitment (mechanism_id, to_fund);
CREATE INDEX allocation_fund ON allocation (mechanism_id, fund);
CREATE INDEX disbursement_from_fund ON disbursement (mechanism_id, from_fund);

-- Parties whose name would endanger them: exports for the public name them by a value made from the
-- mask, which is random, so that it cannot be turned back.
ALTER TABLE party ADD COLUMN at_risk boolean NOT NULL DEFAULT false;
ALTER TABLE party ADD COLUMN mask text NOT NULL DEFAULT '';
ALTER TABLE party ADD CHECK (NOT at_risk OR mask <> '');

ALTER TABLE commitment ADD COLUMN activity text NOT NULL DEFAULT '';

-- The free text of a transaction that somebody else has published: the one kind of free text that
-- readers see, so that it can go out as it came in.
CREATE FUNCTION published_text(p_seq bigint) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = mfm, pg_temp AS $$
  SELECT t.value FROM payload t JOIN record r ON r.mechanism_id = t.mechanism_id AND r.seq = t.seq
   WHERE t.mechanism_id = nullif(current_setting('mfm.mechanism', true), '')::int AND t.seq = p_seq
     AND t.field = 'narratives' AND r.verb = 'import.transaction' $$;
REVOKE ALL ON FUNCTION published_text FROM PUBLIC;
GRANT EXECUTE ON FUNCTION published_text TO mfm_reader, mfm_auditor;
