-- How far each follower of the journal has come, so that a restart neither skips nor begins anew.
SET LOCAL search_path = mfm;

CREATE TABLE follower (
  mechanism_id int NOT NULL,
  id text NOT NULL CHECK (id <> ''),              -- which follower, such as overlap
  seq bigint NOT NULL CHECK (seq >= 0),           -- the last record that it has dealt with
  PRIMARY KEY (mechanism_id, id));
SELECT join_nouns('follower');                    -- it is none, but is guarded as they are

-- Notes how far a follower has come; two of one name only ever move forward.
CREATE FUNCTION follow(p_mechanism int, p_id text, p_seq bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = mfm, pg_temp AS $$
BEGIN
  PERFORM set_config('mfm.appending', 'on', true);
  INSERT INTO follower AS f VALUES (p_mechanism, p_id, p_seq)
    ON CONFLICT (mechanism_id, id) DO UPDATE SET seq = excluded.seq WHERE f.seq < excluded.seq;
  PERFORM set_config('mfm.appending', '', true);
END $$;
REVOKE ALL ON FUNCTION follow FROM PUBLIC;
GRANT EXECUTE ON FUNCTION follow TO mfm_writer;
