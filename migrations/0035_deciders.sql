-- A case that concerns several funds is not decided by two people of one of them.
SET LOCAL search_path = mfm;

CREATE FUNCTION guard_deciders() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
DECLARE of_both text;
BEGIN
  SELECT p.fund INTO of_both FROM api_key p JOIN api_key d ON d.mechanism_id = p.mechanism_id AND d.fund = p.fund
   WHERE p.mechanism_id = NEW.mechanism_id AND p.id = NEW.proposed_by AND d.id = NEW.decided_by AND p.fund <> '';
  IF of_both IS NOT NULL AND (overlap_funds(NEW.mechanism_id, NEW.detector, NEW.sides, 0)
       || overlap_funds(NEW.mechanism_id, NEW.detector, NEW.sides, 1)) - of_both <> '[]' THEN
    PERFORM refuse_batch('overlap-one-fund', NEW.id);
  END IF;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION guard_deciders FROM PUBLIC;
CREATE CONSTRAINT TRIGGER deciders AFTER INSERT OR UPDATE ON overlap_case DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.decided_in = NEW.seq AND NEW.status <> 'reversed') EXECUTE FUNCTION guard_deciders();
ALTER TABLE overlap_case ENABLE ALWAYS TRIGGER deciders;
