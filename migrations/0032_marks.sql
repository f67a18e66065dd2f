-- What two organisations, or two costs, have in common beside their records: a telephone number, an
-- invoice. A mark goes with its text: erased, nothing is left to compare. No reader reads marks.
SET LOCAL search_path = mfm;

CREATE TABLE overlap_mark (
  mechanism_id int NOT NULL,
  noun text NOT NULL CHECK (noun IN ('attestation', 'report', 'cost')), id text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('phone', 'email', 'address', 'signatory', 'invoice', 'document')),
  mark bytea NOT NULL CHECK (octet_length(mark) = 32),    -- SHA-256 of the kind and the text in one form
  seq bigint NOT NULL,                                    -- the record that tells it
  field text CHECK ((field IS NULL) = (kind = 'document')),   -- the text beside it; documents are told in clear
  version int NOT NULL CHECK (version > 0),               -- of the marks
  PRIMARY KEY (mechanism_id, noun, id, kind, mark),
  FOREIGN KEY (mechanism_id, seq, field) REFERENCES payload ON DELETE CASCADE);
CREATE INDEX overlap_mark_mark ON overlap_mark (mechanism_id, mark);
CREATE INDEX overlap_mark_text ON overlap_mark (mechanism_id, seq, field);
CREATE TRIGGER no_delete BEFORE DELETE ON overlap_mark FOR EACH STATEMENT EXECUTE FUNCTION deny_but_erasure();
CREATE TRIGGER only_append BEFORE INSERT OR UPDATE ON overlap_mark FOR EACH STATEMENT EXECUTE FUNCTION only_append();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON overlap_mark FOR EACH STATEMENT EXECUTE FUNCTION deny();
ALTER TABLE overlap_mark ENABLE ALWAYS TRIGGER no_delete, ENABLE ALWAYS TRIGGER only_append,
  ENABLE ALWAYS TRIGGER no_truncate, ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON overlap_mark TO mfm_writer, mfm_auditor;
CREATE POLICY write_any ON overlap_mark FOR SELECT TO mfm_writer USING (true);
CREATE POLICY read_one ON overlap_mark FOR SELECT TO mfm_reader, mfm_auditor
  USING (mechanism_id = nullif(current_setting('mfm.mechanism', true), '')::int);

