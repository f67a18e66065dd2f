-- Policies are asked before money is set aside, promised, approved and paid.
SET LOCAL search_path = mfm;

-- No step through a gate without a decision on it; looked at when all of a batch is written.
CREATE FUNCTION guard_money_gate() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
DECLARE told jsonb := to_jsonb(NEW); gates text[];
BEGIN
  IF NEW.status = 'reversed' THEN RETURN NULL; END IF;
  CASE TG_TABLE_NAME
    WHEN 'allocation' THEN gates := '{allocation}';
    WHEN 'commitment' THEN
      gates := CASE told ->> 'kind' WHEN 'contribution' THEN '{activation}' ELSE '{signature}' END;
    ELSE
      IF told ->> 'approved_by' = '' THEN RETURN NULL; END IF;
      gates := CASE WHEN told ->> 'released_by' <> '' OR told ->> 'instructed_by' <> ''
                    THEN '{approval,payment}' ELSE '{approval}' END;
  END CASE;
  IF EXISTS (SELECT FROM unnest(gates) g WHERE NOT EXISTS (
       SELECT FROM decision d WHERE d.mechanism_id = NEW.mechanism_id AND d.gate = g
          AND d.subject = TG_TABLE_NAME || ':' || NEW.id)) THEN
    PERFORM refuse_batch('gate', NEW.id);
  END IF;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION guard_money_gate FROM PUBLIC;

CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON allocation DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION guard_money_gate();
CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON commitment DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION guard_money_gate();
CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON disbursement DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION guard_money_gate();
CREATE CONSTRAINT TRIGGER gate_taken AFTER UPDATE ON disbursement DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN ((OLD.approved_by, OLD.instructed_by, OLD.released_by)
    IS DISTINCT FROM (NEW.approved_by, NEW.instructed_by, NEW.released_by)) EXECUTE FUNCTION guard_money_gate();
DO $$ DECLARE t regclass; g name; BEGIN
  FOR t, g IN SELECT tgrelid, tgname FROM pg_trigger WHERE tgname LIKE 'gate%' AND NOT tgisinternal LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', t, g);
  END LOOP;
END $$;
