-- Contests: what somebody holds against a decision or condition that concerns them, and the answer.
SET LOCAL search_path = mfm;

CREATE TABLE contest (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('open', 'upheld', 'dismissed', 'reversed')),
  subject text NOT NULL CHECK (subject ~ '^(condition|decision|application):'), fund text NOT NULL CHECK (fund <> ''),
  party text NOT NULL CHECK (party <> ''),
  owner text NOT NULL CHECK (owner IN ('board', 'approver', 'donor')), owner_key text NOT NULL,
  opened_on date NOT NULL, due_on date NOT NULL CHECK (due_on >= opened_on),
  contested_by text NOT NULL CHECK (contested_by <> ''), answered_by text NOT NULL,
  written_in bigint NOT NULL CHECK (written_in BETWEEN 1 AND seq),
  answered_in bigint NOT NULL CHECK (answered_in BETWEEN 0 AND seq),
  PRIMARY KEY (mechanism_id, id),
  CHECK (id = replace(subject, ':', '.')),                      -- nothing is contested twice
  CHECK (contested_by NOT IN (owner_key, answered_by)),
  CHECK (answered_by = '' OR owner_key IN ('', answered_by)),
  CHECK ((answered_by = '') = (answered_in = 0)),
  CHECK (status = 'reversed' OR (status = 'open') = (answered_by = '')));
CREATE INDEX contest_party ON contest (mechanism_id, party);
CREATE INDEX contest_due ON contest (mechanism_id, fund, due_on) WHERE status = 'open';
SELECT join_nouns('contest');

ALTER TABLE standards ADD COLUMN contest_days int NOT NULL DEFAULT 30 CHECK (contest_days BETWEEN 1 AND 366);

-- As in 0018, with the words of contests and their answers.
CREATE OR REPLACE FUNCTION words_beside(p_seqs bigint[]) RETURNS TABLE (field text, value text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = mfm, pg_temp AS $$
  SELECT t.field, t.value FROM payload t JOIN record r ON r.mechanism_id = t.mechanism_id AND r.seq = t.seq
   WHERE t.mechanism_id = nullif(current_setting('mfm.mechanism', true), '')::int AND t.seq = ANY (p_seqs)
     AND r.verb IN ('call.draft', 'call.revise', 'comment.make', 'comment.answer', 'application.draft',
       'application.revise', 'application.decide', 'overlap.explain', 'contest.open', 'contest.answer',
       'condition.contest', 'condition.answer') $$;

-- A policy is simulated over what was decided before its board approves it.
ALTER TABLE policy ADD COLUMN simulation text NOT NULL DEFAULT '' CHECK (simulation ~ '^([0-9a-f]{64})?$'),
  ADD CONSTRAINT policy_simulated CHECK (status <> 'simulated' OR simulation <> '');
CREATE FUNCTION guard_simulated() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
BEGIN
  IF NEW.simulation = '' THEN PERFORM refuse_batch('policy-simulated', NEW.id); END IF;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION guard_simulated FROM PUBLIC;
CREATE TRIGGER simulated AFTER UPDATE ON policy FOR EACH ROW
  WHEN (NEW.status = 'approved' AND OLD.status <> 'approved') EXECUTE FUNCTION guard_simulated();
ALTER TABLE policy ENABLE ALWAYS TRIGGER simulated;
