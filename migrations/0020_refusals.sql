-- What policies did not let through is kept as a decision too, and whom each concerns; and nobody amends
-- an agreement without asking them.
SET LOCAL search_path = mfm;

ALTER TABLE decision ADD COLUMN party text NOT NULL DEFAULT '',
  DROP CONSTRAINT decision_status_check, DROP CONSTRAINT decision_outcome_check, DROP CONSTRAINT decision_check,
  ADD CONSTRAINT decision_status CHECK (status IN ('made', 'refused', 'reversed')),
  ADD CONSTRAINT decision_outcome CHECK (CASE
    WHEN status = 'refused' THEN outcome IN ('refuse', 'incomplete', 'needs-approval') AND waivers = '[]'
    WHEN outcome = 'needs-approval' THEN waivers <> '[]'       -- a hold is lifted by a waiver alone
    ELSE outcome IN ('allow', 'allow-with-flags') AND waivers = '[]' END);
CREATE INDEX decision_party ON decision (mechanism_id, party, seq) WHERE party <> '';

-- A refusal sets what policies said, and a step sets what let it through.
CREATE FUNCTION guard_decision() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
BEGIN
  IF NEW.status <> 'reversed' AND (NEW.status = 'made') IS DISTINCT FROM (SELECT accepted FROM record r
       WHERE r.mechanism_id = NEW.mechanism_id AND r.seq = NEW.seq) THEN
    PERFORM refuse_batch('gate', NEW.id);
  END IF;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION guard_decision FROM PUBLIC;
CREATE TRIGGER gate AFTER INSERT OR UPDATE ON decision FOR EACH ROW EXECUTE FUNCTION guard_decision();
ALTER TABLE decision ENABLE ALWAYS TRIGGER gate;

-- As in 0016 and 0019, but what was refused lets nothing through.
CREATE OR REPLACE FUNCTION must_be_decided(p_mechanism int, p_gate text, p_noun text, p_id text) RETURNS void
LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM decision d WHERE d.mechanism_id = p_mechanism
       AND d.subject = p_noun || ':' || p_id AND d.gate = p_gate AND d.status = 'made' LIMIT 1) THEN
    PERFORM refuse_batch('gate', p_id);
  END IF;
END $$;

CREATE OR REPLACE FUNCTION guard_gate() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
BEGIN
  IF NEW.submitted_by <> '' AND NEW.status <> 'reversed' THEN
    PERFORM must_be_decided(NEW.mechanism_id, 'application', 'application', NEW.id);
  END IF;
  RETURN NULL;
END $$;

-- More money, more time, or a condition that is accepted: each amends an agreement. Taking one of these
-- back, or what made an agreement less, asks nobody.
CREATE FUNCTION guard_amendment() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
DECLARE agreement text := coalesce(to_jsonb(NEW) ->> 'commitment', NEW.id);
BEGIN
  IF NEW.status <> 'reversed' AND NOT EXISTS (SELECT FROM decision d
       WHERE d.mechanism_id = NEW.mechanism_id AND d.gate = 'amendment' AND d.status = 'made'
         AND d.subject = 'commitment:' || agreement AND d.seq > OLD.seq AND d.seq <= NEW.seq)
     AND NOT EXISTS (SELECT FROM record r WHERE r.mechanism_id = NEW.mechanism_id
         AND r.seq > OLD.seq AND r.seq <= NEW.seq AND r.reverses IS NOT NULL) THEN
    PERFORM refuse_batch('gate', NEW.id);
  END IF;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION guard_amendment FROM PUBLIC;
CREATE CONSTRAINT TRIGGER gate_amended AFTER UPDATE ON commitment DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.amount_minor > OLD.amount_minor OR NEW.ends_on IS DISTINCT FROM OLD.ends_on)
  EXECUTE FUNCTION guard_amendment();
CREATE CONSTRAINT TRIGGER gate_amended AFTER UPDATE ON condition DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (OLD.status = 'proposed' AND NEW.status = 'open') EXECUTE FUNCTION guard_amendment();
ALTER TABLE commitment ENABLE ALWAYS TRIGGER gate_amended;
ALTER TABLE condition ENABLE ALWAYS TRIGGER gate_amended;
