-- What policies said at a gate, kept with what was done; and the waivers that lift a hold.
SET LOCAL search_path = mfm;

CREATE TABLE decision (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('made', 'reversed')),
  gate text NOT NULL CHECK (gate IN ('application', 'signature', 'activation', 'amendment', 'allocation',
    'approval', 'payment')),
  fund text NOT NULL, funding_window text NOT NULL, subject text NOT NULL, judged_on date NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('allow', 'allow-with-flags', 'needs-approval')),
  content text NOT NULL CHECK (content ~ '^[0-9a-f]{64}$'), waivers jsonb NOT NULL,
  PRIMARY KEY (mechanism_id, id),
  CHECK ((outcome = 'needs-approval') = (waivers <> '[]')));   -- a hold is lifted by a waiver alone
CREATE INDEX decision_subject ON decision (mechanism_id, subject, gate);
SELECT join_nouns('decision');

CREATE TABLE waiver (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('signed', 'revoked', 'reversed')),
  gate text NOT NULL, fund text NOT NULL, subject text NOT NULL,
  rules jsonb NOT NULL CHECK (rules <> '[]'), role text NOT NULL CHECK (role <> ''),
  valid_until date NOT NULL, signed_by text NOT NULL CHECK (signed_by <> ''), party text NOT NULL,
  PRIMARY KEY (mechanism_id, id));
CREATE INDEX waiver_subject ON waiver (mechanism_id, subject);
SELECT join_nouns('waiver');

-- No application is handed in without a decision on it; looked at when all of a batch is written.
CREATE FUNCTION guard_gate() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
BEGIN
  IF NEW.submitted_by <> '' AND NEW.status <> 'reversed' AND NOT EXISTS (SELECT FROM decision d
       WHERE d.mechanism_id = NEW.mechanism_id AND d.gate = 'application'
         AND d.subject = 'application:' || NEW.id) THEN
    PERFORM refuse_batch('gate', NEW.id);
  END IF;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION guard_gate FROM PUBLIC;
CREATE CONSTRAINT TRIGGER gate AFTER INSERT OR UPDATE ON application DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION guard_gate();
ALTER TABLE application ENABLE ALWAYS TRIGGER gate;
