-- What a case of overlap rests on, fact by fact: what was dismissed comes back with a new one alone.
SET LOCAL search_path = mfm;

ALTER TABLE overlap_case ADD COLUMN facts jsonb NOT NULL DEFAULT '[]'
  CHECK (jsonb_typeof(facts) = 'array' AND jsonb_array_length(facts) <= 200);

-- A case is told anew with a fact more than before, and its evidence is that of its facts.
CREATE FUNCTION guard_news() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
DECLARE
  known jsonb := '[]';
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF NEW.told_in = OLD.told_in AND NEW.facts = OLD.facts AND NEW.evidence = OLD.evidence THEN
      RETURN NULL;
    END IF;
    known := OLD.facts;
  END IF;
  IF NOT NEW.facts @> known OR jsonb_array_length(NEW.facts) <= jsonb_array_length(known)
     OR NEW.evidence <> encode(sha256(convert_to(concat_ws(E'\n', NEW.detector, NEW.first, NEW.second,
          (SELECT string_agg(f, E'\n' ORDER BY f COLLATE "C") FROM jsonb_array_elements_text(NEW.facts) f)),
          'UTF8')), 'hex') THEN
    PERFORM refuse_batch('overlap-news', NEW.id);
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER news AFTER INSERT OR UPDATE ON overlap_case DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION guard_news();
ALTER TABLE overlap_case ENABLE ALWAYS TRIGGER news;
REVOKE ALL ON FUNCTION guard_news FROM PUBLIC;
