-- Gates at less cost: nothing is held here that was not held before, and nothing less.
SET LOCAL search_path = mfm;

-- Whose reports are overdue is asked before every promise and payment.
CREATE INDEX disbursement_report_by ON disbursement (mechanism_id, to_party, report_by)
  WHERE status IN ('released', 'confirmed');

-- As in 0017, a look-up for each decision instead of a join, which was planned as a walk over all of
-- them, and without turning each row of some fifty columns into JSON to read a few.
CREATE FUNCTION must_be_decided(p_mechanism int, p_gate text, p_noun text, p_id text) RETURNS void
LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM decision d WHERE d.mechanism_id = p_mechanism
       AND d.subject = p_noun || ':' || p_id AND d.gate = p_gate LIMIT 1) THEN
    PERFORM refuse_batch('gate', p_id);
  END IF;
END $$;
REVOKE ALL ON FUNCTION must_be_decided FROM PUBLIC;

CREATE OR REPLACE FUNCTION guard_money_gate() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
BEGIN
  IF NEW.status = 'reversed' THEN RETURN NULL; END IF;
  IF TG_TABLE_NAME = 'allocation' THEN
    PERFORM must_be_decided(NEW.mechanism_id, 'allocation', 'allocation', NEW.id);
  ELSIF TG_TABLE_NAME = 'commitment' THEN
    PERFORM must_be_decided(NEW.mechanism_id, CASE NEW.kind WHEN 'contribution' THEN 'activation'
                            ELSE 'signature' END, 'commitment', NEW.id);
  ELSIF NEW.approved_by <> '' THEN
    PERFORM must_be_decided(NEW.mechanism_id, 'approval', 'disbursement', NEW.id);
    IF NEW.released_by <> '' OR NEW.instructed_by <> '' THEN
      PERFORM must_be_decided(NEW.mechanism_id, 'payment', 'disbursement', NEW.id);
    END IF;
  END IF;
  RETURN NULL;
END $$;
