-- A contest may be withdrawn by whom it concerns, and what was withdrawn may be contested again.
SET LOCAL search_path = mfm;

ALTER TABLE contest DROP CONSTRAINT contest_status_check,
  ADD CONSTRAINT contest_status_check CHECK (status IN ('open', 'upheld', 'dismissed', 'withdrawn', 'reversed'));
DO $$
DECLARE name text;
BEGIN
  SELECT conname INTO STRICT name FROM pg_constraint
   WHERE conrelid = 'contest'::regclass AND contype = 'c' AND pg_get_constraintdef(oid) LIKE '%open%answered_by%'
     AND pg_get_constraintdef(oid) LIKE '%reversed%';
  EXECUTE format('ALTER TABLE contest DROP CONSTRAINT %I', name);
END $$;
ALTER TABLE contest ADD CONSTRAINT contest_answered
  CHECK (status = 'reversed' OR (status IN ('open', 'withdrawn')) = (answered_by = ''));

-- It was open until then, and its condition is contested no more.
CREATE FUNCTION guard_withdrawn() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
BEGIN
  IF OLD.status <> 'open' OR EXISTS (SELECT FROM condition c WHERE c.mechanism_id = NEW.mechanism_id
       AND NEW.subject = 'condition:' || c.id AND c.contest <> '') THEN
    PERFORM refuse_batch('contest-state', NEW.id);
  END IF;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION guard_withdrawn FROM PUBLIC;
CREATE CONSTRAINT TRIGGER withdrawn AFTER UPDATE ON contest DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.status = 'withdrawn') EXECUTE FUNCTION guard_withdrawn();
ALTER TABLE contest ENABLE ALWAYS TRIGGER withdrawn;
