-- The trail: the tree over the records' leaves as full tiles, and its signed checkpoints.
-- Everything here is made from record.content and can be made again; nothing is ever changed.
SET LOCAL search_path = mfm;

CREATE TABLE tile (                           -- full tiles only: the right edge is made from below
  mechanism_id int NOT NULL, level smallint NOT NULL CHECK (level BETWEEN 0 AND 6),
  idx bigint NOT NULL CHECK (idx >= 0),
  hashes bytea NOT NULL CHECK (octet_length(hashes) = 8192),
  root bytea NOT NULL CHECK (octet_length(root) = 32),
  PRIMARY KEY (mechanism_id, level, idx));
ALTER TABLE tile ALTER COLUMN hashes SET STORAGE EXTERNAL;

CREATE TABLE checkpoint (
  mechanism_id int NOT NULL, size bigint NOT NULL CHECK (size > 0),
  root bytea NOT NULL CHECK (octet_length(root) = 32), note text NOT NULL,
  sealed_at timestamptz NOT NULL, PRIMARY KEY (mechanism_id, size));

CREATE TABLE cosignature (                    -- a witness's line under a checkpoint
  mechanism_id int NOT NULL, size bigint NOT NULL, name text NOT NULL, line text NOT NULL,
  PRIMARY KEY (mechanism_id, size, name),
  FOREIGN KEY (mechanism_id, size) REFERENCES checkpoint);

CREATE TABLE anchor (                         -- somebody else's word on when a checkpoint existed
  mechanism_id int NOT NULL, size bigint NOT NULL, kind text NOT NULL, content bytea NOT NULL,
  PRIMARY KEY (mechanism_id, size, kind),
  FOREIGN KEY (mechanism_id, size) REFERENCES checkpoint);

-- Adds a checkpoint and the tiles that have filled up since the one before it. Two sealers at once
-- are told apart by the one before: the second finds another there than it started from.
CREATE FUNCTION seal(
  p_mechanism int, p_old bigint, p_size bigint, p_root bytea, p_note text, p_at timestamptz,
  t_level smallint[], t_idx bigint[], t_hashes bytea[], t_root bytea[])
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = mfm, pg_temp AS $$
DECLARE standing bigint; full_tiles bigint; l int;
BEGIN
  PERFORM FROM mechanism WHERE mechanism_id = p_mechanism FOR NO KEY UPDATE;
  SELECT coalesce(max(size), 0) INTO standing FROM checkpoint WHERE mechanism_id = p_mechanism;
  IF standing <> p_old THEN
    RAISE EXCEPTION 'sealed-meanwhile' USING ERRCODE = 'MF002', DETAIL = standing::text;
  END IF;
  IF p_size <= p_old OR p_size > (SELECT seq FROM head WHERE mechanism_id = p_mechanism) THEN
    PERFORM refuse_batch('seal-size', p_size::text);
  END IF;
  FOR l IN 0..6 LOOP
    SELECT count(*) INTO full_tiles FROM unnest(t_level, t_idx) u(level, idx)
     WHERE level = l AND idx >= p_old >> (8 * (l + 1)) AND idx < p_size >> (8 * (l + 1));
    IF full_tiles <> (p_size >> (8 * (l + 1))) - (p_old >> (8 * (l + 1))) THEN
      PERFORM refuse_batch('seal-tiles', l::text);
    END IF;
  END LOOP;
  PERFORM set_config('mfm.appending', 'on', true);
  INSERT INTO tile SELECT p_mechanism, level, idx, hashes, root
    FROM unnest(t_level, t_idx, t_hashes, t_root) u(level, idx, hashes, root);
  INSERT INTO checkpoint VALUES (p_mechanism, p_size, p_root, p_note, p_at);
  PERFORM set_config('mfm.appending', 'off', true);
END $$;