-- Keeps marks, each once: [{"noun", "id", "kind", "mark", "seq", "field", "version"}]. What a later record
-- tells again goes with that one's text.
CREATE FUNCTION write_marks(p_mechanism int, p_rows jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = mfm, pg_temp AS $$
BEGIN
  PERFORM set_config('mfm.appending', 'on', true);
  INSERT INTO overlap_mark AS m
  SELECT DISTINCT ON (noun, id, kind, mark) p_mechanism, noun, id, kind, decode(mark, 'hex'), seq, field, version
    FROM jsonb_to_recordset(p_rows)
      AS x(noun text, id text, kind text, mark text, seq bigint, field text, version int)
   ORDER BY noun, id, kind, mark, seq DESC
  ON CONFLICT (mechanism_id, noun, id, kind, mark) DO UPDATE
     SET seq = excluded.seq, field = excluded.field, version = excluded.version WHERE m.seq <= excluded.seq;
  PERFORM set_config('mfm.appending', '', true);
END $$;

-- The marks that some nouns share with others of their kind, or all marks where none is named. What stands
-- for a mark here means something in this answer alone: it cannot be looked up, nor compared with another's.
-- Of each mark at most so many holders are told. A contact counts while its attestation stands.
CREATE FUNCTION overlap_marks(p_noun text, p_ids text[], p_version int, p_most int)
RETURNS TABLE (id text, kind text, mark text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = mfm, pg_temp AS $$
  WITH here AS MATERIALIZED (
    SELECT nullif(current_setting('mfm.mechanism', true), '')::int AS mechanism, gen_random_uuid()::text AS salt),
  asked AS MATERIALIZED (
    SELECT m.mark FROM here, unnest(p_ids) u(id) JOIN LATERAL (
      SELECT x.mark FROM overlap_mark x
       WHERE x.mechanism_id = here.mechanism AND x.noun = p_noun AND x.id = u.id AND x.version = p_version) m ON true
    UNION
    SELECT x.mark FROM here, overlap_mark x
     WHERE p_ids IS NULL AND x.mechanism_id = here.mechanism AND x.noun = p_noun AND x.version = p_version)
  SELECT h.id, h.kind, encode(sha256(convert_to(here.salt, 'UTF8') || a.mark), 'hex')
    FROM here, asked a, LATERAL (
      SELECT x.id, x.kind FROM overlap_mark x
       WHERE x.mechanism_id = here.mechanism AND x.mark = a.mark AND x.noun = p_noun AND x.version = p_version
         AND (x.noun <> 'attestation' OR EXISTS (SELECT FROM attestation t
               WHERE t.mechanism_id = here.mechanism AND t.id = x.id AND t.seq = x.seq))
       LIMIT p_most) h $$;
REVOKE ALL ON FUNCTION write_marks, overlap_marks FROM PUBLIC;
GRANT EXECUTE ON FUNCTION write_marks TO mfm_writer;
GRANT EXECUTE ON FUNCTION overlap_marks TO mfm_reader, mfm_auditor;

-- How an organisation is reached, and who signs for it.
ALTER TABLE attestation
  DROP CONSTRAINT attestation_kind_check,
  DROP CONSTRAINT attestation_check5,
  ADD CONSTRAINT attestation_kind CHECK (kind IN ('registration', 'host', 'level', 'type', 'ingo-affiliate', 'mission',
    'women-in-leadership', 'peer-attestation', 'annual-budget', 'due-diligence', 'sanctions-screening', 'bank-account',
    'audit-finding', 'overdue-exception', 'city', 'website', 'phone', 'email', 'address', 'signatory')),
  ADD CONSTRAINT attestation_value CHECK (CASE kind
    WHEN 'host' THEN value <> '' AND value <> party
    WHEN 'level' THEN value IN ('grassroots', 'local', 'national', 'regional', 'international')
    WHEN 'type' THEN value IN ('women-rights', 'women-led', 'young-women-led', 'civil-society',
      'local-government', 'national-government', 'network', 'intermediary', 'academia')
    WHEN 'ingo-affiliate' THEN value IN ('yes', 'no')
    WHEN 'women-in-leadership' THEN value ~ '^(100|[1-9]?[0-9])$'
    WHEN 'due-diligence' THEN value IN ('passed', 'failed', 'pending')
    WHEN 'sanctions-screening' THEN value IN ('clear', 'hit')
    WHEN 'bank-account' THEN value ~ '^[0-9a-f]{64}$'
    WHEN 'audit-finding' THEN value IN ('critical', 'major', 'minor')
    WHEN 'city' THEN value <> '' AND length(value) <= 100 AND value !~ '^\s|\s$|\n'
    WHEN 'website' THEN value ~ '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$'
    WHEN 'email' THEN value ~ '^(([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9])?$'
    ELSE value = '' END);

-- What is often a person's stands beside the record, never in it.
CREATE FUNCTION guard_contact() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
BEGIN
  IF (NEW.kind IN ('phone', 'email', 'address', 'signatory')) <> EXISTS (SELECT FROM payload p
       WHERE p.mechanism_id = NEW.mechanism_id AND p.seq = NEW.seq AND p.field = 'contact') THEN
    PERFORM refuse_batch('attestation-contact', NEW.id);
  END IF;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION guard_contact FROM PUBLIC;
CREATE CONSTRAINT TRIGGER contact AFTER INSERT OR UPDATE ON attestation DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.status = 'in-force') EXECUTE FUNCTION guard_contact();
ALTER TABLE attestation ENABLE ALWAYS TRIGGER contact;

-- What expenditure is proved by: each document once, in order.
ALTER TABLE report ADD COLUMN documents jsonb NOT NULL DEFAULT '[]', ADD CONSTRAINT report_documents CHECK (
  jsonb_array_length(documents) <= 32 AND NOT documents @? '$[*] ? (!(@ like_regex "^[0-9a-f]{64}$"))');
ALTER TABLE cost ADD COLUMN documents jsonb NOT NULL DEFAULT '[]', ADD CONSTRAINT cost_documents CHECK (
  jsonb_array_length(documents) <= 32 AND NOT documents @? '$[*] ? (!(@ like_regex "^[0-9a-f]{64}$"))');

-- What is looked for when one report, cost or contribution is checked.
CREATE INDEX report_party ON report (mechanism_id, party, currency);
CREATE INDEX cost_amount ON cost (mechanism_id, currency, amount_minor) WHERE kind = 'direct';
CREATE INDEX commitment_from_party ON commitment (mechanism_id, from_party, currency, amount_minor)
  WHERE kind = 'contribution';