-- Keeps what others add to a checkpoint: a witness's line, an anchor. Each is said once.
CREATE FUNCTION cosign(p_mechanism int, p_size bigint, p_name text, p_line text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = mfm, pg_temp AS $$
BEGIN
  PERFORM set_config('mfm.appending', 'on', true);
  INSERT INTO cosignature VALUES (p_mechanism, p_size, p_name, p_line) ON CONFLICT DO NOTHING;
  PERFORM set_config('mfm.appending', 'off', true);
END $$;

CREATE FUNCTION keep_anchor(p_mechanism int, p_size bigint, p_kind text, p_content bytea)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = mfm, pg_temp AS $$
BEGIN
  PERFORM set_config('mfm.appending', 'on', true);
  INSERT INTO anchor VALUES (p_mechanism, p_size, p_kind, p_content) ON CONFLICT DO NOTHING;
  PERFORM set_config('mfm.appending', 'off', true);
END $$;

REVOKE ALL ON FUNCTION seal, cosign, keep_anchor FROM PUBLIC;
GRANT EXECUTE ON FUNCTION seal, cosign, keep_anchor TO mfm_writer;

DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['tile','checkpoint','cosignature','anchor'] LOOP
    EXECUTE format('CREATE TRIGGER no_change BEFORE UPDATE OR DELETE ON %I'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION deny()', t);
    EXECUTE format('CREATE TRIGGER only_append BEFORE INSERT OR UPDATE ON %I'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION only_append()', t);
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %I'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION deny()', t);
    EXECUTE format('ALTER TABLE %1$I ENABLE ALWAYS TRIGGER no_change,'
                   ' ENABLE ALWAYS TRIGGER only_append, ENABLE ALWAYS TRIGGER no_truncate,'
                   ' ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('GRANT SELECT ON %I TO mfm_writer, mfm_reader, mfm_auditor', t);
    EXECUTE format('CREATE POLICY write_any ON %I FOR SELECT TO mfm_writer USING (true)', t);
    EXECUTE format($p$CREATE POLICY read_one ON %I FOR SELECT TO mfm_reader, mfm_auditor
      USING (mechanism_id = nullif(current_setting('mfm.mechanism', true), '')::int)$p$, t);
  END LOOP;
END $$;

-- A change of the log's key ends a checkpoint, so that the old key signs it: none reaches past one.
CREATE INDEX record_rotation ON record (mechanism_id, seq) WHERE verb = 'trail.rotate-key' AND accepted;

CREATE FUNCTION end_at_rotation() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM record WHERE mechanism_id = NEW.mechanism_id AND seq < NEW.size
                AND verb = 'trail.rotate-key' AND accepted
                AND seq > coalesce((SELECT max(size) FROM checkpoint
                    WHERE mechanism_id = NEW.mechanism_id AND size < NEW.size), 0)) THEN
    PERFORM refuse_batch('seal-rotation', NEW.size::text);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER ends_at_rotation AFTER INSERT ON checkpoint FOR EACH ROW EXECUTE FUNCTION end_at_rotation();
ALTER TABLE checkpoint ENABLE ALWAYS TRIGGER ends_at_rotation;

-- Erasure: the record that says so deletes the fields' salts and values, in the transaction that writes
-- it, and there is no other way; by hand the depth of triggers is 1. The commitments stay.
CREATE FUNCTION erase_payload() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
DECLARE facts json; gone bigint;
BEGIN
  facts := convert_from(NEW.content, 'UTF8')::json -> 'body' -> 'facts';
  DELETE FROM payload WHERE mechanism_id = NEW.mechanism_id AND seq = (facts ->> 'record')::bigint
     AND field IN (SELECT json_array_elements_text(facts -> 'fields'));
  GET DIAGNOSTICS gone = ROW_COUNT;
  IF gone = 0 OR gone <> json_array_length(facts -> 'fields') THEN
    PERFORM refuse_batch('erasure-differs', NEW.seq::text);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER erases AFTER INSERT ON record FOR EACH ROW
  WHEN (NEW.verb = 'payload.erase' AND NEW.accepted) EXECUTE FUNCTION erase_payload();
ALTER TABLE record ENABLE ALWAYS TRIGGER erases;

CREATE FUNCTION deny_but_erasure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND pg_trigger_depth() > 1 THEN RETURN NULL; END IF;
  RAISE EXCEPTION '% on mfm.% is forbidden: append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'MF403';
END $$;
CREATE OR REPLACE TRIGGER no_change BEFORE UPDATE OR DELETE ON payload
  FOR EACH STATEMENT EXECUTE FUNCTION deny_but_erasure();
ALTER TABLE payload ENABLE ALWAYS TRIGGER no_change;

REVOKE ALL ON FUNCTION end_at_rotation, erase_payload, deny_but_erasure FROM PUBLIC;
